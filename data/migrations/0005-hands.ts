// Work on machines, and the policy that holds it: what approvals allow for longer, standing rules, the signed record, large results, whose
// words files may hold, lists of what is to do, work that was handed on and what its workers share.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS = [
  `alter table approvals add column why text not null default ''`,
  // JSON of what may be allowed for longer than once.
  `alter table approvals add column grant_json text`,
  `alter table approvals add column choice text`,

  `create table grants (
    id text primary key, space_id text not null, person_id text not null, session_id text, tool text not null, key text not null,
    title text not null, wide integer not null, approval_id text not null, uses integer not null, created_at integer not null,
    used_at integer, revoked_at integer) strict`,
  `create index grants_live on grants (space_id, person_id, tool) where revoked_at is null`,

  `create table rules (
    id text primary key, space_id text not null, person_id text not null, words text not null,
    verdict text not null check (verdict in ('ask','deny')), spec text not null, created_at integer not null, removed_at integer) strict`,
  `create index rules_live on rules (space_id, id) where removed_at is null`,

  `create table ledger (
    seq integer primary key, at integer not null, kind text not null check (kind in ('request','decision','execution','result','grant','revocation')),
    space_id text not null, person_id text not null, subject text not null, body text not null,
    prev text not null, hash text not null unique, signature text not null) strict`,
  `create index ledger_subject on ledger (subject)`,

  // What owners add to a day's caps: for one person, one space, or everybody.
  `create table extensions (
    id integer primary key autoincrement, cap text not null check (cap in ('turn','space_day','person_day','day')), space_id text not null,
    person_id text not null, day_start integer not null, micro_usd integer not null, tokens integer not null, created_at integer not null) strict`,
  `create index extensions_day on extensions (day_start)`,

  `create table results (
    id text primary key, space_id text not null, person_id text not null, turn_id text not null, tool text not null, origin text not null,
    text text not null, created_at integer not null) strict`,
  `create index results_age on results (created_at)`,

  `create table taints (
    id integer primary key autoincrement, space_id text not null, from_at integer not null, to_at integer not null) strict`,
  `create index taints_space on taints (space_id, to_at)`,

  `create table todos (
    session_id text primary key references sessions(id) on delete cascade, space_id text not null, items text not null,
    updated_at integer not null) strict`,

  // An old tool result that the model sees as one line; the text stays whole.
  `alter table messages add column stubbed integer not null default 0`,

  `create table questions (
    id text primary key, space_id text not null, person_id text not null, turn_id text not null, key text not null, chat_key text not null,
    asker text, choices text not null, multi integer not null, can_decline integer not null,
    state text not null check (state in ('open','answered','declined','expired','closed')),
    answer text, origin text, created_at integer not null, expires_at integer not null, ended_at integer) strict`,
  `create unique index questions_key on questions (turn_id, key)`,
  `create index questions_open on questions (chat_key, person_id) where state = 'open'`,

  // Set for the session and the turn of a worker: they are no conversation of a person.
  `alter table sessions add column task_id text`,
  `alter table turns add column task_id text`,

  `create table tasks (
    id text primary key, root_id text not null, parent_id text, key text not null, space_id text not null, person_id text not null,
    session_id text not null, turn_id text not null, own_session_id text, own_turn_id text, address text not null, name text not null, preset text not null, goal text not null, spec text not null,
    depth integer not null, state text not null check (state in ('waiting','running','done','failed','stopped')),
    result text, told integer not null, background integer not null, steering text not null, attempts integer not null, created_at integer not null, ended_at integer) strict`,
  `create unique index tasks_key on tasks (turn_id, key)`,
  `create index tasks_untold on tasks (id) where background = 1 and told = 0`,
  `create index tasks_root on tasks (root_id, id)`,
  `create index tasks_session on tasks (session_id, id)`,

  `create table cells (
    root_id text not null, key text not null, space_id text not null, type text not null, value text not null, version integer not null,
    author text not null, origin text not null, holder text, lease_until integer, updated_at integer not null,
    primary key (root_id, key)) strict, without rowid`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
