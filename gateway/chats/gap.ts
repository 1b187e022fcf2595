// A time for which nobody can say what was written: told once to whom it concerns, so that nothing is lost in silence.
import { createHash } from 'node:crypto';
import type { Gap } from '../../adapters/contract.ts';
import type { ProcessDb } from '../../data/db.ts';
import { getChat } from '../../data/process/chats.ts';
import { findOwner } from '../../data/process/people.ts';
import type { AccountId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address } from '../../shared/messages.ts';
import type { Poster } from '../outbox.ts';
import { newsAddress } from './news.ts';

/** A reconnect that took less than this is not worth a message. */
const SHORT_MS = 60_000;

/** Rejects when the notice could not be stored. A gap without a chat is told where the owner wrote last. */
export async function tellGap(
  { db, log, poster }: { db: ProcessDb; log: Logger; poster: Poster },
  at: { platform: string; account: AccountId },
  gap: Gap,
): Promise<void> {
  log.warn({ ...at, ...gap }, 'messages may be missing');
  if (gap.reason === 'no-replay' && gap.until - gap.since < SHORT_MS) return;
  const to = await addressOfGap(db, at, gap);
  if (!to) return;
  const key = `gap.${gap.until.toString(36)}.${shortKey([at.platform, at.account, gap.chat?.id ?? '', gap.chat?.thread ?? ''])}`;
  await poster.post(to, noticeText(gap, gap.chat ? '' : ` on ${at.platform}`), { key, kind: 'notice' });
}

/** The chat itself when somebody who is paired was there before; a stranger's chat hears nothing. */
async function addressOfGap(
  db: ProcessDb,
  at: { platform: string; account: AccountId },
  { chat }: Gap,
): Promise<Address | undefined> {
  if (chat) {
    const address: Address = {
      ...at,
      chat: chat.id,
      kind: chat.kind,
      ...(chat.thread === undefined ? {} : { thread: chat.thread }),
    };
    return (await getChat(db, address)) && address;
  }
  const owner = await findOwner(db);
  return owner && newsAddress(db, owner.id);
}

function noticeText(gap: Gap, where: string): string {
  const span = `from ${clockText(gap.since)} to ${clockText(gap.until)} UTC`;
  if (gap.reason === 'no-replay')
    return `I was not connected${where} ${span}, and what was written meanwhile cannot be fetched. Please send again what still matters.`;
  const missed = gap.missed === undefined ? 'Some messages' : `${gap.missed} message${gap.missed === 1 ? '' : 's'}`;
  return `${missed} that came in while I was away${where} (${span}) were too many or too old, and I have not read them. Please send again what still matters.`;
}

function clockText(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

/** The key of the notice: at most 48 characters in all. */
function shortKey(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\u001f')).digest('base64url').slice(0, 20);
}
