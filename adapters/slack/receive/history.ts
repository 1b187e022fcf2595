// What was said in a channel while nobody listened: its messages, and the replies in its threads, oldest first.
import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import { tsSchema } from '../inbound/schema.ts';

/** "recommended … no more than 200 results at a time" (https://docs.slack.dev/apis/web-api/pagination, read 2026-11-21). */
const PAGE = 200;
/** Pages that are looked through for threads that began earlier and were answered since. */
const ROOT_PAGES = 2;
/** Threads of one channel that are looked at. */
const MAX_THREADS = 50;
/** Of one thread, whose oldest replies come first. */
const MAX_THREAD_PAGES = 20;
const historySchema = z.looseObject({
  messages: z.array(z.unknown()).optional(),
  response_metadata: z.looseObject({ next_cursor: z.string().optional() }).optional(),
});
const headSchema = z.looseObject({
  ts: tsSchema,
  thread_ts: tsSchema.optional(),
  reply_count: z.number().optional(),
  latest_reply: tsSchema.optional(),
});

export interface HistoryRequest {
  channel: string;
  /** Newer than this, as a message's name. */
  since: string;
  /** What is older than this and newer than `since` is fetched again, and does not count. */
  fresh: string;
  /**
   * An end in the future. Without one, "the messages returned are those closest to oldest" (channels.history, which conversations.history
   * took over from); with one, the latest come first.
   */
  until: string;
  /** Threads that began later than this are found by themselves. */
  horizon: string;
  /** Threads that we take part in, whenever they began. */
  threads: readonly string[];
  /** No more than the latest so many. */
  limit: number;
  /** Whether a message counts; others are left out. */
  isOfUse(raw: unknown): boolean;
}

export interface History {
  messages: readonly { ts: string; raw: unknown }[];
  /** True when there were more. */
  isCut: boolean;
}

/** Runs one call of the Web API; waits and tries again where that helps. */
export type Call = (run: (client: webApi.WebClient) => Promise<unknown>) => Promise<unknown>;

export async function fetchHistory(call: Call, request: HistoryRequest): Promise<History> {
  const found = new Map<string, unknown>();
  const note = (ts: string, raw: unknown) => {
    if (ts > request.since && request.isOfUse(raw)) found.set(ts, raw);
  };
  const { roots, isCut } = await readChannel(call, request, note);
  let isThreadCut = false;
  for (const thread of roots) isThreadCut = (await readThread(call, request, thread, note)) || isThreadCut;
  const all = [...found].map(([ts, raw]) => ({ ts, raw })).sort((a, b) => (a.ts < b.ts ? -1 : 1));
  const again = all.filter(({ ts }) => ts <= request.fresh);
  const fresh = all.filter(({ ts }) => ts > request.fresh);
  const messages = [...again, ...fresh.slice(-request.limit)];
  return { messages, isCut: isCut || isThreadCut || fresh.length > request.limit };
}

/** Whether something of use was said between two points. */
export async function hasHistory(
  call: Call,
  { channel, since, isOfUse }: Pick<HistoryRequest, 'channel' | 'since' | 'isOfUse'>,
  until: string,
): Promise<boolean> {
  const answer = historySchema.parse(
    await call((client) => client.conversations.history({ channel, oldest: since, latest: until, limit: 50 })),
  );
  return (answer.messages ?? []).some(isOfUse);
}

/** Notes the channel's own messages, newest page first, and gives the threads that have something new. */
async function readChannel(
  call: Call,
  request: HistoryRequest,
  note: (ts: string, raw: unknown) => void,
): Promise<{ roots: readonly string[]; isCut: boolean }> {
  const { channel, since, horizon, limit } = request;
  const oldest = since < horizon ? since : horizon;
  const answered = new Set<string>();
  const quiet = new Set<string>();
  let cursor = '';
  let seen = 0;
  for (let page = 1; ; page++) {
    const answer = historySchema.parse(
      await call((client) =>
        client.conversations.history({
          channel,
          oldest,
          latest: request.until,
          limit: PAGE,
          ...(cursor !== '' && { cursor }),
        }),
      ),
    );
    const heads = readHeads(answer.messages);
    for (const { head, raw } of heads) {
      if (head.ts > request.fresh && request.isOfUse(raw)) seen++;
      note(head.ts, raw);
      if ((head.reply_count ?? 0) === 0 && head.latest_reply === undefined) quiet.add(head.ts);
      else if (head.latest_reply === undefined || head.latest_reply > since) answered.add(head.ts);
      else quiet.add(head.ts);
    }
    cursor = answer.response_metadata?.next_cursor ?? '';
    const isPastNew = (heads.at(-1)?.head.ts ?? '') <= since;
    const isCut = cursor !== '' && !isPastNew && seen > limit;
    if (cursor === '' || isCut || (isPastNew && page >= ROOT_PAGES)) {
      const roots = [...answered, ...request.threads.filter((thread) => !answered.has(thread) && !quiet.has(thread))];
      return { roots: roots.slice(0, MAX_THREADS), isCut };
    }
  }
}

/** True when the thread has more than was read. */
async function readThread(
  call: Call,
  { channel, since }: HistoryRequest,
  thread: string,
  note: (ts: string, raw: unknown) => void,
): Promise<boolean> {
  let cursor = '';
  for (let page = 0; page < MAX_THREAD_PAGES; page++) {
    const answer = historySchema.parse(
      await call((client) =>
        client.conversations.replies({
          channel,
          ts: thread,
          oldest: since,
          limit: PAGE,
          ...(cursor !== '' && { cursor }),
        }),
      ),
    );
    const heads = readHeads(answer.messages);
    for (const { head, raw } of heads) if (head.ts !== thread) note(head.ts, raw);
    cursor = answer.response_metadata?.next_cursor ?? '';
    if (cursor === '') return false;
  }
  return true;
}

function readHeads(messages: readonly unknown[] | undefined): { head: z.output<typeof headSchema>; raw: unknown }[] {
  return (messages ?? []).flatMap((raw) => {
    const head = headSchema.safeParse(raw);
    return head.success ? [{ head: head.data, raw }] : [];
  });
}
