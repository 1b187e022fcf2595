// Full-text search over what was said, within one Scope. Words first (unicode61, accents folded), then substrings (trigram),
// which also serves scripts without spaces.
import { sql } from 'kysely';
import type { SessionId } from '../shared/ids.ts';
import type { Origin } from '../shared/messages.ts';
import type { Db } from './db.ts';
import type { Scope } from './scope.ts';
import { indexMessages } from './derived/search-index.ts';

export interface SearchHit {
  message: number;
  session: SessionId;
  sessionTitle: string | undefined;
  role: 'user' | 'assistant';
  author: string;
  text: string;
  /** Whose words they are. */
  origin: Origin;
  createdAt: number;
}

export interface SearchOptions {
  /** Words, any of which may match; best first. */
  query: string;
  limit: number;
  /** Leave one session out: the model has it before its eyes already. */
  exceptSession?: SessionId | undefined;
}

/** Best matches first. An empty or unsearchable query finds nothing. */
export async function searchMessages(db: Db, scope: Scope, options: SearchOptions): Promise<readonly SearchHit[]> {
  const words = searchWords(options.query);
  if (words.length === 0) return [];
  await indexMessages(db);
  const quoted = words.map((word) => `"${word.replaceAll('"', '""')}"`);
  for (const match of [quoted.join(' '), quoted.join(' OR ')]) {
    const hits = await matchIndex(db, scope, options, { table: 'messages_fts', match });
    if (hits.length > 0) return hits;
  }
  const long = words.filter((word) => [...word].length >= 3).map((word) => `"${word.replaceAll('"', '""')}"`);
  if (long.length > 0) {
    const hits = await matchIndex(db, scope, options, { table: 'messages_trigram', match: long.join(' OR ') });
    if (hits.length > 0) return hits;
  }
  return matchShort(db, scope, options, words);
}

/** Words of a query as full-text search splits them; punctuation separates, so no operator of FTS5 gets through. */
export function searchWords(query: string): readonly string[] {
  return (query.normalize('NFKC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).slice(0, 24);
}

async function matchIndex(
  db: Db,
  scope: Scope,
  options: SearchOptions,
  index: { table: 'messages_fts' | 'messages_trigram'; match: string },
): Promise<readonly SearchHit[]> {
  const table = sql.table(index.table);
  const rows = await sql<HitRow>`
    select m.id, m.session_id, s.title, m.role, m.author, m.text, m.origin, m.created_at
    from ${table} f join messages m on m.id = f.rowid join sessions s on s.id = m.session_id
    where ${table} match ${index.match} and m.space_id = ${scope.space} and m.state <> 'undone'
      and m.session_id <> ${options.exceptSession ?? ''}
    order by f.rank limit ${options.limit}`.execute(db.query);
  return rows.rows.map(hitOf);
}

/** One- and two-character words, which no index holds (common in Chinese and Japanese): newest messages first. */
async function matchShort(
  db: Db,
  scope: Scope,
  options: SearchOptions,
  words: readonly string[],
): Promise<readonly SearchHit[]> {
  const rows = await sql<HitRow>`
    select m.id, m.session_id, s.title, m.role, m.author, m.text, m.origin, m.created_at
    from messages m join sessions s on s.id = m.session_id
    where m.space_id = ${scope.space} and m.role in ('user','assistant') and m.state <> 'undone'
      and m.session_id <> ${options.exceptSession ?? ''}
      and (${sql.join(
        words.map((word) => sql`instr(m.text, ${word}) > 0`),
        sql` or `,
      )})
    order by m.id desc limit ${options.limit}`.execute(db.query);
  return rows.rows.map(hitOf);
}

interface HitRow {
  id: number;
  session_id: SessionId;
  title: string | null;
  role: 'user' | 'assistant';
  author: string;
  text: string;
  origin: Origin;
  created_at: number;
}

function hitOf(row: HitRow): SearchHit {
  return {
    message: row.id,
    session: row.session_id,
    sessionTitle: row.title ?? undefined,
    role: row.role,
    author: row.author,
    text: row.text,
    origin: row.origin,
    createdAt: row.created_at,
  };
}
