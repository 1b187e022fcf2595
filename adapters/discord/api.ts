// Calls of the REST API: discord.js's queue and rate-limit buckets over the fetch that was handed in, each with a deadline. Loads discord.js.
import { AsyncLocalStorage } from 'node:async_hooks';
import { REST, RequestMethod } from 'discord.js';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import type { Redactor } from '../../shared/redact.ts';
import { NotCalledError } from '../transport/failures.ts';
import { isRateLimit, readCallError, type CallFate } from './errors.ts';

/** Deadline of a call that carries no file. */
const CALL_TIMEOUT_MS = 20_000;
/** Deadline of an upload: 10 MiB at 1.5 Mbit/s. The core gives a send 60 s. */
const UPLOAD_TIMEOUT_MS = 58_000;
/** A bucket that is known to be empty is waited for up to here; a longer wait is the caller's, who has a queue that lasts. */
const MAX_WAIT_MS = 5_000;

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path without the version, such as /users/@me. */
  route: `/${string}`;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON; with `form`, put that into its field payload_json instead. */
  body?: unknown;
  form?: FormData;
  signal?: AbortSignal | undefined;
}

export interface DiscordApi {
  /** The parsed answer, undefined when it is empty. Rejects with CallError only. Never sends anything twice. */
  run(request: ApiRequest): Promise<unknown>;
  /** Frees its timers. */
  close(): void;
}

export interface ApiInput {
  token: string;
  apiRoot: string;
  fetch: typeof fetch;
  clock: Clock;
  redactor: Redactor;
}

export function makeDiscordApi(input: ApiInput): DiscordApi {
  const fates = new AsyncLocalStorage<CallFate>();
  const rest = new REST({
    api: input.apiRoot,
    version: '10',
    // A repeated send is the caller's decision: the library would also repeat what may have arrived.
    retries: 0,
    // Deadlines travel with each call; this one must not come before them.
    timeout: 10 * 60_000,
    offset: 0,
    // The library would sleep for as long as Discord says, minutes if need be, and hide that from the caller.
    rejectOnRateLimit: () => true,
    makeRequest: async (url, init) => {
      const fate = fates.getStore();
      const { method, headers, body, signal } = init;
      if (signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
      if (fate) fate.isSent = true;
      return input.fetch(url, {
        ...(method !== undefined && { method }),
        headers: readHeaders(headers),
        body: body === null || body === undefined ? null : readBody(body),
        signal: signal ?? null,
        redirect: 'error',
      });
    },
  });

  async function call(request: ApiRequest, fate: CallFate, signal: AbortSignal): Promise<unknown> {
    // It forgets the token after a single 401.
    rest.setToken(input.token);
    const { method, route, query, body, form } = request;
    const answer = await fates.run(fate, () =>
      rest.request({
        method: RequestMethod[METHODS[method]],
        fullRoute: route,
        ...(query && { query: new URLSearchParams(query) }),
        ...(form ? { body: form, passThroughBody: true } : body === undefined ? {} : { body }),
        signal,
      }),
    );
    return answer instanceof ArrayBuffer ? undefined : answer;
  }

  async function runInTurn(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    for (let waitedMs = 0; ;) {
      const fate: CallFate = { isSent: false };
      try {
        if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
        return await call(request, fate, signal);
      } catch (error) {
        // Refused here, by what earlier answers said of the bucket: nothing was sent.
        const waitMs = isRateLimit(error) && !fate.isSent ? Math.ceil(error.retryAfter) + 1 : undefined;
        if (waitMs === undefined || waitedMs + waitMs > MAX_WAIT_MS) throw readCallError(error, fate, input.redactor);
        waitedMs += waitMs;
        await input.clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
  }

  return {
    run(request) {
      const timeoutMs = request.form ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS;
      return withDeadline({ clock: systemClock, timeoutMs, parent: request.signal }, (signal) =>
        runInTurn(request, signal),
      );
    },
    close() {
      rest.clearHashSweeper();
      rest.clearHandlerSweeper();
    },
  };
}

const METHODS = { GET: 'Get', POST: 'Post', PUT: 'Put', PATCH: 'Patch', DELETE: 'Delete' } as const;

function readHeaders(headers: unknown): Headers {
  const known = new Headers();
  if (typeof headers !== 'object' || headers === null) return known;
  for (const [name, value] of Object.entries(headers)) if (typeof value === 'string') known.set(name, value);
  return known;
}

/** The library makes JSON text, or hands on the form that it was given. */
function readBody(body: unknown): string | FormData {
  if (typeof body === 'string' || body instanceof FormData) return body;
  throw new TypeError('a body of a kind that is not sent');
}
