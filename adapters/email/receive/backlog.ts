// Mails that came while we were away: which of them are read, and which are too old or too many and only told.
import type { ImapFlow } from 'imapflow';
import type { AdapterHost, Gap } from '../../contract.ts';
import { chatId } from '../../../shared/ids.ts';
import { BULK_HEADERS } from '../inbound/bulk.ts';
import { readEnvelope } from '../inbound/read-mail.ts';
import { parseHeaders } from '../headers.ts';
import type { Threads } from '../threads.ts';
import { dateOf } from './fetch.ts';

/** More are not even looked at; the oldest are left out. */
const MAX_PENDING = 5_000;
const BATCH = 200;

export interface Selection {
  /** In order. */
  uids: readonly number[];
  gaps: readonly Gap[];
}

export interface BacklogOptions {
  backfill: AdapterHost['backfill'];
  own: ReadonlySet<string>;
  threads: Threads;
  now: number;
  /** When we last were there, in ms since the epoch. */
  since: number;
  /**
   * Set when the numbering of the folder changed: what is older is not taken. Then the date in the mail counts too, as the server's may
   * be that of the move.
   */
  notBefore: number | undefined;
}

interface Entry {
  uid: number;
  at: number;
  /** Undefined for mails that are none of ours to answer. */
  from: string | undefined;
}

/** Rejects when the connection fails. */
export async function selectBacklog(
  client: ImapFlow,
  pending: readonly number[],
  options: BacklogOptions,
): Promise<Selection> {
  const { backfill, now } = options;
  const looked = pending.slice(-MAX_PENDING);
  const entries: Entry[] = [];
  for (let i = 0; i < looked.length; i += BATCH)
    entries.push(...(await readEntries(client, looked.slice(i, i + BATCH), options)));
  const told = new Set(entries.map((entry) => entry.uid));
  const leftOut: Entry[] = [];
  // What the server did not tell of may be gone, or told so that it could not be read: that shows when it is fetched.
  const taken: { uid: number }[] = looked.flatMap((uid) => (told.has(uid) ? [] : [{ uid }]));
  for (const [, ofSender] of Map.groupBy(entries, (entry) => entry.from)) {
    const oldest = Math.max(now - backfill.maxAgeMs, wholeSeconds(options.notBefore ?? 0));
    const recent = ofSender.filter((entry) => entry.at >= oldest);
    const first = Math.max(0, recent.length - backfill.maxMessages);
    taken.push(...recent.slice(first));
    leftOut.push(...ofSender.filter((entry) => entry.at < oldest), ...recent.slice(0, first));
  }
  // With a new numbering, most that is left out was read long ago.
  const gaps = options.notBefore === undefined ? makeGaps(leftOut, options.threads) : [];
  const unseen = pending.length - looked.length;
  if (unseen > 0) gaps.push({ since: options.since, until: now, missed: unseen, reason: 'limit' });
  return { uids: taken.map((entry) => entry.uid).toSorted((a, b) => a - b), gaps };
}

/** Dates in mails have no fractions. */
function wholeSeconds(at: number): number {
  return Math.floor(at / 1_000) * 1_000;
}

async function readEntries(
  client: ImapFlow,
  uids: readonly number[],
  options: BacklogOptions,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const query = { uid: true, internalDate: true, headers: ['from', 'date', ...BULK_HEADERS] };
  for (const message of await client.fetchAll(uids.join(','), query, { uid: true })) {
    const headers = parseHeaders(message.headers ?? new Uint8Array());
    const envelope = readEnvelope(headers, options.own);
    const arrivedAt = dateOf(message.internalDate);
    const writtenAt = Date.parse(headers.list.find(({ name }) => name === 'date')?.value ?? '');
    const at = options.notBefore !== undefined && writtenAt < arrivedAt ? writtenAt : arrivedAt;
    entries.push({ uid: message.uid, at, from: envelope.kind === 'from' ? envelope.from.address : undefined });
  }
  return entries;
}

/** One for each correspondent who is known: what strangers and machines wrote in vain nobody needs to be told. */
function makeGaps(leftOut: readonly Entry[], threads: Threads): Gap[] {
  const gaps: Gap[] = [];
  for (const [from, entries] of Map.groupBy(leftOut, (entry) => entry.from)) {
    const thread = from === undefined ? undefined : threads.latest(from);
    if (from === undefined || thread === undefined) continue;
    const times = entries.map((entry) => entry.at);
    gaps.push({
      since: Math.min(...times),
      until: Math.max(...times),
      chat: { id: chatId(from), kind: 'dm', thread },
      missed: entries.length,
      reason: 'limit',
    });
  }
  return gaps;
}
