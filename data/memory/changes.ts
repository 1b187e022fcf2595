// The one way to change what is remembered: batches of changes, each row kept as it was and as it became, so that any batch can be undone.
import { sql } from 'kysely';
import { z } from 'zod';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { Db } from '../db.ts';
import { newRowId } from '../row-id.ts';
import type { Scope } from '../scope.ts';
import { entryOf, foldText, getMemories, listCore, type MemoryEntry, type MemoryRow } from './entries.ts';
import type { MemoryAuthor, MemoryPlace, MemoryState, MemoryTarget } from './tables.ts';

export interface NewBatch {
  /** Of a call that may come again: the same batch is made once. Default: a new one. */
  id?: string | undefined;
  author: MemoryAuthor;
  /** Whose words they are. */
  origin: Origin;
  turn?: TurnId | undefined;
  session?: SessionId | undefined;
  /** For people, such as "added 2 entries". */
  title: string;
}

export interface EntryContent {
  target: MemoryTarget;
  place: MemoryPlace;
  state: MemoryState;
  text: string;
  reason?: string | undefined;
}

export type EntryChange = Partial<EntryContent> & {
  replacedBy?: number | undefined;
  /** The person of the scope says that it may stay. */
  approved?: true;
};

/** Changes rows of the batch's space within its transaction. */
export interface MemoryEditor {
  core(target?: MemoryTarget): Promise<readonly MemoryEntry[]>;
  /** Entries with the same words, oldest first. */
  same(text: string): Promise<readonly MemoryEntry[]>;
  /** Archived entries that hold the text, newest first. */
  archived(text: string, limit: number): Promise<readonly MemoryEntry[]>;
  get(id: number): Promise<MemoryEntry | undefined>;
  add(content: EntryContent & { approved?: boolean }): Promise<MemoryEntry>;
  /** An id that is not there changes nothing. */
  change(id: number, change: EntryChange): Promise<void>;
}

export interface MadeBatch<Result> {
  /** Undefined when nothing was changed. */
  batch: string | undefined;
  result: Result;
}

/**
 * Runs `work` in one transaction; when it throws, nothing was changed. 'known': a batch of this id was made before, and `work` was not run.
 */
export async function changeMemory<Result>(
  db: Db,
  scope: Scope,
  batch: NewBatch,
  work: (edit: MemoryEditor) => Promise<Result>,
): Promise<MadeBatch<Result> | 'known'> {
  return db.query.transaction().execute(async (trx) => {
    const inner: Db = { ...db, query: trx };
    const id = batch.id ?? newRowId(db.clock.now());
    if (batch.id !== undefined && (await hasBatch(inner, scope, batch.id))) return 'known';
    const writing = beginWriting(inner, scope, { ...batch, id });
    const result = await work(editorOf(writing));
    if (writing.changes === 0) return { batch: undefined, result };
    await writeBatch(writing);
    return { batch: id, result };
  });
}

export interface MemoryBatch {
  id: string;
  title: string;
  author: MemoryAuthor;
  turn: TurnId | undefined;
  isUndo: boolean;
  isUndone: boolean;
  createdAt: number;
}

/** Newest first. */
export async function listBatches(
  db: Db,
  scope: Scope,
  options: { turn?: TurnId | undefined; limit: number },
): Promise<readonly MemoryBatch[]> {
  let rows = db.query.selectFrom('memory_batches').selectAll().where('space_id', '=', scope.space);
  if (options.turn !== undefined) rows = rows.where('turn_id', '=', options.turn);
  const found = await rows.orderBy('seq', 'desc').limit(options.limit).execute();
  return found.map((row) => ({
    id: row.id,
    title: row.title,
    author: row.author,
    turn: row.turn_id ?? undefined,
    isUndo: row.undoes !== null,
    isUndone: row.undone_by !== null,
    createdAt: row.created_at,
  }));
}

export interface UndoneBatch {
  /** The batch that undid it; undoing that one brings it back. */
  batch: string;
  /** Entries that are as before. */
  restored: number;
  /** Entries that were changed since, and stay. */
  kept: number;
}

/** Puts back what a batch changed. Undefined: there is no such batch, or it is undone. What was forgotten does not come back. */
export async function undoBatch(db: Db, scope: Scope, id: string): Promise<UndoneBatch | undefined> {
  return db.query.transaction().execute(async (trx) => {
    const inner: Db = { ...db, query: trx };
    const batch = await trx
      .selectFrom('memory_batches')
      .selectAll()
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('undone_by', 'is', null)
      .executeTakeFirst();
    if (!batch) return undefined;
    const undo = newRowId(db.clock.now());
    const title = `took back: ${batch.title}`;
    const { turn_id: turn, session_id: session } = batch;
    const writing = beginWriting(inner, scope, {
      id: undo,
      author: 'person',
      origin: batch.origin,
      turn: turn ?? undefined,
      session: session ?? undefined,
      title,
      undoes: id,
    });
    const versions = await trx
      .selectFrom('memory_versions')
      .select(['memory_id', 'before', 'after'])
      .where('batch_id', '=', id)
      .where('space_id', '=', scope.space)
      .orderBy('id', 'desc')
      .execute();
    const restored = new Set<number>();
    const kept = new Set<number>();
    for (const version of versions) ((await restore(writing, version)) ? restored : kept).add(version.memory_id);
    await writeBatch(writing);
    await trx.updateTable('memory_batches').set({ undone_by: undo }).where('id', '=', id).execute();
    // What an undone undo had taken back can be taken back again.
    if (batch.undoes !== null)
      await trx.updateTable('memory_batches').set({ undone_by: null }).where('id', '=', batch.undoes).execute();
    return { batch: undo, restored: [...restored].filter((entry) => !kept.has(entry)).length, kept: kept.size };
  });
}

async function hasBatch(db: Db, scope: Scope, id: string): Promise<boolean> {
  const found = await db.query
    .selectFrom('memory_batches')
    .select('id')
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return found !== undefined;
}

type Content = Omit<MemoryRow, 'uses' | 'used_at'>;

const versionSchema = z.object({
  id: z.number(),
  space_id: z.custom<MemoryRow['space_id']>((value) => typeof value === 'string'),
  person_id: z.custom<MemoryRow['person_id']>((value) => typeof value === 'string'),
  target: z.enum(['memory', 'user']),
  place: z.enum(['core', 'archive']),
  state: z.enum(['active', 'pending', 'blocked', 'superseded']),
  text: z.string(),
  fold: z.string(),
  reason: z.string().nullable(),
  replaced_by: z.number().nullable(),
  author: z.enum(['person', 'agent', 'review', 'file']),
  origin: z.enum(['owner', 'member', 'agent', 'foreign']),
  turn_id: z.custom<MemoryRow['turn_id']>((value) => value === null || typeof value === 'string'),
  session_id: z.custom<MemoryRow['session_id']>((value) => value === null || typeof value === 'string'),
  approved_by: z.custom<MemoryRow['approved_by']>((value) => value === null || typeof value === 'string'),
  created_at: z.number(),
  updated_at: z.number(),
});

/** What a person would call a change; times follow from it. */
const COMPARED = ['target', 'place', 'state', 'text', 'reason', 'replaced_by', 'approved_by'] as const;

interface Writing {
  db: Db;
  scope: Scope;
  batch: NewBatch & { id: string; undoes?: string };
  now: number;
  /** Versions written so far. */
  changes: number;
}

function beginWriting(db: Db, scope: Scope, batch: Writing['batch']): Writing {
  return { db, scope, batch, now: db.clock.now(), changes: 0 };
}

async function readContent({ db, scope }: Writing, id: number): Promise<Content | undefined> {
  const row = await db.query
    .selectFrom('memories')
    .selectAll()
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return row && contentOf(row);
}

function contentOf({ uses: _uses, used_at: _usedAt, ...content }: MemoryRow): Content {
  return content;
}

async function noteVersion(writing: Writing, before: Content | undefined, after: Content | undefined): Promise<void> {
  const id = (after ?? before)?.id;
  if (id === undefined) return;
  writing.changes++;
  await writing.db.query
    .insertInto('memory_versions')
    .values({
      batch_id: writing.batch.id,
      space_id: writing.scope.space,
      memory_id: id,
      before: before ? JSON.stringify(before) : null,
      after: after ? JSON.stringify(after) : null,
    })
    .execute();
}

async function overwrite(writing: Writing, before: Content, after: Content): Promise<void> {
  const { id, ...fields } = after;
  await writing.db.query.updateTable('memories').set(fields).where('id', '=', id).execute();
  await noteVersion(writing, before, after);
}

/** False when the entry was changed since, and stays as it is there. */
async function restore(
  writing: Writing,
  version: { memory_id: number; before: string | null; after: string | null },
): Promise<boolean> {
  const before = version.before === null ? undefined : versionSchema.parse(JSON.parse(version.before));
  const after = version.after === null ? undefined : versionSchema.parse(JSON.parse(version.after));
  const current = await readContent(writing, version.memory_id);
  if (!before) {
    if (!current) return true;
    // Only where it stands may have changed since, which is nobody's doing.
    if (after && (after.text !== current.text || after.state !== current.state)) return false;
    await writing.db.query.deleteFrom('memories').where('id', '=', current.id).execute();
    await noteVersion(writing, current, undefined);
    return true;
  }
  if (!current) {
    // An undo took it away; or it was forgotten, and then there are no versions to restore it from.
    if (after) return false;
    await writing.db.query.insertInto('memories').values(before).execute();
    await noteVersion(writing, undefined, before);
    return true;
  }
  const changed = COMPARED.filter((field) => before[field] !== after?.[field]);
  const mine = changed.filter((field) => current[field] === after?.[field]);
  const next = { ...current };
  for (const field of mine) Object.assign(next, { [field]: before[field] });
  next.fold = foldText(next.text);
  if (mine.length === changed.length) next.updated_at = before.updated_at;
  if (mine.length > 0) await overwrite(writing, current, next);
  return mine.length === changed.length;
}

function editorOf(writing: Writing): MemoryEditor {
  const { db, scope } = writing;
  return {
    core: (target) => listCore(db, scope, target),
    async same(text) {
      const rows = await db.query
        .selectFrom('memories')
        .selectAll()
        .where('space_id', '=', scope.space)
        .where('fold', '=', foldText(text))
        .orderBy('id')
        .limit(20)
        .execute();
      return rows.map(entryOf);
    },
    async archived(text, limit) {
      const rows = await db.query
        .selectFrom('memories')
        .selectAll()
        .where('space_id', '=', scope.space)
        .where('state', '=', 'active')
        .where('place', '=', 'archive')
        .where(sql<boolean>`instr(lower(text), lower(${text})) > 0`)
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(entryOf);
    },
    get: async (id) => (await getMemories(db, scope, [id]))[0],
    add: (content) => addEntry(writing, content),
    change: (id, change) => changeEntry(writing, id, change),
  };
}

async function addEntry(
  writing: Writing,
  { approved, ...content }: EntryContent & { approved?: boolean },
): Promise<MemoryEntry> {
  const { db, scope, batch, now } = writing;
  const row = await db.query
    .insertInto('memories')
    .values({
      ...content,
      reason: content.reason ?? null,
      fold: foldText(content.text),
      space_id: scope.space,
      person_id: scope.person,
      author: batch.author,
      origin: batch.origin,
      turn_id: batch.turn ?? null,
      session_id: batch.session ?? null,
      approved_by: approved ? scope.person : null,
      created_at: now,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await noteVersion(writing, undefined, contentOf(row));
  return entryOf(row);
}

async function changeEntry(writing: Writing, id: number, change: EntryChange): Promise<void> {
  const before = await readContent(writing, id);
  if (!before) return;
  const after: Content = { ...before, updated_at: writing.now };
  after.target = change.target ?? before.target;
  after.place = change.place ?? before.place;
  after.state = change.state ?? before.state;
  after.text = change.text ?? before.text;
  after.fold = foldText(after.text);
  after.replaced_by = change.replacedBy ?? before.replaced_by;
  if ('reason' in change) after.reason = change.reason ?? null;
  if (change.approved) after.approved_by = writing.scope.person;
  if (COMPARED.some((field) => before[field] !== after[field])) await overwrite(writing, before, after);
}

async function writeBatch({ db, scope, batch, now }: Writing): Promise<void> {
  await db.query
    .insertInto('memory_batches')
    .values({
      id: batch.id,
      space_id: scope.space,
      person_id: scope.person,
      author: batch.author,
      origin: batch.origin,
      turn_id: batch.turn ?? null,
      session_id: batch.session ?? null,
      title: batch.title,
      undoes: batch.undoes ?? null,
      undone_by: null,
      created_at: now,
    })
    .execute();
}
