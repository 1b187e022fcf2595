// What is remembered of people and groups: entries with all of their versions, what sessions were told of them, and the files as they were
// written. What was noted before becomes archived entries; what was noted after reading words of others waits for approval.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `create table memories (
    id integer primary key autoincrement, space_id text not null, person_id text not null,
    target text not null check (target in ('memory','user')), place text not null check (place in ('core','archive')),
    state text not null check (state in ('active','pending','blocked','superseded')), text text not null, fold text not null,
    reason text, replaced_by integer, author text not null check (author in ('person','agent','review','file')), origin text not null,
    turn_id text, session_id text, approved_by text, created_at integer not null, updated_at integer not null,
    uses integer not null default 0, used_at integer) strict`,
  `create index memories_space on memories (space_id, state, id)`,
  `create index memories_core on memories (space_id, id) where place = 'core'`,
  `create index memories_pending on memories (space_id, id) where state = 'pending'`,
  `create index memories_person on memories (person_id)`,
  `create index memories_fold on memories (space_id, fold)`,
  `create index memories_replaced on memories (replaced_by) where replaced_by is not null`,

  `create table memory_batches (
    seq integer primary key autoincrement, id text not null unique, space_id text not null, person_id text not null, author text not null,
    origin text not null, turn_id text, session_id text, title text not null, undoes text, undone_by text,
    created_at integer not null) strict`,
  `create index memory_batches_space on memory_batches (space_id, seq)`,
  `create index memory_batches_turn on memory_batches (turn_id) where turn_id is not null`,

  `create table memory_versions (
    id integer primary key autoincrement, batch_id text not null, space_id text not null, memory_id integer not null,
    before text, after text) strict`,
  `create index memory_versions_batch on memory_versions (batch_id, id)`,
  `create index memory_versions_entry on memory_versions (memory_id, id)`,

  `create table memory_snapshots (
    session_id text primary key references sessions(id) on delete cascade, space_id text not null, text text not null,
    entries text not null, created_at integer not null) strict`,
  `create index memory_snapshots_space on memory_snapshots (space_id)`,

  `create table memory_files (
    space_id text not null, target text not null, content text not null, primary key (space_id, target)) strict, without rowid`,

  `create virtual table memories_fts using fts5 (text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`,
  `create virtual table memories_trigram using fts5 (text, content='', contentless_delete=1, tokenize='trigram')`,
  `create trigger memories_added after insert on memories begin
    insert into memories_fts (rowid, text) values (new.id, new.text);
    insert into memories_trigram (rowid, text) values (new.id, new.text);
  end`,
  `create trigger memories_deleted after delete on memories begin
    delete from memories_fts where rowid = old.id;
    delete from memories_trigram where rowid = old.id;
  end`,
  `create trigger memories_changed after update of text on memories when old.text <> new.text begin
    delete from memories_fts where rowid = old.id;
    delete from memories_trigram where rowid = old.id;
    insert into memories_fts (rowid, text) values (new.id, new.text);
    insert into memories_trigram (rowid, text) values (new.id, new.text);
  end`,
  // Who goes takes their memory along, and so does a group.
  `create trigger memories_of_space after delete on spaces begin
    delete from memories where space_id = old.id;
    delete from memory_batches where space_id = old.id;
    delete from memory_versions where space_id = old.id;
    delete from memory_files where space_id = old.id;
  end`,

  `insert into memories (space_id, person_id, target, place, state, text, fold, author, origin, turn_id, created_at, updated_at)
    select space_id, person_id, 'memory', 'archive', case origin when 'foreign' then 'pending' else 'active' end, text, lower(text),
      'agent', origin, turn_id, created_at, created_at from notes order by id`,
  `drop table notes`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
