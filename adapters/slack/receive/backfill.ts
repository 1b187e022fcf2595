// Fetches what was said while nobody listened, channel by channel, in each before anything newer of it is taken.
import { z } from 'zod';
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { chatId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { SlackApi } from '../api.ts';
import { describe, errorCodeOf, explainFailure } from '../errors.ts';
import { isDirect } from '../inbound/messages.ts';
import { fetchHistory, hasHistory, type Call } from './history.ts';
import type { Lanes } from '../../transport/lanes.ts';
import type { Progress } from './progress.ts';
import type { Receiver } from './receiver.ts';

/** Events may come out of order; what came within this before the last message is fetched again, and known to the inbox. */
const OVERLAP_MS = 30_000;
const RETRY_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const MAX_LIST_PAGES = 10;
const LIST_PAGE = 200;

export interface BackfillDeps {
  api: SlackApi;
  host: AdapterHost;
  lanes: Lanes;
  progress: Progress;
  receiver: Receiver;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

export interface Backfill {
  /** We listen (again). Looks through all channels; resolves when that is done. Never rejects. */
  begin(): Promise<void>;
  /** An event of this channel is about to get in line: while it is not known what was missed there, that gets in line first. */
  cover(channel: string): void;
  /** We still listen. Counts only once nothing is missing any more. */
  noteAlive(): void;
}

interface Work {
  channel: string;
  /** Resolves when all that was in line before has ended. */
  reached: Promise<void>;
  done(): void;
}

const listSchema = z.looseObject({
  channels: z.array(z.looseObject({ id: z.string(), is_archived: z.boolean().optional() })).optional(),
  response_metadata: z.looseObject({ next_cursor: z.string().optional() }).optional(),
});

export function openBackfill(deps: BackfillDeps): Backfill {
  const { progress, lanes, host } = deps;
  let waiting: Work[] = [];
  /** Channels seen to since we began to listen, while there may be others; undefined once all are known. */
  let covered: Set<string> | undefined;
  let working: Promise<void> | undefined;
  let running: Promise<void> = Promise.resolve();

  function enqueue(channel: string): void {
    if (covered?.has(channel)) return;
    covered?.add(channel);
    if (waiting.some((work) => work.channel === channel)) return;
    const reached = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    waiting.push({ channel, reached: reached.promise, done: done.resolve });
    lanes
      .run(channel, async () => {
        reached.resolve();
        await done.promise;
      })
      .catch(() => reached.resolve());
    working ??= work();
  }

  /** People who wait for an answer come first, then DMs, then the rest. */
  function takeNext(): Work | undefined {
    const rank = ({ channel }: Work) => (lanes.depth(channel) > 1 ? 0 : isDirect({ channel }) ? 1 : 2);
    const next = waiting.toSorted((a, b) => rank(a) - rank(b))[0];
    waiting = waiting.filter((work) => work !== next);
    return next;
  }

  /** One channel after the other: Slack allows about one look a second. */
  async function work(): Promise<void> {
    await Promise.resolve();
    for (let next = takeNext(); next; next = takeNext()) {
      try {
        await next.reached;
        if (!deps.signal.aborted) await fillChannel(deps, next.channel);
      } catch (error) {
        if (!deps.signal.aborted)
          host.log.warn({ channel: next.channel, problem: describe(error, deps.redactor).message }, 'backfill failed');
      } finally {
        next.done();
      }
    }
    working = undefined;
  }

  async function run(current: Set<string>): Promise<void> {
    // Somebody began again meanwhile, and does it all.
    if (covered !== current) return;
    for (const channel of progress.channels()) enqueue(channel);
    const others = await listChannels(deps).catch((error: unknown) => {
      if (!deps.signal.aborted)
        host.log.warn({ problem: describe(error, deps.redactor).message }, 'channels could not be listed');
      return [];
    });
    for (const channel of others) enqueue(channel);
    while (working) await working;
    if (covered !== current || deps.signal.aborted) return;
    covered = undefined;
    progress.noteAlive();
  }

  return {
    begin() {
      if (progress.aliveAt() === undefined) {
        progress.noteAlive();
        return progress.save();
      }
      const current = new Set<string>();
      covered = current;
      running = running.then(() => run(current));
      return running;
    },
    cover(channel) {
      if (covered !== undefined) enqueue(channel);
    },
    noteAlive() {
      if (covered === undefined) progress.noteAlive();
    },
  };
}

async function fillChannel(deps: BackfillDeps, channel: string): Promise<void> {
  const { host, progress, receiver, clock } = deps;
  const known = progress.positionOf(channel);
  const sinceMs = known === undefined ? (progress.aliveAt() ?? clock.now()) : Number(known) * 1_000;
  const limitMs = clock.now() - host.backfill.maxAgeMs;
  const isOfUse = (raw: unknown) => receiver.isOfUse(raw, channel);
  const call = makeCall(deps);
  const tellGap = (since: number, until: number) =>
    host.gap({
      since: Math.floor(since),
      until: Math.floor(until),
      chat: { id: chatId(channel), kind: isDirect({ channel }) ? 'dm' : 'group' },
      reason: 'limit',
    });
  try {
    if (sinceMs < limitMs) {
      const isMissed = await hasHistory(call, { channel, since: known ?? toTs(sinceMs), isOfUse }, toTs(limitMs));
      if (isMissed) await tellGap(sinceMs, limitMs);
      progress.advance(channel, toTs(limitMs));
    }
    const fresh = known ?? toTs(Math.max(sinceMs, limitMs));
    const overlap = toTs(Math.max(sinceMs - OVERLAP_MS, limitMs, progress.beganAt()));
    const floor = progress.skippedTo(channel);
    const from = overlap < floor ? floor : overlap;
    const history = await fetchHistory(call, {
      channel,
      since: from,
      horizon: toTs(limitMs),
      threads: progress.followed(channel),
      fresh,
      until: toTs(clock.now() + 3_600_000),
      limit: host.backfill.maxMessages,
      isOfUse,
    });
    const firstFresh = history.messages.find(({ ts }) => ts > fresh);
    if (history.isCut && firstFresh) {
      await tellGap(Math.max(sinceMs, limitMs), Number(firstFresh.ts) * 1_000);
      progress.skipTo(channel, firstFresh.ts);
    }
    for (const { raw } of history.messages) {
      deps.signal.throwIfAborted();
      await receiver.takeHistory(raw, channel);
    }
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'channel_not_found' || code === 'not_in_channel') progress.forget(channel);
    if (code === 'missing_scope') await tellUnreadable(deps, channel, sinceMs);
    throw error;
  }
}

/** Without the scope to read a channel's history nobody can say what was missed. */
async function tellUnreadable({ host, clock }: BackfillDeps, channel: string, since: number): Promise<void> {
  const kind = isDirect({ channel }) ? 'dm' : 'group';
  await host.gap({
    since: Math.floor(since),
    until: clock.now(),
    chat: { id: chatId(channel), kind },
    reason: 'no-replay',
  });
}

function toTs(ms: number): string {
  return (Math.max(0, ms) / 1_000).toFixed(6);
}

/** Waits where Slack asks for it, and over broken connections; other failures are the caller's. */
function makeCall(deps: BackfillDeps): Call {
  return async (run) => {
    for (let attempt = 1; ; attempt++) {
      deps.signal.throwIfAborted();
      try {
        return await deps.api.call(run, { signal: deps.signal });
      } catch (error) {
        const { code, retryAfterMs } = explainFailure(error, deps.redactor);
        if (code !== 'rate_limited' && code !== 'unreachable') throw error;
        await deps.clock.sleep(retryAfterMs ?? backoffMs(attempt, RETRY_BACKOFF), deps.signal);
      }
    }
  };
}

/** All conversations that we are in: somebody may have written to us for the first time. */
async function listChannels(deps: BackfillDeps): Promise<readonly string[]> {
  try {
    return await listKinds(deps, 'im,mpim,private_channel,public_channel');
  } catch (error) {
    // An app may be content with direct messages.
    if (errorCodeOf(error) !== 'missing_scope') throw error;
    return listKinds(deps, 'im');
  }
}

async function listKinds(deps: BackfillDeps, types: string): Promise<readonly string[]> {
  const call = makeCall(deps);
  const found: string[] = [];
  let cursor = '';
  for (let page = 0; page < MAX_LIST_PAGES; page++) {
    const args = { types, exclude_archived: true, limit: LIST_PAGE, ...(cursor !== '' && { cursor }) };
    const answer = listSchema.parse(await call((client) => client.users.conversations(args)));
    for (const { id, is_archived: isArchived } of answer.channels ?? []) if (!isArchived) found.push(id);
    cursor = answer.response_metadata?.next_cursor ?? '';
    if (cursor === '') break;
  }
  return found;
}
