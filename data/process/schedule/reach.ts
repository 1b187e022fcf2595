// Where results of jobs may go: groups in which their person has spoken, and what became of the messages.
import type { PersonId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { ProcessDb } from '../../db.ts';
import type { OutboxState } from '../../schema.ts';
import { groupScope } from '../../scope.ts';
import { addressColumns, addressOf } from '../chats.ts';

/** Whether the person wrote in this chat, in whatever thread: of late from an account that is theirs today, or at any time to be answered. */
export async function hasSpokenIn(db: ProcessDb, person: PersonId, at: Address): Promise<boolean> {
  const key = addressColumns(at);
  const row = await db.query
    .selectFrom('inbox')
    .innerJoin('identities', (join) =>
      join
        .onRef('inbox.platform', '=', 'identities.platform')
        .onRef('inbox.account', '=', 'identities.account')
        .onRef('inbox.user_id', '=', 'identities.user_id'),
    )
    .select('inbox.seq')
    .where('inbox.platform', '=', key.platform)
    .where('inbox.account', '=', key.account)
    .where('inbox.chat', '=', key.chat)
    .where('identities.person_id', '=', person)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined || (at.kind === 'group' && (await hadTurnIn(db, person, at)));
}

/** Messages are kept for a month only; turns stay. Those of other threads of the chat are other spaces. */
async function hadTurnIn(db: ProcessDb, person: PersonId, at: Address): Promise<boolean> {
  const row = await db.query
    .selectFrom('sessions')
    .innerJoin('turns', 'turns.session_id', 'sessions.id')
    .select('turns.id')
    .where('sessions.space_id', '=', groupScope(person, at).space)
    .where('turns.person_id', '=', person)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Chats with this title, or of this platform with this id. Latest first. */
export async function findChats(
  db: ProcessDb,
  by: { title: string } | { platform: string; chat: string },
): Promise<readonly { address: Address; title: string }[]> {
  let query = db.query.selectFrom('chats').selectAll().orderBy('last_inbound_at', 'desc').limit(100);
  if ('title' in by) query = query.where((eb) => eb(eb.fn<string>('lower', ['title']), '=', by.title.toLowerCase()));
  else
    query = query.where('platform', '=', by.platform).where((eb) => eb(eb.cast<string>('chat', 'text'), '=', by.chat));
  return (await query.execute()).map((row) => ({ address: addressOf(row), title: row.title }));
}

/** States of the messages whose keys begin with `prefix`, which ends in a dot. */
export async function listSentUnder(
  db: ProcessDb,
  prefix: string,
): Promise<readonly { key: string; state: OutboxState }[]> {
  return (
    db.query
      .selectFrom('outbox')
      .select(['key', 'state'])
      .where('key', '>=', prefix)
      // The character after the dot.
      .where('key', '<', `${prefix.slice(0, -1)}/`)
      .execute()
  );
}
