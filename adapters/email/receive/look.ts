// One look into a folder: every mail above the last one that was dealt with, in order. What is read or unread plays no part in that.
import type { ImapFlow } from 'imapflow';
import type { EmailSettings } from '../settings.ts';
import { isBadAnswer } from '../errors.ts';
import { selectBacklog } from './backlog.ts';
import { readPosition, savePosition, type Position } from './position.ts';
import { takeMail, type TakeDeps } from './take.ts';

/** A mail that breaks the connection that often is left out. */
const MAX_BREAKS = 3;
/** With a changed numbering, mails are looked for from this long before we were last there: servers search by days. */
const DAY_MS = 24 * 3_600_000;

export interface LookDeps extends TakeDeps {
  mark: EmailSettings['mark'];
  /** How often the fetch of a mail broke the connection, by folder and UID. Lives longer than a connection. */
  breaks: Map<string, number>;
}

/** Rejects when the connection fails or we are stopped. */
export async function lookInto(client: ImapFlow, folder: string, deps: LookDeps): Promise<void> {
  const { host, clock } = deps;
  const mailbox = client.mailbox && client.mailbox.path === folder ? client.mailbox : await client.mailboxOpen(folder);
  const uidValidity = String(mailbox.uidValidity);
  const last = await readPosition(host.cursor, folder);
  if (!last) {
    // What was there before us is not ours to answer.
    const now = clock.now();
    await savePosition(host.cursor, folder, { uidValidity, uid: mailbox.uidNext - 1, at: now, began: now });
    return;
  }
  const isRenumbered = last.uidValidity !== uidValidity;
  if (isRenumbered) host.log.warn({ folder }, 'the server numbers its mails anew; they are looked for by date');
  const pending = isRenumbered
    ? await search(client, { since: new Date(last.at - DAY_MS) })
    : (await search(client, { uid: `${last.uid + 1}:*` })).filter((uid) => uid > last.uid);
  if (pending.length === 0 && !isRenumbered) return;
  const { uids, gaps } = await selectBacklog(client, pending, {
    backfill: host.backfill,
    own: deps.context.own,
    threads: deps.threads,
    now: clock.now(),
    since: last.at,
    notBefore: isRenumbered ? last.began : undefined,
  });
  for (const gap of gaps) await host.gap(gap);
  let position: Position = isRenumbered ? { ...last, uidValidity, uid: 0 } : last;
  const advance = async (uid: number) => {
    position = { ...position, uid: Math.max(uid, position.uid), at: clock.now() };
    await savePosition(host.cursor, folder, position);
  };
  const taken: number[] = [];
  try {
    for (const uid of uids) {
      if (await takeOnce(client, uid, { folder, uidValidity }, deps)) taken.push(uid);
      // The time of the old numbering stays until all is dealt with: it says from when on to search.
      if (!isRenumbered) await advance(uid);
    }
    await advance(Math.max(pending.at(-1) ?? 0, isRenumbered ? mailbox.uidNext - 1 : 0));
  } finally {
    await mark(client, taken, deps);
  }
}

async function search(client: ImapFlow, query: { uid: string } | { since: Date }): Promise<readonly number[]> {
  const found = await client.search(query, { uid: true });
  // False: the server refused the search, which says nothing about what there is.
  if (!Array.isArray(found)) throw new Error('the mail server refused to search');
  return found.toSorted((a, b) => a - b);
}

async function takeOnce(
  client: ImapFlow,
  uid: number,
  place: { folder: string; uidValidity: string },
  deps: LookDeps,
): Promise<boolean> {
  const key = `${place.folder} ${place.uidValidity} ${uid}`;
  const breaks = deps.breaks.get(key) ?? 0;
  if (breaks >= MAX_BREAKS) {
    deps.host.log.error({ uid, folder: place.folder }, 'a mail that cannot be fetched is left out');
    deps.breaks.delete(key);
    return false;
  }
  try {
    return await takeMail(client, uid, place, deps);
  } catch (error) {
    if (isBadAnswer(error)) deps.breaks.set(key, breaks + 1);
    throw error;
  }
}

/** For people who look into the mailbox; losing it does no harm. */
async function mark(client: ImapFlow, uids: readonly number[], deps: LookDeps): Promise<void> {
  if (deps.mark === 'none' || uids.length === 0 || !client.usable) return;
  const flag = deps.mark === 'seen' ? '\\Seen' : '$Herald';
  try {
    await client.messageFlagsAdd(uids.join(','), [flag], { uid: true, silent: true });
  } catch {
    deps.host.log.debug({ count: uids.length }, 'mails could not be marked');
  }
}
