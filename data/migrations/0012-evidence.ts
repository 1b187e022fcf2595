// What skills are judged by. What a task was about is kept as digests of words; rows go with the session that they came from.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table task_families (
    id text primary key, space_id text not null, words text not null, tools text not null, created_at integer not null,
    used_at integer not null) strict`,
  `create index task_families_space on task_families (space_id, used_at)`,

  `create table task_turns (
    turn_id text primary key, space_id text not null, person_id text not null,
    session_id text not null references sessions(id) on delete cascade, family_id text not null,
    outcome text not null check (outcome in ('verified','done','corrected','failed','abandoned')), settled integer not null,
    micro_usd integer not null, cost_known integer not null, tokens integer not null, steps integer not null, tool_errors integer not null,
    denials integer not null, duration_ms integer not null, at integer not null) strict`,
  `create index task_turns_family on task_turns (space_id, family_id, at)`,
  `create index task_turns_session on task_turns (session_id, at)`,

  `create table skill_uses (
    turn_id text not null references task_turns(turn_id) on delete cascade, space_id text not null, skill text not null,
    revision text not null, how text not null check (how in ('viewed','asked')), primary key (turn_id, skill)) strict, without rowid`,
  `create index skill_uses_skill on skill_uses (space_id, skill, turn_id)`,

  `create table skill_replays (
    revision text not null, turn_id text not null references task_turns(turn_id) on delete cascade, space_id text not null,
    skill text not null, with_run text not null, without_run text not null, at integer not null,
    primary key (revision, turn_id)) strict, without rowid`,
  `create index skill_replays_turn on skill_replays (turn_id)`,
  `create index skill_replays_time on skill_replays (space_id, at)`,

  `create table skill_curation (
    id integer primary key autoincrement, space_id text not null, kind text not null check (kind in ('noted','stale','archive','merge')),
    skill text not null, other text, revisions text not null, why text not null, at integer not null, undone_at integer) strict`,
  `create index skill_curation_space on skill_curation (space_id, id)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
