// Brings one channel up to date before anything that is said in it now: what was missed comes first, in order, and what is left out is told.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { chatId, threadId } from '../../../shared/ids.ts';
import type { DiscordApi } from '../api.ts';
import { CallError } from '../errors.ts';
import { isOlder, snowflakeAt, snowflakeTime } from '../snowflake.ts';
import { fetchMissed, type Missed, type RawMessage } from './backfill.ts';
import type { Directory, Place } from './directory.ts';
import type { Positions } from './positions.ts';

const RETRY = { baseMs: 500, maxMs: 60_000 };
/** About ten minutes: what is said now must not wait for ever for what was said then. */
const MAX_ATTEMPTS = 16;
/** Channels that are asked at once. */
const MAX_AT_ONCE = 4;

export interface CatchUpDeps {
  api: DiscordApi;
  host: AdapterHost;
  positions: Positions;
  directory: Directory;
  clock: Clock;
  signal: AbortSignal;
  /** Stores one message; resolves with false when the adapter stops instead. */
  take(message: RawMessage, place: Place): Promise<boolean>;
}

export interface CatchUpRequest {
  channel: string;
  place: Place;
  /** Id of the live message that waits for this, if any. */
  before?: string | undefined;
}

export type CatchUp = (request: CatchUpRequest) => Promise<void>;

/** Never rejects; tries over any failure until the channel is read, refused or the adapter stops. */
export function makeCatchUp(deps: CatchUpDeps): CatchUp {
  const enter = makeGate(MAX_AT_ONCE);
  return async ({ channel, place, before }) => {
    const after = startOf(deps, channel, place);
    if (after === undefined || (before !== undefined && !isOlder(after, before))) return;
    const missed = await enter(() => fetchPatiently(deps, { channel, after, before }));
    if (missed === 'refused' || deps.signal.aborted) return;
    if (missed === undefined || missed.leftOut !== 0) await tellGap(deps, { after, place, missed });
    if (missed === undefined) return;
    for (const message of missed.messages) if (!(await deps.take(message, place))) return;
  };
}

/** Id behind which everything is new; undefined when nothing can have been missed. */
function startOf({ positions, directory }: CatchUpDeps, channel: string, place: Place): string | undefined {
  const known = positions.get(channel)?.last;
  // A server's channels were listened to, whether anybody wrote there or not; of a DM we know nothing before its first message.
  const after = known ?? snowflakeAt(place.kind === 'dm' ? positions.sinceMs : positions.listenedMs);
  const latest = directory.find(channel)?.last_message_id;
  const isQuiet = place.kind === 'group' && (latest === null || (latest !== undefined && !isOlder(after, latest)));
  return isQuiet ? undefined : after;
}

/** Undefined: Discord could not tell for a long time. refused: the channel is gone or closed to us, so nobody expects an answer there. */
async function fetchPatiently(
  { api, host, clock, signal }: CatchUpDeps,
  { channel, after, before }: { channel: string; after: string; before: string | undefined },
): Promise<Missed | 'refused' | undefined> {
  const { maxAgeMs, maxMessages } = host.backfill;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS && !signal.aborted; attempt++) {
    try {
      const oldestMs = clock.now() - maxAgeMs;
      return await fetchMissed(api, { channel, after, before, maxMessages, oldestMs, signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      const failure = error instanceof CallError ? error : undefined;
      const problem = failure?.message ?? 'unexpected answer';
      if (failure?.code === 'forbidden' || failure?.code === 'not_found') {
        host.log.debug({ problem }, 'a channel is closed to us');
        return 'refused';
      }
      host.log.warn({ problem, attempt }, 'missed messages were not fetched');
      await clock.sleep(failure?.retryAfterMs ?? backoffMs(attempt, RETRY), signal).catch(() => undefined);
    }
  }
  return undefined;
}

async function tellGap(
  { host, clock }: CatchUpDeps,
  { after, place, missed }: { after: string; place: Place; missed: Missed | undefined },
): Promise<void> {
  const first = missed?.messages[0];
  const { kind, chat, thread } = place;
  await host.gap({
    since: snowflakeTime(after),
    until: first ? snowflakeTime(first.id) : clock.now(),
    chat: { id: chatId(chat), kind, ...(thread !== undefined && { thread: threadId(thread) }) },
    ...(missed?.leftOut !== undefined && { missed: missed.leftOut }),
    reason: missed ? 'limit' : 'no-replay',
  });
}

/** Lets `limit` tasks run at once; the others wait their turn. */
function makeGate(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
