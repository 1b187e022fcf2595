// What a person said and was told over all direct chats, by time: our own clients show it.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS = [
  `create index inbox_conversation on inbox (person_id, received_at)
    where person_id is not null and session_id is not null and chat_kind = 'dm'`,
  `create index outbox_conversation on outbox (person_id, created_at)
    where person_id is not null and kind = 'answer' and chat_kind = 'dm'`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
