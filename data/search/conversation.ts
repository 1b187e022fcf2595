// Looking into one conversation of the past, within one Scope: its beginning, what stands round a message, whose words are in it.
import { sql } from 'kysely';
import type { SessionId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import type { Scope } from '../scope.ts';

export interface SaidMessage {
  id: number;
  role: 'user' | 'assistant';
  author: string;
  text: string;
  origin: Origin;
  createdAt: number;
}

export interface Passage {
  messages: readonly SaidMessage[];
  /** Messages before and after those, counted up to MAX_COUNTED. */
  earlier: number;
  later: number;
}

/** More messages than these are not counted. */
export const MAX_COUNTED = 1_000;

const said = (scope: Scope, session: SessionId) =>
  // The plus keeps SQLite from reading all of the space instead of the session.
  sql`session_id = ${session} and +space_id = ${scope.space} and role in ('user','assistant') and state <> 'undone' and text <> ''`;

/** What people and the agent said round a message, or last: up to `before` messages before it, itself, and `after` after it. */
export async function readPassage(
  db: Db,
  scope: Scope,
  session: SessionId,
  { message, before, after }: { message: number | undefined; before: number; after: number },
): Promise<Passage> {
  const upTo = message ?? Number.MAX_SAFE_INTEGER;
  const older = await select(db, sql`${said(scope, session)} and id <= ${upTo}`, 'desc', before + 1);
  // One more than wanted where the message itself is none of them.
  const first = older.at(0)?.id === message ? older : older.slice(0, before);
  const newer =
    message === undefined ? [] : await select(db, sql`${said(scope, session)} and id > ${upTo}`, 'asc', after);
  const messages = [...first.toReversed(), ...newer];
  const [from, to] = [messages.at(0)?.id ?? 0, messages.at(-1)?.id ?? 0];
  return {
    messages,
    earlier: await countSaid(db, sql`${said(scope, session)} and id < ${from}`),
    later: await countSaid(db, sql`${said(scope, session)} and id > ${to}`),
  };
}

/** How the conversation began. */
export async function readOpening(
  db: Db,
  scope: Scope,
  session: SessionId,
  limit: number,
): Promise<readonly SaidMessage[]> {
  return select(db, said(scope, session), 'asc', limit);
}

/** Id of the oldest of the newest `count` messages that are in no summary: from it on the model sees them. 0 when there are none. */
export async function recentFrom(db: Db, scope: Scope, session: SessionId, count: number): Promise<number> {
  const { rows } = await sql<{ id: number | null }>`select min(id) as id from (select id from messages
    where ${said(scope, session)} and state = 'active' order by id desc limit ${count})`.execute(db.query);
  return rows[0]?.id ?? 0;
}

export interface DoubtfulMessage {
  role: 'user' | 'assistant' | 'tool' | 'summary';
  text: string;
  origin: Origin;
  hasFiles: boolean;
}

/** Messages of any kind that may hold words of others: of foreign origin, with files, or a person's that begin with one of `marks`. */
export async function listDoubtful(
  db: Db,
  scope: Scope,
  session: SessionId,
  { marks, limit }: { marks: readonly string[]; limit: number },
): Promise<readonly DoubtfulMessage[]> {
  const marked = marks.map((mark) => sql`substr(text, 1, ${mark.length}) = ${mark}`);
  const { rows } = await sql<Omit<DoubtfulMessage, 'hasFiles'> & { has_files: number }>`
    select role, text, origin, files is not null and files <> '[]' as has_files from messages
    where session_id = ${session} and +space_id = ${scope.space}
      and (origin = 'foreign' or (files is not null and files <> '[]') or (role = 'user' and (${sql.join(marked, sql` or `)})))
    order by origin = 'foreign' desc limit ${limit}`.execute(db.query);
  return rows.map(({ role, text, origin, has_files }) => ({ role, text, origin, hasFiles: has_files === 1 }));
}

async function select(
  db: Db,
  where: ReturnType<typeof said>,
  order: 'asc' | 'desc',
  limit: number,
): Promise<readonly SaidMessage[]> {
  const { rows } = await sql<Omit<SaidMessage, 'createdAt'> & { created_at: number }>`
    select id, role, author, text, origin, created_at from messages
    where ${where} order by id ${sql.raw(order)} limit ${limit}`.execute(db.query);
  return rows.map(({ created_at: createdAt, ...message }) => ({ ...message, createdAt }));
}

async function countSaid(db: Db, where: ReturnType<typeof said>): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from (select 1 from messages where ${where} limit ${MAX_COUNTED})`.execute(db.query);
  return rows[0]?.n ?? 0;
}
