// What a person chose for all of their chats.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

export async function up(db: Kysely<Tables>): Promise<void> {
  await sql
    .raw(
      `create table person_settings (
        person_id text primary key references persons(id) on delete cascade,
        settings text not null) strict, without rowid`,
    )
    .execute(db);
}
