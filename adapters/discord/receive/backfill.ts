// Messages of a channel that were sent while we did not listen: GET /channels/…/messages,
// https://docs.discord.com/developers/resources/message#get-channel-messages (read 2026-11-21): pages of 100, newest first.
import { z } from 'zod';
import type { DiscordApi } from '../api.ts';
import { isOlder, isSnowflake, snowflakeAt, snowflakeTime } from '../snowflake.ts';

const PAGE = 100;

export interface MissedRequest {
  channel: string;
  /** Id of the last message that is known. */
  after: string;
  /** Messages from this one on arrive by themselves. */
  before: string | undefined;
  maxMessages: number;
  /** Time of the oldest that still counts, in ms since the epoch. */
  oldestMs: number;
  signal: AbortSignal;
}

export interface Missed {
  /** Oldest first, as Discord gave them. */
  messages: readonly RawMessage[];
  /** People's messages that were left out, as too old or too many; undefined: some, and nobody counted them. */
  leftOut: number | undefined;
}

export interface RawMessage {
  id: string;
  /** Of no use to anybody, so not missed either. */
  isByBot: boolean;
  raw: unknown;
}

/**
 * One page forward from what is known; if that is not all, the rest backward from the newest, since of many only the latest count.
 * Rejects with CallError.
 */
export async function fetchMissed(api: DiscordApi, request: MissedRequest): Promise<Missed> {
  const oldest = snowflakeAt(request.oldestMs);
  const first = await fetchPage(api, request, { after: request.after });
  const isAll = first.length < PAGE;
  const rest = isAll ? undefined : await fetchLatest(api, request, first.at(-1)?.id ?? request.after);
  const found = [...first, ...(rest?.messages ?? [])].filter(
    (message) => !message.isByBot && isWanted(message.id, request.before),
  );
  const fresh = found.filter((message) => !isOlder(message.id, oldest));
  const kept = fresh.slice(Math.max(0, fresh.length - request.maxMessages));
  const isCounted = rest === undefined || rest.isAll;
  return { messages: kept, leftOut: isCounted ? found.length - kept.length : undefined };
}

function isWanted(id: string, before: string | undefined): boolean {
  return before === undefined || isOlder(id, before);
}

/** Messages behind `after`, from the newest back until there are enough. `isAll`: none is left between. */
async function fetchLatest(
  api: DiscordApi,
  request: MissedRequest,
  after: string,
): Promise<{ messages: readonly RawMessage[]; isAll: boolean }> {
  const pages: (readonly RawMessage[])[] = [];
  let before = request.before;
  for (let count = 0; count < request.maxMessages;) {
    const page = await fetchPage(api, request, before === undefined ? {} : { before });
    const fresh = page.filter((message) => isOlder(after, message.id));
    pages.unshift(fresh);
    count += fresh.length;
    if (fresh.length < PAGE) return { messages: pages.flat(), isAll: true };
    const [earliest] = fresh;
    if (!earliest || snowflakeTime(earliest.id) < request.oldestMs) break;
    before = earliest.id;
  }
  return { messages: pages.flat(), isAll: false };
}

const withId = z.looseObject({
  id: z.string().refine(isSnowflake),
  author: z.looseObject({ bot: z.boolean().optional() }).optional().catch(undefined),
});

/** Oldest first. */
async function fetchPage(
  api: DiscordApi,
  { channel, signal }: MissedRequest,
  where: { after?: string; before?: string },
): Promise<readonly RawMessage[]> {
  const answer = await api.run({
    method: 'GET',
    route: `/channels/${channel}/messages`,
    query: { ...where, limit: String(PAGE) },
    signal,
  });
  const list = z.array(z.unknown()).safeParse(answer);
  return (list.success ? list.data : [])
    .flatMap((raw): RawMessage[] => {
      const parsed = withId.safeParse(raw);
      return parsed.success ? [{ id: parsed.data.id, isByBot: parsed.data.author?.bot ?? false, raw }] : [];
    })
    .toSorted((a, b) => (isOlder(a.id, b.id) ? -1 : 1));
}
