// An edit of Signal names the latest revision of a message, by a timestamp of its own; everybody else knows the message by its
// first one. Kept over restarts: an edit that names the wrong revision is dropped by readers' apps without a word.
import { z } from 'zod';
import type { Cursor } from '../../contract.ts';

const KEY = 'edits';
/** Messages can be edited for a day only. */
const MAX_KEPT = 200;

const storedSchema = z.array(z.object({ author: z.string(), original: z.int(), revisions: z.array(z.int()) }));

type Edited = z.output<typeof storedSchema>[number];

export class Revisions {
  readonly #cursor: Cursor;
  #edited: Edited[] = [];

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  async load(): Promise<void> {
    const stored = await this.#cursor.get(KEY);
    if (stored === undefined) return;
    try {
      this.#edited = storedSchema.parse(JSON.parse(stored));
    } catch {
      this.#edited = []; // the worst of it: an edit is taken for that of an unknown message
    }
  }

  /** The timestamp under which a message was first sent; the given one when no edit of it is known. */
  originalOf(author: string, timestamp: number): number {
    const found = this.#edited.find((one) => one.author === author && one.revisions.includes(timestamp));
    return found?.original ?? timestamp;
  }

  /** The timestamp that the next edit must name. */
  latestOf(author: string, original: number): number {
    const found = this.#edited.find((one) => one.author === author && one.original === original);
    return found?.revisions.at(-1) ?? original;
  }

  /** Resolves when it is kept, as well as it can be: a failed write costs what the head of this file says. */
  async remember(author: string, original: number, revision: number): Promise<void> {
    const known = this.#edited.find((one) => one.author === author && one.original === original);
    if (known?.revisions.includes(revision)) return;
    if (known) known.revisions.push(revision);
    else this.#edited.push({ author, original, revisions: [revision] });
    this.#edited = this.#edited.slice(-MAX_KEPT);
    await this.#cursor.set(KEY, JSON.stringify(this.#edited)).catch(() => undefined);
  }
}
