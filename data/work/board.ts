// What the workers of one tree of tasks share: cells with a version, changed only by whoever knows the version that stands there, and
// leases, so that two do not take the same piece of work.
import type { TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Selectable } from 'kysely';
import type { Db, Query } from '../db.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';

export interface Cell {
  key: string;
  /** What kind of fact it is, such as "finding", "artifact", "work". */
  type: string;
  value: string;
  /** 1 for a new cell, one more with each change. */
  version: number;
  /** Name of the worker that wrote it last. */
  author: string;
  origin: Origin;
  /** Who has taken it, while the lease lasts. */
  holder: string | undefined;
  leaseUntil: number | undefined;
}

/** Cells of one tree; a board is no database. */
const MAX_CELLS = 500;

export async function listCells(db: Db, scope: Scope, root: TurnId, prefix = ''): Promise<readonly Cell[]> {
  const rows = await cells(db.query, scope, root).orderBy('key').execute();
  const now = db.clock.now();
  return rows.filter((row) => row.key.startsWith(prefix)).map((row) => cellOf(row, now));
}

export type PutOutcome =
  | { ok: true; cell: Cell }
  | { ok: false; reason: 'changed' | 'held' | 'full'; cell: Cell | undefined };

/**
 * Writes a cell. `expected` is the version that must stand there, 0 for none. Refused when it is another one, or while somebody else holds
 * it. Gives what stands there afterwards.
 */
export async function putCell(
  db: Db,
  scope: Scope,
  write: { root: TurnId; key: string; type: string; value: string; expected: number; author: string; origin: Origin },
): Promise<PutOutcome> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const row = await cells(trx, scope, write.root).where('key', '=', write.key).executeTakeFirst();
    const known = row && cellOf(row, now);
    // The same write again, after a restart: it has happened.
    if (known && isSame(known, write)) return { ok: true, cell: known };
    if ((known?.version ?? 0) !== write.expected) return { ok: false, reason: 'changed', cell: known };
    if (known?.holder !== undefined && known.holder !== write.author) return { ok: false, reason: 'held', cell: known };
    if (!known && !(await hasRoom(trx, scope, write.root))) return { ok: false, reason: 'full', cell: undefined };
    const values = {
      type: write.type,
      value: write.value,
      version: write.expected + 1,
      author: write.author,
      // Words of others stay such, whoever writes over them.
      origin: write.origin,
      holder: known?.holder ?? null,
      lease_until: known?.leaseUntil ?? null,
      updated_at: now,
    };
    await trx
      .insertInto('cells')
      .values({ root_id: write.root, key: write.key, space_id: scope.space, ...values })
      .onConflict((conflict) => conflict.columns(['root_id', 'key']).doUpdateSet(values))
      .execute();
    const after = await cells(trx, scope, write.root).where('key', '=', write.key).executeTakeFirstOrThrow();
    return { ok: true, cell: cellOf(after, now) };
  });
}

/** Takes a cell for `ms`, or longer when it is held already; false when somebody else holds it or it is not there. */
export async function leaseCell(
  db: Db,
  scope: Scope,
  lease: { root: TurnId; key: string; holder: string; ms: number },
): Promise<boolean> {
  const now = db.clock.now();
  const result = await db.query
    .updateTable('cells')
    .set({ holder: lease.holder, lease_until: now + lease.ms })
    .where('root_id', '=', lease.root)
    .where('key', '=', lease.key)
    .where('space_id', '=', scope.space)
    .where((eb) => eb.or([eb('holder', 'is', null), eb('holder', '=', lease.holder), eb('lease_until', '<=', now)]))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Gives a cell back. False when the caller does not hold it. */
export async function releaseCell(
  db: Db,
  scope: Scope,
  lease: { root: TurnId; key: string; holder: string },
): Promise<boolean> {
  const result = await db.query
    .updateTable('cells')
    .set({ holder: null, lease_until: null })
    .where('root_id', '=', lease.root)
    .where('key', '=', lease.key)
    .where('space_id', '=', scope.space)
    .where('holder', '=', lease.holder)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function cells(query: Query, scope: Scope, root: TurnId) {
  return query.selectFrom('cells').selectAll().where('root_id', '=', root).where('space_id', '=', scope.space);
}

function isSame(cell: Cell, write: { type: string; value: string; expected: number; author: string }): boolean {
  return (
    cell.version === write.expected + 1 &&
    cell.author === write.author &&
    cell.value === write.value &&
    cell.type === write.type
  );
}

async function hasRoom(trx: Query, scope: Scope, root: TurnId): Promise<boolean> {
  const row = await trx
    .selectFrom('cells')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('root_id', '=', root)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return (row?.count ?? 0) < MAX_CELLS;
}

function cellOf(row: Selectable<Tables['cells']>, now: number): Cell {
  const isHeld = row.holder !== null && row.lease_until !== null && row.lease_until > now;
  return {
    key: row.key,
    type: row.type,
    value: row.value,
    version: row.version,
    author: row.author,
    origin: row.origin,
    holder: isHeld ? (row.holder ?? undefined) : undefined,
    leaseUntil: isHeld ? (row.lease_until ?? undefined) : undefined,
  };
}
