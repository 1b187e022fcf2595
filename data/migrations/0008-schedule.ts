// Jobs, and their occurrences with what became of each.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table jobs (
    id text primary key, name text not null, space_id text not null, person_id text not null,
    state text not null check (state in ('active','paused','done','removed')), state_reason text,
    schedule text not null, work text not null, condition text, delivery text not null, permissions text not null, policy text not null,
    origin text not null, created_by text not null, failures integer not null, alerted_at integer,
    created_at integer not null, updated_at integer not null) strict`,
  `create unique index jobs_name on jobs (space_id, person_id, name) where state <> 'removed'`,
  `create index jobs_active on jobs (id) where state = 'active'`,

  `create table occurrences (
    id text primary key, job_id text not null references jobs(id) on delete cascade, space_id text not null, person_id text not null,
    scheduled_at integer not null, due_at integer not null, next_at integer, cause text not null, trigger_key text,
    state text not null check (state in ('planned','claimed','running','done','failed','interrupted','skipped','missed')),
    reason text, failure text, error_code text,
    delivery text not null check (delivery in ('none','pending','sent','uncertain','failed','silent')),
    attempts integer not null, failures integer not null, interruptions integer not null, lease_owner text, lease_until integer,
    input text, input_origin text, result text, result_origin text, files text, cost_micro_usd integer not null, tokens integer not null,
    started_at integer, ended_at integer, created_at integer not null, updated_at integer not null) strict`,
  `create unique index occurrences_once on occurrences (job_id, scheduled_at)`,
  `create unique index occurrences_trigger on occurrences (job_id, trigger_key) where trigger_key is not null`,
  `create index occurrences_next on occurrences (next_at) where next_at is not null`,
  `create index occurrences_live on occurrences (lease_until) where state in ('claimed','running')`,
  `create index occurrences_undelivered on occurrences (id) where delivery = 'pending'`,
  `create index occurrences_space on occurrences (space_id, person_id, scheduled_at)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
