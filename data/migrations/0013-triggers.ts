// What begins jobs beside the time: webhooks, and events that Herald itself sees.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table triggers (
    id text primary key, job_id text not null, space_id text not null, person_id text not null,
    kind text not null check (kind in ('hook','file','process','message')), spec text not null, secret text, mark text,
    fired integer not null default 0, fired_at integer, created_at integer not null, removed_at integer) strict`,
  `create index triggers_live on triggers (kind, id) where removed_at is null`,
  `create index triggers_job on triggers (space_id, job_id)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
