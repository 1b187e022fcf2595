// Twilio takes no key with a message, but lists what it took. So each send is noted with its text before it goes out, and what became
// of one that got no answer is read back from the list: the newest message of ours with that text that no other send has.
import { z } from 'zod';
import type { Cursor, SendResult } from '../contract.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageId } from '../../shared/ids.ts';
import { parseJson } from '../transport/bodies.ts';
import type { TwilioApi } from './api.ts';
import { readPage } from './receive/inbound.ts';

const PREFIX = 'sent:';
const KEEP_MS = 3 * 24 * 3_600_000;
/** A request that broke may still be on its way to the list. */
const SETTLE_MS = 30_000;
/** Clocks differ. */
const SKEW_MS = 5 * 60_000;
const PAGE_SIZE = 100;

const entrySchema = z.object({
  /** When it was sent, ms since the epoch. */
  at: z.number(),
  /** Until the message has its id. */
  body: z.string().optional(),
  sid: z.string().optional(),
});
type Entry = z.output<typeof entrySchema>;

export class SentLog {
  readonly #cursor: Cursor;
  readonly #clock: Clock;

  constructor(cursor: Cursor, clock: Clock) {
    this.#cursor = cursor;
    this.#clock = clock;
  }

  /** Forgets what nobody will ask about any more. */
  async prune(): Promise<void> {
    const now = this.#clock.now();
    const old = [...(await this.#entries())].filter(
      ([, entry]) => now - entry.at > KEEP_MS || entry.at > now + KEEP_MS,
    );
    if (old.length > 0) await this.#cursor.update(Object.fromEntries(old.map(([key]) => [PREFIX + key, undefined])));
  }

  /** Before a send. Rejects when it could not be noted: then nothing may go out. */
  async begin(key: string, body: string): Promise<void> {
    await this.#write(key, { at: this.#clock.now(), body });
  }

  /** After a send that was taken. A write that fails costs a look into the list. */
  async end(key: string, sid: string): Promise<void> {
    await this.#write(key, { at: this.#clock.now(), sid }).catch(() => undefined);
  }

  /** After a send that certainly did not go out. */
  async drop(key: string): Promise<void> {
    await this.#cursor.update({ [PREFIX + key]: undefined }).catch(() => undefined);
  }

  /**
   * What became of a send. Undefined: it did not go out. A failure with `unreachable`: it cannot be said yet. Rejects as TwilioApi.call
   * does.
   */
  async find(key: string, to: string, api: TwilioApi): Promise<SendResult | undefined> {
    const entries = await this.#entries();
    const entry = entries.get(key);
    if (entry?.body === undefined && entry?.sid === undefined) return undefined;
    if (entry.sid !== undefined) return { ok: true, ids: [messageId(entry.sid)] };
    if (this.#clock.now() - entry.at < SETTLE_MS)
      return { ok: false, code: 'unreachable', reached: 'maybe', cause: new Error('Too early to say.') };
    const { messages } = readPage(
      await api.call({ path: '/Messages.json', query: { To: to, PageSize: String(PAGE_SIZE) } }),
    );
    const claimed = new Set([...entries.values()].map((one) => one.sid));
    const body = (entry.body ?? '').trim();
    const found = messages.find(
      (message) =>
        !message.isInbound &&
        !claimed.has(message.sid) &&
        message.sentAt >= entry.at - SKEW_MS &&
        // Trial accounts put a line of their own before it.
        message.body.trim().endsWith(body),
    );
    if (!found) return undefined;
    await this.end(key, found.sid);
    return { ok: true, ids: [messageId(found.sid)] };
  }

  async #entries(): Promise<ReadonlyMap<string, Entry>> {
    const entries = new Map<string, Entry>();
    for (const [key, value] of await this.#cursor.list(PREFIX)) {
      const entry = readEntry(value);
      if (entry) entries.set(key.slice(PREFIX.length), entry);
    }
    return entries;
  }

  async #write(key: string, entry: Entry): Promise<void> {
    await this.#cursor.set(PREFIX + key, JSON.stringify(entry));
  }
}

function readEntry(value: string): Entry | undefined {
  return entrySchema.safeParse(parseJson(value)).data;
}
