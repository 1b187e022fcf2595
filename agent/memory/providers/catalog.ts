// The memory services that Herald knows: where they are, what their key is called, and how it is shown.
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { makeByteRover, type ByteRoverInput } from './byterover.ts';
import type { ProviderName, ProviderSettings } from './config.ts';
import { makeHindsight } from './hindsight.ts';
import { makeHoncho } from './honcho.ts';
import { makeService, type Service } from './http.ts';
import { makeMem0 } from './mem0.ts';
import { makeOpenViking } from './openviking.ts';
import type { MemoryProvider } from './provider.ts';
import { makeRetainDb } from './retaindb.ts';
import { makeSupermemory } from './supermemory.ts';

interface Entry {
  /** undefined: there is no public service, so the address must be set. */
  baseUrl: string | undefined;
  /** Scheme of the header `authorization`. */
  scheme: 'Bearer' | 'Token';
  make(service: Service, workspace: string): MemoryProvider;
}

const SERVICES: Readonly<Record<Exclude<ProviderName, 'byterover'>, Entry>> = {
  honcho: { baseUrl: 'https://api.honcho.dev', scheme: 'Bearer', make: makeHoncho },
  mem0: { baseUrl: 'https://api.mem0.ai', scheme: 'Token', make: makeMem0 },
  hindsight: { baseUrl: 'https://api.hindsight.vectorize.io', scheme: 'Bearer', make: makeHindsight },
  supermemory: { baseUrl: 'https://api.supermemory.ai', scheme: 'Bearer', make: makeSupermemory },
  openviking: { baseUrl: undefined, scheme: 'Bearer', make: makeOpenViking },
  retaindb: { baseUrl: 'https://api.retaindb.com', scheme: 'Bearer', make: makeRetainDb },
};

export interface ProviderInput {
  settings: ProviderSettings;
  /** Value of an environment variable; undefined when it is not set. */
  lookup(name: string): string | undefined;
  fetch: typeof fetch;
  clock: Clock;
  redact(text: string): string;
  /** For services that are programs. */
  program: Omit<ByteRoverInput, 'program' | 'clock'>;
}

/** Environment name of the key. */
export function keyNameOf({ name, key_env: chosen }: ProviderSettings): string {
  return chosen ?? `${name.toUpperCase()}_API_KEY`;
}

/** Throws AppError `config_invalid` when a key or an address is missing. Calls nobody. */
export function makeProvider(input: ProviderInput): MemoryProvider {
  const { settings, clock, redact } = input;
  const { name, base_url: chosen, workspace } = settings;
  if (name === 'byterover') return makeByteRover({ ...input.program, program: settings.program ?? 'brv', clock });
  const { baseUrl, scheme, make } = SERVICES[name];
  const address = chosen ?? baseUrl;
  if (address === undefined)
    throw new AppError('config_invalid', `The memory service ${name} needs the address of a server: set its base_url.`);
  const key = input.lookup(keyNameOf(settings))?.trim() ?? '';
  // A server of one's own may want none.
  if (key === '' && chosen === undefined)
    throw new AppError(
      'config_invalid',
      `The memory service ${name} needs a key: put ${keyNameOf(settings)} into .env.`,
    );
  const headers: Record<string, string> = key === '' ? {} : { authorization: `${scheme} ${key}` };
  const title = `The memory service ${name}`;
  return make(makeService({ title, baseUrl: address, headers, fetch: input.fetch, clock, redact }), workspace);
}
