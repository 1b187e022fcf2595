// What is known of a person: claims with the evidence for and against them, and what the person corrected. And search indexes that are
// partitioned by space (data/derived/search-index.ts); what was said before enters them by and by, newest first, when it is needed.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS: readonly string[] = [
  `drop trigger messages_unindexed`,
  `drop table messages_fts`,
  `drop table messages_trigram`,
  `create table search_spaces (n integer primary key, space_id text not null unique) strict`,
  `create virtual table search_words using fts5 (text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`,
  // Places within a text are not needed here: what is found is compared with the text itself.
  `create virtual table search_parts using fts5 (text, content='', contentless_delete=1, detail='none', tokenize='trigram remove_diacritics 1')`,
  // Indexed are the messages from \`since\` to \`through\`.
  `alter table search_state add column since integer not null default 0`,
  `update search_state set through = (select coalesce(max(id), 0) from messages)`,
  `update search_state set since = through + 1`,
  `create trigger messages_unindexed after delete on messages
    when old.role in ('user','assistant') and old.text <> ''
      and old.id <= (select through from search_state) and old.id >= (select since from search_state) begin
    delete from search_words where rowid = ((select n from search_spaces where space_id = old.space_id) << 32) | old.id;
    delete from search_parts where rowid = ((select n from search_spaces where space_id = old.space_id) << 32) | old.id;
  end`,

  `create table claims (
    id integer primary key autoincrement, person_id text not null references persons(id) on delete cascade,
    kind text not null check (kind in ('preference','skill','goal','style','routine','fact')), text text not null, key text not null,
    state text not null check (state in ('active','doubtful','retracted','corrected')),
    is_fixed integer not null default 0, replaced_by integer, created_at integer not null, seen_at integer not null,
    changed_at integer not null) strict`,
  `create index claims_person on claims (person_id, state, id)`,
  `create unique index claims_key on claims (person_id, key)`,
  `create table claim_evidence (
    id integer primary key autoincrement, claim_id integer not null references claims(id) on delete cascade, person_id text not null,
    message_id integer, turn_id text, side text not null check (side in ('for','against')),
    source text not null check (source in ('said','corrected')),
    quote text not null, weight real not null, platform text, said_at integer not null, created_at integer not null) strict`,
  `create index claim_evidence_claim on claim_evidence (claim_id, id)`,
  `create unique index claim_evidence_once on claim_evidence (claim_id, message_id, side) where message_id is not null`,
  `create index claim_evidence_message on claim_evidence (message_id) where message_id is not null`,
  `create table profile_state (person_id text primary key references persons(id) on delete cascade, through integer not null) strict`,
  // What a session's prompt says of the person: the same throughout the session.
  `create table profile_snapshots (
    session_id text primary key references sessions(id) on delete cascade, person_id text not null, text text not null,
    made_at integer not null) strict`,
  `create index profile_snapshots_person on profile_snapshots (person_id)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
