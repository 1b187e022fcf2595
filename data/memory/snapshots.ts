// What sessions were told of the memory, and the files as they were last written.
import { z } from 'zod';
import type { SessionId } from '../../shared/ids.ts';
import type { Db } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';
import type { MemoryTarget } from './tables.ts';

export interface MemorySnapshot {
  /** As it stands in the system prompt. */
  text: string;
  /** What stood in the core then. */
  entries: readonly { id: number; text: string }[];
}

const entriesSchema = z.array(z.object({ id: z.number(), text: z.string() }));

const keepSnapshots = makeKeeper<MemorySnapshot | undefined>('memory_snapshots');
// With a space go its files.
const keepFiles = makeKeeper<ReadonlyMap<MemoryTarget, string>>('memory_files', 'spaces');

export async function getSnapshot(db: Db, scope: Scope, session: SessionId): Promise<MemorySnapshot | undefined> {
  return keepSnapshots(db, `${scope.space}\u001f${session}`, async () => {
    const row = await db.query
      .selectFrom('memory_snapshots')
      .select(['text', 'entries'])
      .where('session_id', '=', session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    return row && { text: row.text, entries: entriesSchema.parse(JSON.parse(row.entries)) };
  });
}

/** Keeps the first one that a session is given; returns the one that counts. Nothing is kept for a session of another space. */
export async function keepSnapshot(
  db: Db,
  scope: Scope,
  session: SessionId,
  snapshot: MemorySnapshot,
): Promise<MemorySnapshot> {
  return db.query.transaction().execute(async (trx) => {
    const own = await trx
      .selectFrom('sessions')
      .select('id')
      .where('id', '=', session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    if (!own) return snapshot;
    await trx
      .insertInto('memory_snapshots')
      .values({
        session_id: session,
        space_id: scope.space,
        text: snapshot.text,
        entries: JSON.stringify(snapshot.entries),
        created_at: db.clock.now(),
      })
      .onConflict((conflict) => conflict.column('session_id').doNothing())
      .execute();
    return (await getSnapshot({ ...db, query: trx }, scope, session)) ?? snapshot;
  });
}

/** The session is told anew at its next turn. */
export async function dropSnapshot(db: Db, scope: Scope, session: SessionId): Promise<void> {
  await db.query
    .deleteFrom('memory_snapshots')
    .where('session_id', '=', session)
    .where('space_id', '=', scope.space)
    .execute();
}

/** What the file held when it was last written or taken in; undefined: it never was. */
export async function getFileContent(db: Db, scope: Scope, target: MemoryTarget): Promise<string | undefined> {
  const files = await keepFiles(db, scope.space, async () => {
    const rows = await db.query
      .selectFrom('memory_files')
      .select(['target', 'content'])
      .where('space_id', '=', scope.space)
      .execute();
    return new Map(rows.map((row) => [row.target, row.content]));
  });
  return files.get(target);
}

export async function setFileContent(db: Db, scope: Scope, target: MemoryTarget, content: string): Promise<void> {
  await db.query
    .insertInto('memory_files')
    .values({ space_id: scope.space, target, content })
    .onConflict((conflict) => conflict.columns(['space_id', 'target']).doUpdateSet({ content }))
    .execute();
}
