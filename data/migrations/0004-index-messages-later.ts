// Messages enter the search indexes many at a time, which takes a tenth of the work (data/derived/search-index.ts). The only row of
// `search_state` says which is the last one that is in them.
import { sql, type Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

const STATEMENTS = [
  `drop trigger messages_indexed`,
  `drop trigger messages_unindexed`,
  `create table search_state (through integer not null) strict`,
  `insert into search_state (through) select coalesce(max(id), 0) from messages`,
  `create trigger messages_unindexed after delete on messages
    when old.role in ('user','assistant') and old.text <> ''
      and old.id <= (select through from search_state) begin
    delete from messages_fts where rowid = old.id;
    delete from messages_trigram where rowid = old.id;
  end`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
