// What makes a repeated send safe.
//
// SMTP knows no keys: a mail that is handed over twice is delivered twice, and a server that took it cannot be asked. The copy in the Sent
// folder cannot tell either where it is ours to put there: put before the send it claims what may not happen, put after it a crash between
// the two denies what did. So the send itself is written down, in two entries that are on disk before anything follows from them:
//   1. `sending`, when the server has agreed to sender, recipient and size and has the whole mail but its last piece. Before that entry
//      nothing can have been taken.
//   2. `sent`, when the server has said 250.
// A send of which only the first is known was cut off within that exchange. Then the Sent folder decides where the service fills it by
// itself; elsewhere nobody can know, and the person is asked. An answer is never sent twice unasked and never lost in silence.
import { z } from 'zod';
import type { Cursor } from '../../contract.ts';
import { parseJson } from '../../transport/bodies.ts';

const PREFIX = 'sent/';
/** Rows of the outbox live for days at most. */
const KEEP_MS = 7 * 24 * 3_600_000;
const PRUNE_EVERY = 100;

const entrySchema = z.object({
  state: z.enum(['sending', 'sent']),
  /** Message-IDs under which it went out. */
  ids: z.array(z.string()),
  at: z.number(),
});
export type JournalEntry = z.output<typeof entrySchema>;

export interface Journal {
  /** Rejects when it could not be written: then nothing may be sent. */
  begin(key: string, id: string): Promise<void>;
  finish(key: string, ids: readonly string[]): Promise<void>;
  /** It certainly was not taken. */
  forget(key: string): Promise<void>;
  find(key: string): Promise<JournalEntry | undefined>;
}

export function makeJournal(cursor: Cursor, now: () => number): Journal {
  let writes = 0;

  async function write(key: string, entry: JournalEntry): Promise<void> {
    await cursor.set(PREFIX + key, JSON.stringify(entry));
    if (writes++ % PRUNE_EVERY === 0) await prune();
  }

  async function prune(): Promise<void> {
    const old: Record<string, undefined> = {};
    for (const [key, value] of await cursor.list(PREFIX))
      if ((parseEntry(value)?.at ?? 0) < now() - KEEP_MS) old[key] = undefined;
    if (Object.keys(old).length > 0) await cursor.update(old);
  }

  return {
    begin: (key, id) => write(key, { state: 'sending', ids: [id], at: now() }),
    finish: (key, ids) => write(key, { state: 'sent', ids: [...ids], at: now() }),
    forget: (key) => cursor.update({ [PREFIX + key]: undefined }),
    async find(key) {
      const value = await cursor.get(PREFIX + key);
      return value === undefined ? undefined : parseEntry(value);
    },
  };
}

function parseEntry(value: string): JournalEntry | undefined {
  return entrySchema.safeParse(parseJson(value)).data;
}
