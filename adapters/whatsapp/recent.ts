// The last messages of all chats: who wrote them and how they began. Quotes and reactions must name the author, quotes also repeat the
// text, and in the web protocol a device that could not decrypt a message of ours asks for it again, also after we were restarted.
import { z } from 'zod';
import type { Cursor } from '../contract.ts';
import { takePrefix } from '../../shared/text.ts';
import { parseJson } from '../transport/bodies.ts';

const PREFIX = 'recent:';
const MAX_KEPT = 300;
const MAX_QUOTE_CHARS = 500;
/** A larger one is not kept: its reader asks in vain, and sees "waiting for this message". */
const MAX_CONTENT_BYTES = 64 * 1024;

const entrySchema = z.object({
  id: z.string(),
  chat: z.string(),
  author: z.string(),
  text: z.string(),
  name: z.string().optional(),
  at: z.number(),
  expiration: z.number().optional(),
  /** Of ours: the message as it was sent. */
  content: z.base64().optional(),
});

export interface RecentMessage {
  id: string;
  /** Id of the chat, as the core has it. */
  chat: string;
  /** How the platform names the author; '' is ourselves. */
  author: string;
  text: string;
  name?: string | undefined;
  /** Milliseconds since the epoch. */
  at: number;
  /** Seconds after which messages of this chat vanish, as its members have set. */
  expiration?: number | undefined;
}

export interface RecentMessages {
  /** Rejects when it cannot be kept. */
  add(message: RecentMessage, content?: Uint8Array): Promise<void>;
  find(chat: string, id: string): RecentMessage | undefined;
  /** The last message that somebody else wrote there. */
  lastOf(chat: string): RecentMessage | undefined;
  /** What we sent under this id. */
  ours(id: string): RecentMessage | undefined;
  /** Its content as it was given to `add`. */
  contentOf(id: string): Uint8Array | undefined;
}

export async function openRecentMessages(cursor: Cursor): Promise<RecentMessages> {
  const slots = new Map<string, z.output<typeof entrySchema>>();
  /** Ours apart: their ids are known to their readers, who could send messages with the same. */
  const own = new Map<string, z.output<typeof entrySchema>>();
  const others = new Map<string, z.output<typeof entrySchema>>();
  const keyOf = (chat: string, id: string) => `${chat} ${id}`;
  let next = 0;

  function put(slot: string, entry: z.output<typeof entrySchema>): void {
    const old = slots.get(slot);
    if (old) {
      if (own.get(old.id) === old) own.delete(old.id);
      if (others.get(keyOf(old.chat, old.id)) === old) others.delete(keyOf(old.chat, old.id));
    }
    slots.set(slot, entry);
    if (entry.author === '') own.set(entry.id, entry);
    else others.set(keyOf(entry.chat, entry.id), entry);
  }

  const stored = [...(await cursor.list(PREFIX))].flatMap(([slot, text]) => {
    const parsed = entrySchema.safeParse(parseJson(text));
    return parsed.success ? [{ slot, entry: parsed.data }] : [];
  });
  for (const { slot, entry } of stored.toSorted((a, b) => a.entry.at - b.entry.at)) {
    put(slot, entry);
    next = Number(slot.slice(PREFIX.length)) + 1;
  }

  const ours = (id: string) => own.get(id);
  return {
    async add(message, content) {
      const isKept = content !== undefined && content.length <= MAX_CONTENT_BYTES;
      const entry = {
        ...message,
        text: takePrefix(message.text, MAX_QUOTE_CHARS, 'utf16'),
        ...(isKept && { content: Buffer.from(content).toString('base64') }),
      };
      const slot = `${PREFIX}${next++ % MAX_KEPT}`;
      put(slot, entry);
      await cursor.set(slot, JSON.stringify(entry));
    },
    find: (chat, id) => own.get(id) ?? others.get(keyOf(chat, id)),
    lastOf: (chat) => [...others.values()].findLast((entry) => entry.chat === chat),
    ours,
    contentOf(id) {
      const content = ours(id)?.content;
      return content === undefined ? undefined : Buffer.from(content, 'base64');
    },
  };
}
