// What the three real providers share: one SDK client per key, the next key when one is refused, errors translated once.
import type { Clock } from '../../shared/clock.ts';
import type { AppError } from '../../shared/errors.ts';
import { abortError, translateModelError } from './errors.ts';
import type { KeyPool } from './keys.ts';
import type { ProviderQuirks } from './presets.ts';
import type { ModelEvent } from './types.ts';

export interface ProviderInput {
  /** Preset or configuration id; goes into errors, usage rows and reasoning items. */
  id: string;
  baseUrl: string;
  keys: KeyPool;
  quirks: ProviderQuirks;
  fetch: typeof fetch;
  clock: Clock;
}

/** No own limit of the SDKs: `callModel` keeps the time. An hour ends what nobody watches. */
export const SDK_TIMEOUT_MS = 3_600_000;

export interface Connection<Client> {
  /** Runs `call` with a client, once per usable key until one is not refused. Yields its events; throws only AppError. */
  stream(
    call: (client: Client) => AsyncIterable<ModelEvent>,
    signal: AbortSignal,
  ): AsyncGenerator<ModelEvent, void, void>;
  /** As `stream`, for calls with one answer. */
  request<T>(call: (client: Client) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** `open` imports the SDK and makes a client; it runs once per key, at the first call with that key. */
export function makeConnection<Client>(
  input: ProviderInput,
  open: (key: string) => Promise<Client>,
): Connection<Client> {
  const clients = new Map<string, Promise<Client>>();
  const clientOf = (key: string): Promise<Client> => {
    const known = clients.get(key);
    if (known) return known;
    const opened = open(key);
    clients.set(key, opened);
    // A failed import (say, out of memory) must not stay for ever.
    opened.catch(() => clients.delete(key));
    return opened;
  };

  /** The key to go on with after `error`; throws the translated error when there is none. */
  const nextKey = (
    error: unknown,
    use: { key: string; tried: Set<string>; started: boolean; signal: AbortSignal },
  ): string => {
    const secrets = [use.key, ...input.keys.keys];
    const context = { provider: input.id, signal: use.signal, secrets, now: input.clock.now() };
    const translated = translateModelError(error, context);
    input.keys.reportFailure(use.key, translated.code, translated.retryAfterMs);
    use.tried.add(use.key);
    const next = !use.started && isAboutKey(translated) ? input.keys.pickAnother(use.tried) : undefined;
    if (next === undefined) throw translated;
    return next;
  };

  return {
    async *stream(call, signal) {
      if (signal.aborted) throw abortError(signal);
      const use = { key: input.keys.pick(), tried: new Set<string>(), started: false, signal };
      for (;;) {
        try {
          for await (const event of call(await clientOf(use.key))) {
            use.started = true;
            yield event;
          }
          input.keys.reportSuccess(use.key);
          return;
        } catch (error) {
          use.key = nextKey(error, use);
        }
      }
    },
    async request(call, signal) {
      if (signal.aborted) throw abortError(signal);
      const use = { key: input.keys.pick(), tried: new Set<string>(), started: false, signal };
      for (;;) {
        try {
          const answer = await call(await clientOf(use.key));
          input.keys.reportSuccess(use.key);
          return answer;
        } catch (error) {
          use.key = nextKey(error, use);
        }
      }
    },
  };
}

function isAboutKey(error: AppError): boolean {
  return error.code === 'model_auth' || error.code === 'model_rate_limited' || error.code === 'model_billing';
}
