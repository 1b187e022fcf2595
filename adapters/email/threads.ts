// Conversations by mail: which mail belongs to which, and what an answer must refer to. Kept with the account's cursors, so that answers
// thread after any restart.
import { z } from 'zod';
import type { Cursor } from '../contract.ts';
import { sha256Hex } from '../../shared/digest.ts';
import type { ThreadId } from '../../shared/ids.ts';
import { parseJson } from '../transport/bodies.ts';
import { threadOf } from './ids.ts';

export interface ThreadRecord {
  chat: string;
  /** Message-ID of its first mail. */
  root: string;
  subject: string;
  /** Message-ID of the correspondent's last mail; '' when there is none yet. */
  last: string;
  /** Message-IDs that belong to it, oldest first. */
  ids: readonly string[];
  /** Of its last mail, in ms since the epoch. */
  at: number;
}

export interface PlacedMail {
  /** Undefined for a mail without one. */
  id: string | undefined;
  references: readonly string[];
  subject: string;
  at: number;
}

export interface Threads {
  /** Finds or begins the thread of a correspondent's mail, and remembers the mail as its last. Idempotent. Rejects when it cannot be kept. */
  place(chat: string, mail: PlacedMail): Promise<ThreadId | undefined>;
  find(chat: string, thread: string): ThreadRecord | undefined;
  /** Remembers that a mail of ours belongs to the thread, or begins one. `ids`: all names it has. Rejects when it cannot be kept. */
  addOwn(
    chat: string,
    thread: string | undefined,
    mail: { ids: readonly string[]; subject: string; at: number },
  ): Promise<void>;
  /** The thread of a mail. */
  withId(chat: string, id: string): ThreadRecord | undefined;
  /** The thread that was written in last; undefined for somebody who never wrote. */
  latest(chat: string): ThreadId | undefined;
}

const PREFIX = 'thread/';
/** Older conversations are still answered in their thread, only without their subject. */
const MAX_THREADS = 1_000;
const MAX_IDS = 16;
/** A mail that names no other belongs to a thread with its subject that is not older. */
const SUBJECT_MATCH_MS = 30 * 24 * 3_600_000;

const stored = z.object({
  chat: z.string(),
  root: z.string(),
  subject: z.string(),
  last: z.string(),
  ids: z.array(z.string()),
  at: z.number(),
});

/** Reads what was kept. Rejects when it cannot be read. */
export async function openThreads(cursor: Cursor): Promise<Threads> {
  const records = new Map<string, ThreadRecord>();
  for (const [key, value] of await cursor.list(PREFIX)) {
    const record = parseRecord(value);
    if (record) records.set(key, record);
  }
  const keyOf = (chat: string, root: string) => `${PREFIX}${hash(chat)}/${hash(root)}`;
  const ofChat = (chat: string) => [...records.values()].filter((record) => record.chat === chat);
  const withId = (chat: string, id: string) => ofChat(chat).find((record) => record.ids.includes(id));

  async function save(record: ThreadRecord): Promise<void> {
    const key = keyOf(record.chat, record.root);
    const changes: Record<string, string | undefined> = { [key]: JSON.stringify(record) };
    if (!records.has(key) && records.size >= MAX_THREADS) {
      const oldest = [...records].toSorted(([, a], [, b]) => a.at - b.at).slice(0, MAX_THREADS / 10);
      for (const [old] of oldest) changes[old] = undefined;
    }
    await cursor.update(changes);
    for (const [old, value] of Object.entries(changes)) if (value === undefined) records.delete(old);
    records.set(key, record);
  }

  function findRecord(chat: string, mail: PlacedMail): ThreadRecord | undefined {
    const byId = [...mail.references, ...(mail.id === undefined ? [] : [mail.id])].toReversed();
    for (const id of byId) {
      const known = withId(chat, id);
      if (known) return known;
    }
    const base = baseSubject(mail.subject);
    if (mail.references.length > 0 || base === '' || base === mail.subject.trim()) return undefined;
    // Some programs answer without saying what.
    const same = ofChat(chat).filter((one) => one.subject === base && mail.at - one.at < SUBJECT_MATCH_MS);
    return same.toSorted((a, b) => b.at - a.at)[0];
  }

  return {
    async place(chat, mail) {
      const known = findRecord(chat, mail);
      const root = known?.root ?? mail.references[0] ?? mail.id;
      if (root === undefined) return undefined;
      const own = mail.id === undefined ? [] : [mail.id];
      await save({
        chat,
        root,
        subject: known?.subject || baseSubject(mail.subject),
        last: mail.id ?? known?.last ?? '',
        ids: mergeIds(root, [...(known?.ids ?? []), ...mail.references, ...own]),
        at: Math.max(mail.at, known?.at ?? 0),
      });
      return threadOf(root);
    },
    find: (chat, thread) => records.get(keyOf(chat, thread)),
    async addOwn(chat, thread, { ids, subject, at }) {
      const known = thread === undefined ? undefined : records.get(keyOf(chat, thread));
      const root = known?.root ?? thread ?? ids[0];
      if (root === undefined) return;
      await save({
        chat,
        root,
        subject: known?.subject || baseSubject(subject),
        last: known?.last ?? '',
        ids: mergeIds(root, [...(known?.ids ?? []), ...ids]),
        at: Math.max(at, known?.at ?? 0),
      });
    },
    withId,
    latest(chat) {
      const newest = ofChat(chat).toSorted((a, b) => b.at - a.at)[0];
      return newest && threadOf(newest.root);
    },
  };
}

/** The first stays, since it names the thread, and of the others the latest. */
function mergeIds(root: string, ids: readonly string[]): readonly string[] {
  const others = [...new Set(ids)].filter((id) => id !== root);
  return [root, ...others.slice(1 - MAX_IDS)];
}

function parseRecord(value: string): ThreadRecord | undefined {
  return stored.safeParse(parseJson(value)).data;
}

function hash(text: string): string {
  return sha256Hex(text, 24);
}

/** The subject without what clients put before it when they answer or forward, in the languages that they do it in. */
export function baseSubject(subject: string): string {
  let base = subject.trim();
  for (let i = 0; i < 20; i++) {
    const next = base.replace(
      /^(?:(?:re|aw|antw|sv|vs|ynt|odp|rif|ref|res|fwd?|wg|tr|rv|enc|回复|答复|转发)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*)/i,
      '',
    );
    if (next === base) break;
    base = next;
  }
  return base.trim();
}
