// Our device, once it has keys: what a sync tells it, what it wants to tell, sealing and opening of events. All that it knows is on disk
// when a call resolves.
import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm';
import { z } from 'zod';
import type { Logger } from '../../../shared/log.ts';
import type { MatrixApi } from '../api.ts';
import { hasErrcode, MatrixError } from '../errors.ts';
import { readEvent, type MatrixEvent } from '../receive/event-schema.ts';
import type { Crypto } from './library.ts';
import { runRequest } from './requests.ts';
import { mountDatabase } from './store/install.ts';
import type { Rows } from './store/rows.ts';

export interface MachineDeps {
  crypto: Crypto;
  api: MatrixApi;
  rows: Rows;
  user: string;
  device: string;
  log: Logger;
  /** Of the end of everything. */
  signal: AbortSignal;
}

/** What of the content of m.room.encryption counts (#mroomencryption). */
export interface EncryptionRules {
  algorithm: string;
  rotationMs: number | undefined;
  rotationMessages: number | undefined;
}

export interface Sealing {
  room: string;
  /** Everybody who is in the room now. */
  members: readonly string[];
  rules: EncryptionRules;
  type: string;
  content: unknown;
}

/** waiting: its key is not here (yet), or (unless isAvailable) no keys can be read · refused: it is not by who it says, or can never be opened. */
export type Opened =
  | { state: 'opened'; event: MatrixEvent }
  | { state: 'waiting'; why: string; isAvailable: boolean }
  | { state: 'refused'; why: string };

/** maybe-keys: keys of rooms may be among it. */
type Taken = 'nothing' | 'news' | 'maybe-keys';

/** foreign: another app made the account's signing keys · refused: the homeserver wants a password for new ones. */
export type Signing = 'signed' | 'foreign' | 'refused';

export interface Machine {
  /** Takes what a sync tells about devices and keys; on disk when it resolves. */
  take(news: DeviceNews): Promise<Taken>;
  /** Tells the homeserver what it must know. Rejects as MatrixApi.run does; the rest is told by the next call. */
  settle(signal: AbortSignal): Promise<void>;
  /** Content of an m.room.encrypted event, after every device of every member has its key. Rejects as MatrixApi.run does. */
  seal(sealing: Sealing, signal: AbortSignal): Promise<unknown>;
  open(room: string, event: MatrixEvent): Promise<Opened>;
  /** Changes of devices may have been missed. */
  askAllAgain(): Promise<void>;
  /** Gives the account its own signing keys when it has none, so that apps trust this device. */
  bootstrap(signal: AbortSignal): Promise<Signing>;
  /** Idempotent; ends what is under way first. */
  close(): Promise<void>;
}

const MAX_ROUNDS = 4;

const counts = z.record(z.string(), z.number().catch(0));
export const deviceNewsSchema = z.looseObject({
  to_device: z
    .looseObject({ events: z.array(z.unknown()) })
    .optional()
    .catch(undefined),
  device_lists: z
    .looseObject({
      changed: z.array(z.string()).optional().catch(undefined),
      left: z.array(z.string()).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  device_one_time_keys_count: counts.optional().catch(undefined),
  device_unused_fallback_key_types: z.array(z.string()).optional().catch(undefined),
});
export type DeviceNews = z.output<typeof deviceNewsSchema>;

/** Rejects when the keys cannot be read. */
export async function openMachine(deps: MachineDeps): Promise<Machine> {
  const { crypto, user, device, log } = deps;
  const name = `${user} ${device}`;
  const unmount = mountDatabase(name, deps.rows);
  const machine = await crypto.OlmMachine.initialize(
    new crypto.UserId(user),
    new crypto.DeviceId(device),
    name,
    undefined,
    quietLog(log),
  );
  const inTurn = makeTurns();
  let isClosed = false;
  let lastKeys = '';
  const tools = { ...deps, machine };
  return {
    async take(news) {
      // Each sync tells how many keys are left; only a change of it is news, or every poll would write.
      const keys = JSON.stringify([news.device_one_time_keys_count, news.device_unused_fallback_key_types]);
      if (keys === lastKeys && isQuiet(news)) return 'nothing';
      const taken = await takeNews(tools, news);
      lastKeys = keys;
      return taken;
    },
    settle: (signal) => inTurn(() => settle(tools, signal)),
    seal: (sealing, signal) => inTurn(() => seal(tools, sealing, signal)),
    open: (room, event) => openEvent(tools, room, event),
    askAllAgain: () => machine.markAllTrackedUsersAsDirty(),
    bootstrap: (signal) => inTurn(() => bootstrap(tools, signal)),
    close: () =>
      inTurn(async () => {
        if (isClosed) return;
        isClosed = true;
        machine.close();
        unmount();
      }),
  };
}

interface Tools extends MachineDeps {
  machine: OlmMachine;
}

/** The library tells much, ids of people among it; only that something is wrong is told on. */
function quietLog(log: Logger) {
  const say = (text: unknown) => log.debug({ text: String(text).slice(0, 300) }, 'the crypto library says');
  return { debug: () => undefined, info: () => undefined, warn: say, error: say };
}

/** Two at once would ask and tell the same twice. */
function makeTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

function isQuiet({ to_device: toDevice, device_lists: lists }: DeviceNews): boolean {
  return [toDevice?.events, lists?.changed, lists?.left].every((list) => (list?.length ?? 0) === 0);
}

async function takeNews({ crypto, machine }: Tools, news: DeviceNews): Promise<Taken> {
  const events = news.to_device?.events ?? [];
  const users = (ids: readonly string[] | undefined) => (ids ?? []).flatMap((id) => readUser(crypto, id) ?? []);
  const lists = new crypto.DeviceLists(users(news.device_lists?.changed), users(news.device_lists?.left));
  const fallback = news.device_unused_fallback_key_types;
  await machine.receiveSyncChanges(
    JSON.stringify(events),
    lists,
    new Map(Object.entries(news.device_one_time_keys_count ?? {})),
    fallback && new Set(fallback),
    new crypto.DecryptionSettings(crypto.TrustRequirement.Untrusted),
  );
  return events.length > 0 ? 'maybe-keys' : 'news';
}

function readUser({ UserId }: Crypto, id: string) {
  try {
    return new UserId(id);
  } catch {
    return undefined;
  }
}

async function settle(tools: Tools, signal: AbortSignal): Promise<void> {
  const { machine } = tools;
  // An answer may be the reason for the next question; the rest has time until the next sync.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const requests = await machine.outgoingRequests();
    for (const request of requests) await runRequest(tools, request, signal);
    // Of devices whose session is broken, as after a restored backup: a new one is begun.
    const claim = await machine.getMissingSessions([]);
    if (claim) await runRequest(tools, claim, signal);
    else if (requests.length === 0) return;
  }
}

async function seal(tools: Tools, sealing: Sealing, signal: AbortSignal): Promise<unknown> {
  const { crypto, machine } = tools;
  const { room, members, rules, type, content } = sealing;
  // Each call takes its ids away from us.
  const users = () => members.flatMap((id) => readUser(crypto, id) ?? []);
  await machine.updateTrackedUsers(users());
  await settle(tools, signal);
  const claim = await machine.getMissingSessions(users());
  if (claim) await runRequest(tools, claim, signal);
  const settings = makeSettings(crypto, rules);
  for (const request of await machine.shareRoomKey(new crypto.RoomId(room), users(), settings))
    await runRequest(tools, request, signal);
  const sealed: unknown = JSON.parse(
    await machine.encryptRoomEvent(new crypto.RoomId(room), type, JSON.stringify(content)),
  );
  return sealed;
}

function makeSettings(crypto: Crypto, { rotationMs, rotationMessages }: EncryptionRules) {
  const settings = new crypto.EncryptionSettings();
  // Whoever joins later is given no keys of the past.
  settings.historyVisibility = crypto.HistoryVisibility.Joined;
  settings.sharingStrategy = crypto.CollectStrategy.allDevices();
  // Microseconds.
  if (rotationMs !== undefined) settings.rotationPeriod = BigInt(Math.trunc(rotationMs)) * 1_000n;
  if (rotationMessages !== undefined) settings.rotationPeriodMessages = BigInt(Math.trunc(rotationMessages));
  return settings;
}

async function openEvent({ crypto, machine, signal }: Tools, room: string, event: MatrixEvent): Promise<Opened> {
  const trust = new crypto.DecryptionSettings(crypto.TrustRequirement.Untrusted);
  try {
    const found = await machine.decryptRoomEvent(JSON.stringify(event), new crypto.RoomId(room), trust);
    // A device of somebody else made its key: whoever sends it has only the key.
    if (found.shieldState(false).code === crypto.ShieldStateCode.MismatchedSender)
      return { state: 'refused', why: 'its key belongs to somebody else' };
    const opened = readEvent(JSON.parse(found.event));
    return opened ? { state: 'opened', event: opened } : { state: 'refused', why: 'it holds no event' };
  } catch (error) {
    // Reading its tables fails only then: the event comes again.
    if (signal.aborted) throw error;
    if (error instanceof crypto.MegolmDecryptionError) return explain(crypto, error);
    return { state: 'refused', why: 'it is malformed' };
  }
}

function explain(
  crypto: Crypto,
  { code, description }: { code: number; description: string },
): Exclude<Opened, { state: 'opened' }> {
  const { DecryptionErrorCode: Code } = crypto;
  const isMissing = code === Code.MissingRoomKey || code === Code.UnknownMessageIndex;
  const why = description.slice(0, 200);
  return isMissing ? { state: 'waiting', why, isAvailable: true } : { state: 'refused', why };
}

/** The first keys are taken without a password (#post_matrixclientv3keysdevice_signingupload). */
async function bootstrap(tools: Tools, signal: AbortSignal): Promise<Signing> {
  const { crypto, machine, api, user } = tools;
  await settle(tools, signal);
  const own = await machine.getIdentity(new crypto.UserId(user));
  const status = await machine.crossSigningStatus();
  // Another app made them, and only it can sign this device.
  if (own && !status.hasSelfSigning) return 'foreign';
  const { uploadSigningKeysRequest: keys, uploadSignaturesRequest: signatures } =
    await machine.bootstrapCrossSigning(false);
  const path = ['client', 'v3', 'keys', 'device_signing', 'upload'];
  const isTaken = await api.run({ method: 'POST', path, body: JSON.parse(keys.body), signal }).then(
    () => true,
    (error: unknown) => {
      if (isRefused(error)) return false;
      throw error;
    },
  );
  if (!isTaken) return 'refused';
  await runRequest(tools, signatures, signal);
  return 'signed';
}

/** It wants a password, or knows no such keys. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof MatrixError) || hasErrcode(error, 'M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN')) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 429;
}
