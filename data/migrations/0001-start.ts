// The first schema. Append-only: never edit a migration that has shipped; add the next one.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS = [
  `create table persons (
    id text primary key, name text not null,
    role text not null check (role in ('owner','admin','member','guest')), created_at integer not null) strict`,

  `create table identities (
    platform text not null, account text not null, user_id text not null,
    person_id text not null references persons(id) on delete cascade,
    name text not null, created_at integer not null,
    primary key (platform, account, user_id)) strict, without rowid`,
  `create index identities_person on identities (person_id)`,

  `create table pairing_codes (
    id text primary key, kind text not null check (kind in ('pair','link','owner')),
    platform text not null, account text not null, user_id text not null, user_name text not null,
    person_id text references persons(id) on delete cascade, address text,
    salt blob not null, hash blob not null,
    created_at integer not null, expires_at integer not null, used_at integer) strict`,
  `create index pairing_codes_open on pairing_codes (platform, expires_at) where used_at is null`,
  `create table pairing_locks (
    platform text not null, purpose text not null check (purpose in ('approve','redeem')),
    failures integer not null, failed_at integer not null, locked_until integer not null,
    primary key (platform, purpose)) strict, without rowid`,

  `create table spaces (
    id text primary key, kind text not null check (kind in ('person','group')),
    person_id text references persons(id) on delete cascade, title text not null,
    session_id text, created_at integer not null) strict`,

  `create table sessions (
    id text primary key, space_id text not null references spaces(id) on delete cascade,
    person_id text not null, title text, model text, personality text,
    created_at integer not null, updated_at integer not null) strict`,
  `create index sessions_space on sessions (space_id, updated_at)`,
  `create unique index sessions_title on sessions (space_id, title) where title is not null`,

  `create table chats (
    platform text not null, account text not null, chat text not null, thread text not null,
    chat_kind text not null check (chat_kind in ('dm','group')), title text not null,
    session_id text references sessions(id) on delete set null, settings text not null, last_inbound_at integer not null,
    primary key (platform, account, chat, thread)) strict, without rowid`,

  `create table messages (
    id integer primary key autoincrement,
    session_id text not null references sessions(id) on delete cascade, space_id text not null, turn_id text,
    role text not null check (role in ('user','assistant','tool','summary')),
    author text not null, text text not null, tool_call_id text, tool_name text, tool_calls text, reasoning text, files text,
    is_error integer not null default 0,
    origin text not null check (origin in ('owner','member','agent','foreign')),
    state text not null check (state in ('active','undone','compacted')), created_at integer not null) strict`,
  `create index messages_session on messages (session_id, id)`,
  `create index messages_space on messages (space_id, id)`,
  `create index messages_turn on messages (turn_id) where turn_id is not null`,

  // Only what people and the agent said is searched, never tool output.
  `create virtual table messages_fts using fts5 (text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`,
  `create virtual table messages_trigram using fts5 (text, content='', contentless_delete=1, tokenize='trigram')`,
  `create trigger messages_indexed after insert on messages when new.role in ('user','assistant') and new.text <> '' begin
    insert into messages_fts (rowid, text) values (new.id, new.text);
    insert into messages_trigram (rowid, text) values (new.id, new.text);
  end`,
  `create trigger messages_unindexed after delete on messages when old.role in ('user','assistant') and old.text <> '' begin
    delete from messages_fts where rowid = old.id;
    delete from messages_trigram where rowid = old.id;
  end`,

  `create table inbox (
    seq integer primary key autoincrement,
    platform text not null, account text not null, chat text not null, thread text not null,
    chat_kind text not null check (chat_kind in ('dm','group')),
    message_id text not null, kind text not null check (kind in ('message','edit','delete','button')), revision text not null,
    user_id text not null, payload text not null,
    state text not null check (state in ('received','queued','running','answered','merged','superseded','refused','expired','dead')),
    reason text, person_id text, session_id text, turn_id text, merged_into integer,
    received_at integer not null, due_at integer not null, updated_at integer not null) strict`,
  `create unique index inbox_once on inbox (platform, account, chat, message_id, kind, revision)`,
  `create index inbox_open on inbox (state, session_id, seq) where state in ('received','queued','running')`,
  `create index inbox_turn on inbox (turn_id) where turn_id is not null`,
  `create index inbox_chat on inbox (platform, account, chat, seq)`,
  `create index inbox_dm on inbox (platform, account, user_id, chat, thread, received_at) where chat_kind = 'dm'`,

  `create table turns (
    id text primary key,
    session_id text not null, space_id text not null, person_id text not null,
    platform text not null, account text not null, chat text not null, thread text not null, chat_kind text not null,
    state text not null check (state in ('running','done','stopped','failed','quarantined')),
    attempts integer not null, error_code text, started_at integer not null, ended_at integer) strict`,
  `create index turns_running on turns (id) where state = 'running'`,
  `create index turns_session on turns (session_id, started_at)`,

  `create table journal (
    turn_id text not null references turns(id) on delete cascade, step_key text not null,
    kind text not null check (kind in ('model','tool','steer')), state text not null check (state in ('started','done')),
    effect text, payload text not null, seq integer not null, created_at integer not null,
    primary key (turn_id, step_key)) strict, without rowid`,

  `create table outbox (
    seq integer primary key autoincrement, key text not null unique, chat_key text not null,
    platform text not null, account text not null, chat text not null, thread text not null, chat_kind text not null,
    turn_id text, person_id text, kind text not null check (kind in ('answer','notice','command','message')),
    part integer not null, parts integer not null, text text not null, files text not null, buttons text not null,
    reply_to text, edit_of text, silent integer not null, plain integer not null,
    state text not null check (state in ('pending','sending','sent','uncertain','expired','dead')),
    attempts integer not null, due_at integer not null, expires_at integer not null,
    sent_ids text, error text, created_at integer not null, updated_at integer not null) strict`,
  `create index outbox_open on outbox (chat_key, seq) where state in ('pending','sending')`,
  `create index outbox_chat on outbox (platform, account, chat, seq)`,
  `create index outbox_turn on outbox (turn_id) where turn_id is not null`,

  `create table cursors (
    platform text not null, account text not null, key text not null, value text not null, updated_at integer not null,
    primary key (platform, account, key)) strict, without rowid`,

  `create table approvals (
    id text primary key, turn_id text not null, call_id text not null, space_id text not null, person_id text not null,
    chat_key text not null, tool text not null, arguments text not null, digest text not null,
    state text not null check (state in ('pending','allowed','denied','expired','used')),
    decided_by text, reason text, created_at integer not null, expires_at integer not null, decided_at integer) strict`,
  `create unique index approvals_call on approvals (turn_id, call_id)`,

  `create table usage (
    id integer primary key autoincrement, person_id text not null, space_id text not null, session_id text, turn_id text,
    cause text not null, provider text not null, model text not null, state text not null check (state in ('reserved','final')),
    input_tokens integer not null, output_tokens integer not null, cache_read_tokens integer not null,
    cache_write_tokens integer not null, reasoning_tokens integer not null,
    cost_micro_usd integer not null, cost_known integer not null, created_at integer not null) strict`,
  // Covering, since caps sum over them before each call.
  `create index usage_time on usage (created_at, cost_micro_usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)`,
  `create index usage_person on usage (person_id, created_at, cost_micro_usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)`,
  `create index usage_turn on usage (turn_id) where turn_id is not null`,

  `create table notes (
    id integer primary key autoincrement, space_id text not null, person_id text not null, turn_id text, text text not null,
    origin text not null, created_at integer not null) strict`,
  `create index notes_space on notes (space_id, id)`,

  `create table audit (
    id integer primary key autoincrement, at integer not null, actor text not null, action text not null,
    subject text not null, detail text not null) strict`,

  `create table meta (key text primary key, value text not null) strict, without rowid`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
