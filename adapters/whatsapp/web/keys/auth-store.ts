// Login and Signal keys of a linked device, in the account's cursors. Whatever Baileys writes is on disk before it goes on: a key that a
// message needs is never only in memory, so kill -9 at any point leaves a device that can go on.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from 'baileys';
import { z } from 'zod';
import type { Cursor } from '../../../contract.ts';
import { backoffMs } from '../../../../shared/backoff.ts';
import { abortReason, type Clock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import type { Baileys } from '../library.ts';

const CREDS = 'auth:creds';
const KEYS = 'auth:key:';
/** Everything of a login begins with it; a logout deletes it all. */
const ALL = 'auth:';
const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export type Values = Readonly<Record<string, string | undefined>>;

export interface AuthStore {
  /** The login; Baileys changes it in place. */
  readonly creds: AuthenticationCreds;
  readonly keys: SignalKeyStore;
  /** True once a phone has linked this device. */
  isLinked(): boolean;
  saveCreds(): Promise<void>;
  /** Runs `work`; once `extra` gives something, that is written together with the next keys that `work` writes, all or none. */
  writeWith<Result>(extra: () => Values | undefined, work: () => Promise<Result>): Promise<Result>;
  /** Resolves when nothing waits to be written. */
  settle(): Promise<void>;
}

export interface AuthDeps {
  baileys: Baileys;
  cursor: Cursor;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** Reads the login, or makes a new one that no phone knows yet. Rejects when the cursors cannot be read. */
export async function openAuthStore(deps: AuthDeps): Promise<AuthStore> {
  const { BufferJSON, initAuthCreds } = deps.baileys;
  const write = makeWriter(deps);
  const extras = new AsyncLocalStorage<{ take(): Values }>();
  const stored = await deps.cursor.get(CREDS);
  const creds = startCreds(readCreds(deps.baileys, stored), initAuthCreds);
  let written = stored;

  /** The login changes together with keys (numbers of the next ones), so it is written with them. */
  function changedCreds(): Values {
    const now = JSON.stringify(creds, BufferJSON.replacer);
    if (now === written) return {};
    written = now;
    return { [CREDS]: now };
  }

  async function readKeys<Type extends keyof SignalDataTypeMap>(type: Type, ids: string[]) {
    const found: Record<string, SignalDataTypeMap[Type]> = {};
    const revive = makeReviver(deps.baileys, type);
    // Written by us below, from a value of this type.
    const schema = z.custom<SignalDataTypeMap[Type]>((value) => value !== null && value !== undefined);
    for (const id of ids) {
      const text = await deps.cursor.get(keyName(type, id));
      if (text !== undefined) found[id] = schema.parse(JSON.parse(text, revive));
    }
    return found;
  }

  return {
    creds,
    keys: {
      get: readKeys,
      async set(data) {
        const extra = extras.getStore()?.take() ?? {};
        await write({ ...describeKeys(data, BufferJSON.replacer), ...changedCreds(), ...extra });
      },
    },
    isLinked: () => creds.account !== undefined && creds.me !== undefined,
    saveCreds: () => write(changedCreds()),
    async writeWith(extra, work) {
      let isTaken = false;
      const take = (): Values => {
        const values = isTaken ? undefined : extra();
        if (values) isTaken = true;
        return values ?? {};
      };
      const result = await extras.run({ take }, work);
      await write(take());
      return result;
    },
    settle: () => write({}),
  };
}

/** Forgets the login, for a device that the phone has removed. */
export async function deleteAuth(cursor: Cursor): Promise<void> {
  const keys = [...(await cursor.list(ALL)).keys()];
  await cursor.update(Object.fromEntries(keys.map((key) => [key, undefined])));
}

/** Baileys' own way back from JSON; one kind of key is a protobuf message, whose JSON is another. */
function makeReviver({ BufferJSON, proto }: Baileys, type: string): (key: string, value: unknown) => unknown {
  if (type !== 'app-state-sync-key') return BufferJSON.reviver;
  return (key, value) =>
    key === '' && typeof value === 'object' && value !== null
      ? proto.Message.AppStateSyncKeyData.fromObject(value)
      : value;
}

function keyName(type: string, id: string): string {
  return `${KEYS}${type}:${id}`;
}

function describeKeys(data: SignalDataSet, replacer: (key: string, value: unknown) => unknown): Values {
  const values: Record<string, string | undefined> = {};
  for (const [type, entries] of Object.entries(data)) {
    for (const [id, value] of Object.entries(entries))
      values[keyName(type, id)] = value === null || value === undefined ? undefined : JSON.stringify(value, replacer);
  }
  return values;
}

function readCreds({ BufferJSON }: Baileys, text: string | undefined): AuthenticationCreds | undefined {
  if (text === undefined) return undefined;
  return credsSchema.parse(JSON.parse(text, BufferJSON.reviver));
}

/** Written by us, from Baileys' own object. */
const credsSchema = z.custom<AuthenticationCreds>(
  (value) => typeof value === 'object' && value !== null && 'noiseKey' in value && 'signedIdentityKey' in value,
);

/** A pairing that was begun with a code and not finished leaves a login that the server would refuse as logged out. */
function startCreds(stored: AuthenticationCreds | undefined, init: () => AuthenticationCreds): AuthenticationCreds {
  return stored?.account ? stored : init();
}

/**
 * Writes one after the other, in the order of the calls, and tries again for ever: to tell Baileys that a key could not be kept would
 * make it refuse the message. Rejects only when stopped.
 */
function makeWriter({ cursor, clock, log, signal }: AuthDeps): (values: Values) => Promise<void> {
  let last: Promise<void> = Promise.resolve();

  async function store(values: Values): Promise<void> {
    if (Object.keys(values).length === 0) return;
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw abortReason(signal);
      try {
        await cursor.update(values);
        return;
      } catch (error) {
        log.error({ error: error instanceof Error ? error.name : 'unknown', attempt }, 'keys could not be stored');
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal);
      }
    }
  }

  return (values) => {
    const next = last.then(() => store(values));
    last = next.catch(() => undefined);
    return next;
  };
}
