// Meanings of what is remembered, as vectors. They go with their entries; a text that changed has none until it is read anew.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table memory_vectors (
    memory_id integer primary key references memories(id) on delete cascade, space_id text not null, model text not null,
    dimensions integer not null, vector blob not null) strict`,
  `create index memory_vectors_space on memory_vectors (space_id, model)`,
  `create trigger memory_vectors_stale after update of text on memories when old.text <> new.text begin
    delete from memory_vectors where memory_id = old.id;
  end`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
