// GET /sync as a long poll, for ever. The token of an answer is stored only when all of its events are: after a crash they come again.
import { z } from 'zod';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { MatrixApi } from '../api.ts';
import type { AdapterHost } from '../../contract.ts';
import type { Encryption } from '../crypto/encryption.ts';
import { deviceNewsSchema } from '../crypto/machine.ts';
import { AnswerTooLongError } from '../../transport/bodies.ts';
import { describe, isAuthError, isOutOfReach, MatrixError, NEW_TOKEN } from '../errors.ts';
import { takeRoom, type BatchDeps, type Position } from './batch.ts';
import { readEvent, readJoinedRoom, syncSchema, type JoinedRoom } from './event-schema.ts';
import { makeFilter, TIMELINE_LIMIT } from './filter.ts';
import type { Invites } from './invites.ts';

const POLL_MS = 30_000;
/** What a homeserver may take beyond the poll, such as for a first sync. */
const GRACE_MS = 60_000;
const BACKOFF = { baseMs: 300, maxMs: 60_000 };
const LOGIN_BACKOFF = { baseMs: 30_000, maxMs: 300_000 };
/** Refusals of our token of the sync after which it is given up: it may come from a server that was set up anew. */
const MAX_REFUSALS = 3;
/** Then a room's events are left out of the batch. */
const MAX_ROOM_TRIES = 20;

export interface SyncDeps extends BatchDeps {
  api: MatrixApi;
  host: AdapterHost;
  invites: Invites;
  encryption: Encryption;
  clock: Clock;
  redactor: Redactor;
  random: () => number;
  /** Our user id, asked when it is not known yet. */
  identify(): Promise<string>;
}

/** Resolves once the signal is aborted and nothing of it runs. */
export async function keepSyncing(deps: SyncDeps): Promise<void> {
  const { host, clock, signal } = deps;
  let failures = 0;
  let isFresh = true;
  let limit = TIMELINE_LIMIT;
  const refusals = { count: 0 };
  const broken = new Map<string, number>();
  while (!signal.aborted) {
    try {
      const me = await deps.identify();
      await syncOnce(deps, me, { isFresh, limit, broken });
      failures = 0;
      limit = TIMELINE_LIMIT;
      isFresh = false;
      refusals.count = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      isFresh = true;
      // A flood in many rooms at once: what is cut off here is fetched room by room.
      if (error instanceof AnswerTooLongError) limit = Math.max(1, Math.floor(limit / 7));
      const problem = describe(error, deps.redactor).message;
      host.log.warn({ problem, attempt: failures }, 'a sync failed; it is tried again');
      await heed(deps, error, refusals);
      await clock.sleep(waitMs(deps, error, failures), signal).catch(() => undefined);
    }
  }
}

function waitMs({ random }: SyncDeps, error: unknown, failures: number): number {
  if (isAuthError(error)) return backoffMs(failures, LOGIN_BACKOFF, random);
  const asked = error instanceof MatrixError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(asked, backoffMs(failures, BACKOFF, random));
}

async function heed(deps: SyncDeps, error: unknown, refusals: { count: number }): Promise<void> {
  const { host } = deps;
  if (isAuthError(error)) return host.status('needs-login', NEW_TOKEN);
  if (error instanceof StoreError) return;
  host.status('offline', 'The homeserver cannot be reached; it is tried again by itself.');
  if (!(error instanceof TokenRefusedError) || ++refusals.count < MAX_REFUSALS) return;
  refusals.count = 0;
  const { at } = error.position;
  await host.gap({ since: at, until: deps.clock.now(), reason: 'no-replay' });
  await host.cursor.update({ since: undefined });
}

/** The events of a sync could not be worked off, though the homeserver is there. */
class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** The homeserver does not know where we were. */
class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  readonly position: Position;

  constructor(position: Position, cause: MatrixError) {
    super(cause.message, { cause });
    this.position = position;
  }
}

interface Round {
  isFresh: boolean;
  /** Events of each room. */
  limit: number;
  /** How often the homeserver failed to tell about a room, by room. */
  broken: Map<string, number>;
}

async function syncOnce(deps: SyncDeps, me: string, { isFresh, limit, broken }: Round): Promise<void> {
  const { host, clock } = deps;
  const position = await readPosition(deps, me);
  const answer = await ask(deps, position, { isFresh, limit });
  const { next_batch: next, rooms } = syncSchema.parse(answer);
  host.status('online');
  await takeNews(deps, answer, { me, isFirst: position === undefined });
  let problem: Error | undefined;
  for (const [room, raw] of Object.entries(rooms?.join ?? {})) {
    const joined = readJoinedRoom(raw);
    // Whoever writes there next needs our keys first.
    if (joined && isEncrypting(joined)) await deps.encryption.prepare();
    if (joined && position) problem = (await takePatiently(deps, { room, joined, position }, broken)) ?? problem;
  }
  if (problem) throw problem;
  for (const [room, raw] of Object.entries(rooms?.invite ?? {})) await deps.invites.take(room, raw, me);
  if (deps.signal.aborted) return;
  await host.cursor.update({ since: next, at: String(clock.now()), me });
}

/** Keys come before what they open, and events that waited before newer ones. */
async function takeNews(
  deps: SyncDeps,
  answer: unknown,
  { me, isFirst }: { me: string; isFirst: boolean },
): Promise<void> {
  try {
    if (await deps.encryption.take(deviceNewsSchema.parse(answer), isFirst)) await deps.receiver.retry(me);
  } catch (error) {
    throw error instanceof MatrixError
      ? error
      : new StoreError(describe(error, deps.redactor).message, { cause: error });
  }
}

function isEncrypting({ state, timeline }: JoinedRoom): boolean {
  return [...(state?.events ?? []), ...(timeline?.events ?? [])].some(
    (raw) => readEvent(raw)?.type === 'm.room.encryption',
  );
}

interface RoomBatch {
  room: string;
  joined: JoinedRoom;
  position: Position;
}

/**
 * A room that the homeserver cannot tell about does not hold up the others: its error is given, so that the whole comes again, and after
 * some tries it is left out. Rejects with all other errors.
 */
async function takePatiently(
  deps: SyncDeps,
  { room, joined, position }: RoomBatch,
  broken: Map<string, number>,
): Promise<Error | undefined> {
  const { host, signal } = deps;
  try {
    await takeRoom(deps, room, joined, position);
    broken.delete(room);
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    // We are not in it any more.
    if (isOutOfReach(error)) {
      host.log.info({ room }, 'a room cannot be read any more');
      return undefined;
    }
    const isItsOwn = error instanceof z.ZodError || (error instanceof MatrixError && error.status >= 500);
    if (!isItsOwn)
      throw error instanceof MatrixError
        ? error
        : new StoreError(describe(error, deps.redactor).message, { cause: error });
    const count = (broken.get(room) ?? 0) + 1;
    broken.set(room, count);
    if (count < MAX_ROOM_TRIES) return error;
    broken.delete(room);
    host.log.warn({ room }, 'events of a room are left out, since the homeserver cannot tell about it');
    await host.gap({ since: position.at, until: position.now, reason: 'no-replay' });
    return undefined;
  }
}

/** Undefined at the first start, and when the login is somebody else's now. */
async function readPosition({ host, clock }: SyncDeps, me: string): Promise<Position | undefined> {
  const [since, at, known] = await Promise.all([
    host.cursor.get('since'),
    host.cursor.get('at'),
    host.cursor.get('me'),
  ]);
  if (since === undefined || known !== me) return undefined;
  const now = clock.now();
  const then = Number(at ?? Number.NaN);
  return { since, at: Number.isFinite(then) ? then : now, me, now };
}

async function ask(
  deps: SyncDeps,
  position: Position | undefined,
  { isFresh, limit }: Pick<Round, 'isFresh' | 'limit'>,
): Promise<unknown> {
  const { api, clock, signal } = deps;
  // The first answer after a failure comes at once, so that we are known to be online again.
  const poll = position === undefined || isFresh || clock.now() - position.at > POLL_MS ? 0 : POLL_MS;
  const query = {
    filter: makeFilter({ isFirst: position === undefined, limit }),
    timeout: String(poll),
    ...(position && { since: position.since }),
  };
  const call = { method: 'GET', path: ['client', 'v3', 'sync'], query, signal, timeoutMs: poll + GRACE_MS } as const;
  try {
    return await api.run(call);
  } catch (error) {
    const isRefused = error instanceof MatrixError && error.status === 400 && position !== undefined;
    throw isRefused ? new TokenRefusedError(position, error) : error;
  }
}
