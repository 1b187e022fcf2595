// Meanings of what is remembered, as vectors of length 1, and the search among them. With the extension sqlite-vec the database measures
// the distances, else this file does; both look at every vector of the space and come to the same order.
import { sql } from 'kysely';
import type { Db } from '../db.ts';
import { directConnection } from '../query/dialect.ts';
import type { TableWrites } from '../query/table-writes.ts';
import type { Scope } from '../scope.ts';

export interface UnreadMemory {
  id: number;
  text: string;
}

/** Entries that hold and have no vector of the model (of that many dimensions), oldest first, after the entry `after`. */
export async function listUnreadMemories(
  db: Db,
  scope: Scope,
  { model, dimensions, after, limit }: { model: string; dimensions?: number | undefined; after: number; limit: number },
): Promise<readonly UnreadMemory[]> {
  return db.query
    .selectFrom('memories')
    .select(['id', 'text'])
    .where('space_id', '=', scope.space)
    .where('state', '=', 'active')
    .where('id', '>', after)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('memory_vectors')
            .select('memory_id')
            .whereRef('memory_vectors.memory_id', '=', 'memories.id')
            .where('model', '=', model)
            .$if(dimensions !== undefined, (query) => query.where('dimensions', '=', dimensions ?? 0)),
        ),
      ),
    )
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Keeps the vectors of texts that are still what they were; returns how many those are. */
export async function putVectors(
  db: Db,
  scope: Scope,
  model: string,
  read: readonly (UnreadMemory & { vector: Float32Array })[],
): Promise<number> {
  return db.query.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('memories')
      .select(['id', 'text'])
      .where('space_id', '=', scope.space)
      .where(
        'id',
        'in',
        read.map(({ id }) => id),
      )
      .execute();
    const texts = new Map(rows.map(({ id, text }) => [id, text]));
    const kept = read.filter(({ id, text }) => texts.get(id) === text);
    for (const { id, vector } of kept) {
      const values = { model, dimensions: vector.length, vector: toBytes(normalized(vector)) };
      await trx
        .insertInto('memory_vectors')
        .values({ memory_id: id, space_id: scope.space, ...values })
        .onConflict((conflict) => conflict.column('memory_id').doUpdateSet(values))
        .execute();
    }
    return kept.length;
  });
}

/** Whether there is anything to search among. */
export async function hasVectors(db: Db, scope: Scope, model: string): Promise<boolean> {
  const row = await db.query
    .selectFrom('memory_vectors')
    .select('memory_id')
    .where('space_id', '=', scope.space)
    .where('model', '=', model)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export interface NearestVector {
  id: number;
  /** Of the cosine: 0 = same direction, 2 = opposite. */
  distance: number;
}

/** Entries that hold, nearest first. Vectors of other dimensions are passed over. `plain`: without the extension. */
export async function nearestVectors(
  db: Db,
  scope: Scope,
  query: { model: string; vector: Float32Array; limit: number; plain?: boolean },
): Promise<readonly NearestVector[]> {
  const wanted = normalized(query.vector);
  const measures = query.plain !== true && (await hasExtension(db));
  return measures ? measuredThere(db, scope, query, wanted) : measuredHere(db, scope, query, wanted);
}

function vectorsOf(db: Db, scope: Scope, { model, vector }: { model: string; vector: Float32Array }) {
  return db.query
    .selectFrom('memory_vectors')
    .innerJoin('memories', 'memories.id', 'memory_vectors.memory_id')
    .where('memory_vectors.space_id', '=', scope.space)
    .where('memories.space_id', '=', scope.space)
    .where('memories.state', '=', 'active')
    .where('memory_vectors.model', '=', model)
    .where('memory_vectors.dimensions', '=', vector.length);
}

/** https://alexgarcia.xyz/sqlite-vec/api-reference.html#vec_distance_cosine (read 2026-11-21) */
async function measuredThere(
  db: Db,
  scope: Scope,
  query: { model: string; vector: Float32Array; limit: number },
  wanted: Float32Array,
): Promise<readonly NearestVector[]> {
  const rows = await vectorsOf(db, scope, query)
    .select([
      'memory_vectors.memory_id as id',
      sql<number>`vec_distance_cosine(memory_vectors.vector, ${toBytes(wanted)})`.as('distance'),
    ])
    .orderBy('distance')
    .orderBy('id')
    .limit(query.limit)
    .execute();
  return rows;
}

/** Vectors held at a time. */
const PAGE = 500;

async function measuredHere(
  db: Db,
  scope: Scope,
  query: { model: string; vector: Float32Array; limit: number },
  wanted: Float32Array,
): Promise<readonly NearestVector[]> {
  let best: NearestVector[] = [];
  for (let after = 0; ;) {
    const rows = await vectorsOf(db, scope, query)
      .select(['memory_vectors.memory_id as id', 'memory_vectors.vector as vector'])
      .where('memory_vectors.memory_id', '>', after)
      .orderBy('memory_vectors.memory_id')
      .limit(PAGE)
      .execute();
    const measured = rows.map(({ id, vector }) => ({ id, distance: 1 - dotProduct(fromBytes(vector), wanted) }));
    best = [...best, ...measured].sort((a, b) => a.distance - b.distance || a.id - b.id).slice(0, query.limit);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return best;
    after = last.id;
  }
}

const extensions = new WeakMap<TableWrites, Promise<boolean>>();

/** Loads sqlite-vec into the connection, once. It is an optional package, and not made for every machine. */
function hasExtension(db: Db): Promise<boolean> {
  const known = extensions.get(db.writes);
  if (known) return known;
  const loading = loadExtension(db);
  extensions.set(db.writes, loading);
  return loading;
}

async function loadExtension(db: Db): Promise<boolean> {
  const connection = directConnection(db.query.getExecutor().adapter);
  if (!connection) return false;
  try {
    const { getLoadablePath } = await import('sqlite-vec');
    connection.loadExtension(getLoadablePath());
    return true;
  } catch {
    // Not installed, not for this machine, or a library that cannot be loaded: this file can measure as well.
    return false;
  }
}

function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dotProduct(vector, vector));
  return length === 0 ? vector : vector.map((part) => part / length);
}

function dotProduct(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function toBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** A copy, since what the database gives need not begin where floats may. */
function fromBytes(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
