// What services outside are yet to forget.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  // Outlives what it stands for, and the person: no foreign keys.
  `create table forgettings (
    id integer primary key, space_id text not null, person_id text not null, service text not null,
    kind text not null check (kind in ('all','session','turn','memory')), ref text not null,
    attempts integer not null default 0, due_at integer not null, created_at integer not null,
    unique (space_id, service, kind, ref)) strict`,
  `create index forgettings_due on forgettings (due_at)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
