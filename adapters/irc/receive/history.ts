// Messages of the time when we were away, from servers that keep them (https://ircv3.net/specs/extensions/chathistory, read 2026-11-21).
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import type { Session } from '../connection/session.ts';

/** Most servers give at most this many at a time. */
const DEFAULT_LIMIT = 100;
/** Direct messages of more people than this within one absence are no conversation. */
const MAX_PEOPLE = 50;
/** Clocks differ, and the last lines before the end may not have been stored. A line that comes twice is known again. */
const OVERLAP_MS = 15_000;

export const CHAT_HISTORY = 'draft/chathistory';

export interface HistoryDeps {
  host: Pick<AdapterHost, 'backfill' | 'gap' | 'log'>;
  session: Session;
  /** Nothing was missed before; ms since the epoch. */
  since: number;
  now: number;
  channels: readonly string[];
  signal: AbortSignal;
  /** Takes what the server has played back since it was called last, oldest first. */
  takePlayed(): readonly InboundMessage[];
}

/** All that was said meanwhile, of each chat in order. Rejects when the connection ends. */
export async function fetchHistory(deps: HistoryDeps): Promise<readonly InboundMessage[]> {
  const { host, session, now } = deps;
  const since = Math.max(deps.since - OVERLAP_MS, now - host.backfill.maxAgeMs);
  const limit = Math.min(host.backfill.maxMessages, serverLimit(session));
  const people = await listPeople(deps, since);
  const found: InboundMessage[] = [];
  for (const target of [...deps.channels, ...people]) {
    session.write(`CHATHISTORY LATEST ${target} timestamp=${new Date(since).toISOString()} ${limit}`);
    await session.sync(deps.signal);
    const played = deps.takePlayed();
    found.push(...played);
    const [oldest] = played;
    if (played.length >= limit && oldest)
      await host.gap({
        since,
        until: oldest.sentAt,
        chat: { id: oldest.chat, kind: oldest.chatKind },
        reason: 'limit',
      });
  }
  if (deps.since < since - OVERLAP_MS) await host.gap({ since: deps.since, until: since, reason: 'limit' });
  return found.toSorted((a, b) => a.sentAt - b.sentAt);
}

/** Nicks of those who wrote to us; the server tells all chats, ours in channels too. */
async function listPeople({ session, now, signal }: HistoryDeps, since: number): Promise<readonly string[]> {
  const people: string[] = [];
  const times = [since, now + OVERLAP_MS].map((time) => `timestamp=${new Date(time).toISOString()}`);
  const unwatch = session.watch(({ command, params }) => {
    const [kind, target = ''] = params;
    const isPerson = command === 'CHATHISTORY' && kind === 'TARGETS' && !session.isChannel(target);
    if (isPerson && /^[^\s,:]{1,64}$/.test(target) && people.length < MAX_PEOPLE) people.push(target);
  });
  try {
    session.write(`CHATHISTORY TARGETS ${times.join(' ')} ${MAX_PEOPLE}`);
    await session.sync(signal);
  } finally {
    unwatch();
  }
  return people;
}

function serverLimit(session: Session): number {
  const limit = Number(session.option('CHATHISTORY'));
  return Number.isInteger(limit) && limit > 0 ? limit : DEFAULT_LIMIT;
}
