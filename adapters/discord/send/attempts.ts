// What makes a repeated send safe beyond the few minutes for which Discord remembers a nonce: before a send its key is noted on disk, and
// after a crash or a broken connection the channel is searched for the message before it is sent again. A nonce alone would send an
// answer twice when the machine was off for an hour; Discord's history does not keep nonces, so the text and the sizes of files tell.
import { z } from 'zod';
import type { Cursor } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { DiscordApi } from '../api.ts';
import { snowflakeAt, snowflakeTime } from '../snowflake.ts';
import type { Piece } from './pieces.ts';

const PREFIX = 'send:';
/** Clocks of two machines differ. */
const CLOCK_TOLERANCE_MS = 30_000;
/** A send ends after 60 s at the latest; whatever came later is another message. */
const SEARCH_MS = 120_000;
const MAX_PAGES = 5;
const PAGE = 100;
/** The core gives an answer up long before. */
const NOTE_KEPT_MS = 7 * 24 * 3_600_000;

export interface Attempts {
  /** Notes that `key` is being sent. Resolves with the time of an earlier attempt whose end is not known. */
  begin(key: string): Promise<number | undefined>;
  /** It is known what became of it. */
  end(key: string): void;
}

export interface AttemptsDeps {
  cursor: Cursor;
  clock: Clock;
  log: Logger;
}

export async function openAttempts({ cursor, clock, log }: AttemptsDeps): Promise<Attempts> {
  const open = new Map<string, number>();
  /** Ends are written with the next beginning: a note too many only costs a search. */
  let ended: string[] = [];
  for (const [name, value] of await cursor.list(PREFIX)) {
    const key = name.slice(PREFIX.length);
    const at = Number(value);
    if (Number.isFinite(at) && clock.now() - at < NOTE_KEPT_MS) open.set(key, at);
    else ended.push(key);
  }
  return {
    async begin(key) {
      const earlier = open.get(key);
      if (earlier !== undefined) return earlier;
      const now = clock.now();
      open.set(key, now);
      const done = ended;
      ended = [];
      const notes = Object.fromEntries(done.map((one) => [PREFIX + one, undefined]));
      try {
        await cursor.update({ ...notes, [PREFIX + key]: String(now) });
      } catch {
        ended = [...done, ...ended];
        log.warn({}, 'a send could not be noted; for a few minutes its repetition is safe all the same');
      }
      return undefined;
    },
    end(key) {
      if (open.delete(key)) ended.push(key);
    },
  };
}

const sentMessage = z.looseObject({
  id: z.string(),
  content: z.string(),
  nonce: z.union([z.string(), z.number()]).optional(),
  author: z.looseObject({ id: z.string() }),
  attachments: z.array(z.looseObject({ size: z.number() })),
});
type SentMessage = z.output<typeof sentMessage>;

/** The message that an earlier attempt made of `piece`, if any. `taken`: ids that belong to other pieces. Rejects with CallError. */
export async function findSent(
  api: DiscordApi,
  where: { channel: string; me: string; since: number; taken: readonly string[]; signal: AbortSignal },
  piece: Piece,
): Promise<string | undefined> {
  const until = where.since + SEARCH_MS;
  let after = snowflakeAt(where.since - CLOCK_TOLERANCE_MS);
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await api.run({
      method: 'GET',
      route: `/channels/${where.channel}/messages`,
      query: { after, limit: String(PAGE) },
      signal: where.signal,
    });
    // Newest first.
    const messages = z.array(z.unknown()).parse(answer).toReversed().flatMap(readSent);
    const found = messages.find(
      (message) => message.author.id === where.me && !where.taken.includes(message.id) && isSame(message, piece),
    );
    if (found) return found.id;
    const last = messages.at(-1);
    if (messages.length < PAGE || !last || snowflakeTime(last.id) > until) return undefined;
    after = last.id;
  }
  return undefined;
}

function readSent(raw: unknown): SentMessage[] {
  const parsed = sentMessage.safeParse(raw);
  return parsed.success ? [parsed.data] : [];
}

function isSame(message: SentMessage, { body, files }: Piece): boolean {
  if (message.nonce !== undefined) return String(message.nonce) === String(body.nonce);
  const sizes = (list: readonly number[]) => list.toSorted((a, b) => a - b).join();
  return (
    message.content.trim() === (body.content ?? '').trim() &&
    sizes(message.attachments.map((attachment) => attachment.size)) === sizes(files.map((file) => file.bytes))
  );
}
