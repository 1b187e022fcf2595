// Looking back: what of which conversation was looked at, and what is proposed.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  // Up to which message a conversation was looked back at, and when it is the next time.
  `create table review_marks (
    session_id text primary key references sessions(id) on delete cascade, space_id text not null, person_id text not null,
    through_id integer not null, due_at integer, not_before integer not null, cause text,
    attempts integer not null, failures integer not null, updated_at integer not null) strict`,
  `create index review_marks_due on review_marks (due_at) where due_at is not null`,

  `create table reviews (
    id integer primary key autoincrement, space_id text not null, person_id text not null, session_id text not null references sessions(id) on delete cascade,
    from_id integer not null, through_id integer not null, cause text not null,
    state text not null check (state in ('running','done','failed','cut')),
    kept integer not null, pending integer not null, drafts integer not null, detail text not null,
    started_at integer not null, ended_at integer) strict`,
  `create index reviews_space on reviews (space_id, id)`,
  `create index reviews_running on reviews (id) where state = 'running'`,

  // Which tools a turn used one after another, so that what is done again and again is seen.
  `create table review_patterns (
    turn_id text primary key, space_id text not null, session_id text not null references sessions(id) on delete cascade, steps text not null, created_at integer not null) strict, without rowid`,
  `create index review_patterns_space on review_patterns (space_id, steps)`,

  // What the person is to be told about, once.
  `create table review_news (
    key text primary key, space_id text not null, person_id text not null, session_id text not null references sessions(id) on delete cascade,
    kind text not null check (kind in ('skill','memory')), skill text, text text not null,
    created_at integer not null, told_at integer) strict`,
  `create index review_news_untold on review_news (person_id, created_at) where told_at is null`,
  `create index review_news_told on review_news (person_id, told_at) where told_at is not null`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
