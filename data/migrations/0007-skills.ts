// Skills of people and groups: versions, their files, what is frozen, pinned or put away, and which skills a conversation has loaded.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table skill_revisions (
    id text primary key, space_id text not null, person_id text not null, skill text not null, number integer not null, parent_id text,
    author text not null check (author in ('person','agent','review','hub')), reason text not null, turns text not null, session_id text,
    is_foreign integer not null, is_deletion integer not null, category text,
    trust text not null check (trust in ('own','community')),
    state text not null check (state in ('proposed','trial','active','superseded','rolled_back','rejected','archived')),
    findings text not null, created_at integer not null, decided_at integer, decided_why text not null default '') strict`,
  `create unique index skill_revisions_number on skill_revisions (space_id, skill, number)`,
  `create index skill_revisions_live on skill_revisions (space_id, state)`,

  // A text is kept once per space, whatever revisions hold it.
  `create table skill_blobs (
    space_id text not null, hash text not null, content blob not null, primary key (space_id, hash)) strict`,
  `create table skill_files (
    revision_id text not null references skill_revisions(id) on delete cascade, space_id text not null, path text not null,
    hash text not null, bytes integer not null, primary key (revision_id, path)) strict, without rowid`,

  `create table skill_marks (
    space_id text not null, skill text not null, frozen integer not null, pinned integer not null, archived integer not null,
    updated_at integer not null, primary key (space_id, skill)) strict`,

  `create table skill_loads (
    session_id text not null references sessions(id) on delete cascade, space_id text not null, skill text not null, revision_id text,
    turn_id text, loaded_at integer not null, primary key (session_id, skill)) strict`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
