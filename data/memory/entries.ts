// What is remembered in one space, for reading. Changes go through changes.ts.
import { sql, type Selectable } from 'kysely';
import type { PersonId, SessionId, TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';
import type { MemoryAuthor, MemoryPlace, MemoryState, MemoryTables, MemoryTarget } from './tables.ts';

export interface MemoryEntry {
  id: number;
  target: MemoryTarget;
  place: MemoryPlace;
  state: MemoryState;
  text: string;
  /** Why it is blocked. */
  reason: string | undefined;
  replacedBy: number | undefined;
  author: MemoryAuthor;
  origin: Origin;
  turn: TurnId | undefined;
  session: SessionId | undefined;
  approvedBy: PersonId | undefined;
  createdAt: number;
  updatedAt: number;
  uses: number;
  usedAt: number | undefined;
}

export type MemoryRow = Selectable<MemoryTables['memories']>;

export function entryOf(row: MemoryRow): MemoryEntry {
  return {
    id: row.id,
    target: row.target,
    place: row.place,
    state: row.state,
    text: row.text,
    reason: row.reason ?? undefined,
    replacedBy: row.replaced_by ?? undefined,
    author: row.author,
    origin: row.origin,
    turn: row.turn_id ?? undefined,
    session: row.session_id ?? undefined,
    approvedBy: row.approved_by ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    uses: row.uses,
    usedAt: row.used_at ?? undefined,
  };
}

/** Lower case, without accents and punctuation: what two spellings of the same have in common. */
export function foldText(text: string): string {
  const words = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}\p{M}]+/gu);
  // Signs alone are a text of their own.
  return words?.join(' ') ?? text.trim();
}

// With a space goes what it remembers.
const keepCore = makeKeeper<readonly MemoryEntry[]>('memories', 'spaces');
const keepHasAny = makeKeeper<boolean>('memories', 'spaces');

/** What stands in the prompt or is blocked there, oldest first. */
export async function listCore(db: Db, scope: Scope, target?: MemoryTarget): Promise<readonly MemoryEntry[]> {
  const core = await keepCore(db, scope.space, async () => {
    const rows = await db.query
      .selectFrom('memories')
      .selectAll()
      .where('space_id', '=', scope.space)
      .where(sql<boolean>`place = 'core'`)
      .where('state', 'in', ['active', 'blocked'])
      .orderBy('id')
      .execute();
    return rows.map(entryOf);
  });
  return target === undefined ? core : core.filter((entry) => entry.target === target);
}

/** Whether anything is remembered in the space, in whatever state. */
export async function hasMemories(db: Db, scope: Scope): Promise<boolean> {
  return keepHasAny(db, scope.space, async () => {
    const rows = await db.query
      .selectFrom('memories')
      .select('id')
      .where('space_id', '=', scope.space)
      .limit(1)
      .execute();
    return rows.length > 0;
  });
}

/** Words of others that wait for approval, oldest first. */
export async function listPendingMemories(db: Db, scope: Scope, limit: number): Promise<readonly MemoryEntry[]> {
  const rows = await db.query
    .selectFrom('memories')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where(sql<boolean>`state = 'pending'`)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(entryOf);
}

/** The latest ones that hold, core and archive. */
export async function listLatestMemories(db: Db, scope: Scope, limit: number): Promise<readonly MemoryEntry[]> {
  const rows = await db.query
    .selectFrom('memories')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('state', '=', 'active')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(entryOf);
}

/** Those of the ids that are there, in the order of `ids`. */
export async function getMemories(db: Db, scope: Scope, ids: readonly number[]): Promise<readonly MemoryEntry[]> {
  if (ids.length === 0) return [];
  const rows = await db.query
    .selectFrom('memories')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('id', 'in', ids)
    .execute();
  const byId = new Map(rows.map((row) => [row.id, entryOf(row)]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

export interface MemoryCounts {
  core: number;
  archive: number;
  pending: number;
  blocked: number;
  superseded: number;
}

export async function countMemories(db: Db, scope: Scope): Promise<MemoryCounts> {
  const rows = await db.query
    .selectFrom('memories')
    .select(['state', 'place', (eb) => eb.fn.countAll<number>().as('count')])
    .where('space_id', '=', scope.space)
    .groupBy(['state', 'place'])
    .execute();
  const counts: MemoryCounts = { core: 0, archive: 0, pending: 0, blocked: 0, superseded: 0 };
  for (const { state, place, count } of rows) counts[state === 'active' ? place : state] += count;
  return counts;
}

/** Notes that entries were of use now. */
export async function markUsed(db: Db, scope: Scope, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await db.query
    .updateTable('memories')
    .set((eb) => ({ uses: eb('uses', '+', 1), used_at: db.clock.now() }))
    .where('space_id', '=', scope.space)
    .where('id', 'in', ids)
    .execute();
}
