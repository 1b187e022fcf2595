// The memory of people and groups: rows in the database, files that a person can edit, and a search over all of it.
import type { Db } from '../../data/db.ts';
import { changeMemory, listBatches, undoBatch } from '../../data/memory/changes.ts';
import {
  countMemories,
  getMemories,
  listCore,
  listLatestMemories,
  listPendingMemories,
  markUsed,
  type MemoryEntry,
} from '../../data/memory/entries.ts';
import { forgetMemories } from '../../data/memory/forget.ts';
import { dropSnapshot, getSnapshot, keepSnapshot, type MemorySnapshot } from '../../data/memory/snapshots.ts';
import type { MemoryAuthor } from '../../data/memory/tables.ts';
import { isGroupScope, type Scope } from '../../data/scope.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Origin } from '../../shared/messages.ts';
import { cleanText } from '../../shared/text.ts';
import type { MemorySettings } from './config.ts';
import { makeMemoryFiles, TARGETS } from './files.ts';
import { applyOperations, spill, type MemoryOperation } from './operations.ts';
import { describeOutside, type OutsideMemory } from './outside.ts';
import type { ApprovedMemories, MemoryPort } from './port.ts';
import { recallEntries, type RecallQuery, type SemanticPort } from './recall.ts';
import { describeUsage, renderCore } from './render.ts';
import { scanMemory } from './scan.ts';

/** Characters that nobody sees, but that a model reads. */
const UNSEEN = /[\p{Cf}\u{e0100}-\u{e01ef}]/gu;
/** Nobody reads more; text of others must not fill the database. */
const MAX_PENDING = 200;
/** Batches looked at for the last one that can be taken back. */
const MAX_BATCHES = 200;

export interface MemoryDeps {
  db: Db;
  log: Logger;
  settings(): MemorySettings;
  /** Absolute path of the folder with the files of a person or group. */
  folderOf(scope: Scope): string;
  semantic?: SemanticPort | undefined;
  /** Services outside that were told of it. Default: none. */
  outside?: (() => Promise<OutsideMemory | undefined>) | undefined;
}

export interface ChangeBy {
  author: MemoryAuthor;
  /** Text of others was read. Of a review, what it adds then waits for a person's yes; an agent's call was asked about before it came here. */
  isTainted: boolean;
  turn?: TurnId | undefined;
  session?: SessionId | undefined;
  /** The same batch is carried out once. */
  batch?: string | undefined;
}

export interface Memory extends MemoryPort {
  settings(): MemorySettings;
  /** Carries out all operations or none; what was done, in lines for the model. Rejects with AppError. */
  change(scope: Scope, operations: readonly MemoryOperation[], by: ChangeBy): Promise<string>;
  /** Best first. Counts nothing as used. */
  find(scope: Scope, query: RecallQuery): Promise<readonly MemoryEntry[]>;
  /** As `find`; what is found counts as used. */
  recall(scope: Scope, query: RecallQuery): Promise<readonly MemoryEntry[]>;
  /** Takes in what was written into the files by hand; what could not be, in words. Never rejects. */
  takeIn(scope: Scope): Promise<readonly string[]>;
  /** What the system prompt of the session says, the same until `renew`. */
  snapshot(scope: Scope, session: SessionId): Promise<MemorySnapshot>;
  renew(scope: Scope, session: SessionId): Promise<void>;
}

export function openMemory(deps: MemoryDeps): Memory {
  const { db, log, settings } = deps;
  const files = makeMemoryFiles(deps);

  /** After each change. */
  async function changed(scope: Scope): Promise<void> {
    await files.write(scope);
    deps.semantic?.changed(scope);
  }

  async function search(scope: Scope, query: RecallQuery): Promise<readonly MemoryEntry[]> {
    if (query.text.trim() === '') return listLatestMemories(db, scope, query.limit);
    return recallEntries({ db, log, semantic: deps.semantic }, scope, query);
  }

  async function undoOne(scope: Scope, batch: string) {
    const undone = await undoBatch(db, scope, batch);
    if (undone) await changed(scope);
    return undone;
  }

  return {
    settings,
    ...makeApproval(deps, changed),
    async change(scope, operations, by) {
      const isPending = by.isTainted && by.author === 'review';
      const origin: Origin = by.isTainted ? 'foreign' : by.author === 'person' ? 'owner' : 'agent';
      if (isPending && (await countMemories(db, scope)).pending >= MAX_PENDING)
        throw new AppError(
          'not_allowed',
          `${MAX_PENDING} entries from text of others wait for the person already (\`/memory pending\`). Nothing was changed.`,
        );
      const title = titleOf(operations);
      const frame = { settings: settings(), isPending, isApproved: by.isTainted && !isPending };
      const { author, turn, session, batch: id } = by;
      const made = await changeMemory(db, scope, { id, author, origin, turn, session, title }, (edit) =>
        applyOperations(edit, operations, frame),
      );
      await changed(scope);
      const lines = made === 'known' ? ['This was done already.'] : made.result;
      const targets = TARGETS.filter((target) => operations.some((one) => one.target === target));
      const usage: string[] = [];
      for (const target of targets)
        usage.push(`${target}: ${describeUsage(await listCore(db, scope, target), target, settings())}`);
      return [...lines, usage.join(' · ')].join('\n');
    },
    find: search,
    async recall(scope, query) {
      const found = await search(scope, query);
      await markUsed(
        db,
        scope,
        found.map(({ id }) => id),
      );
      return found;
    },
    async takeIn(scope) {
      try {
        return await files.takeIn(scope);
      } catch (error) {
        log.warn({ err: error }, 'the files of the memory could not be read');
        return [`The files of the memory could not be read: ${asAppError(error).publicMessage}`];
      }
    },
    async snapshot(scope, session) {
      const known = await getSnapshot(db, scope, session);
      if (known) return known;
      const core = await listCore(db, scope);
      const text = renderCore(core, { settings: settings(), isGroup: isGroupScope(scope) });
      return keepSnapshot(db, scope, session, {
        text,
        entries: core.map(({ id, text: said }) => ({ id, text: said })),
      });
    },
    renew: (scope, session) => dropSnapshot(db, scope, session),
    async overview(scope) {
      const core = await listCore(db, scope);
      const usage = (target: 'memory' | 'user') =>
        describeUsage(
          core.filter((entry) => entry.target === target),
          target,
          settings(),
        );
      return { core, usage: { memory: usage('memory'), user: usage('user') }, counts: await countMemories(db, scope) };
    },
    search: (scope, words, limit) => search(scope, { text: words, limit, withSuperseded: true }),
    batches: (scope, limit) => listBatches(db, scope, { limit }),
    async undo(scope, wanted) {
      const batches = await listBatches(db, scope, { limit: MAX_BATCHES });
      const batch = batches.find(({ id, isUndo, isUndone }) =>
        wanted === undefined ? !isUndo && !isUndone : id === wanted,
      );
      if (!batch) return undefined;
      const undone = await undoOne(scope, batch.id);
      return undone && { ...undone, title: batch.title };
    },
    async undoTurn(scope, turn) {
      const batches = await listBatches(db, scope, { turn, limit: MAX_BATCHES });
      let restored = 0;
      for (const batch of batches)
        if (!batch.isUndo && !batch.isUndone) restored += (await undoOne(scope, batch.id))?.restored ?? 0;
      return restored;
    },
    async forget(scope, what) {
      const outside = await deps.outside?.();
      const count = await forgetMemories(db, scope, what, outside?.services);
      outside?.wake();
      await changed(scope);
      return { count, outside: describeOutside(scope, what, outside?.services ?? []) };
    },
  };
}

/** What waits for a person's word. */
function makeApproval(
  { db, settings }: MemoryDeps,
  changed: (scope: Scope) => Promise<void>,
): Pick<MemoryPort, 'pending' | 'approve' | 'unblock' | 'reject'> {
  async function waiting(scope: Scope, ids: readonly number[] | 'all'): Promise<readonly MemoryEntry[]> {
    const found = ids === 'all' ? await listPendingMemories(db, scope, MAX_PENDING) : await getMemories(db, scope, ids);
    return found.filter(({ state }) => state === 'pending');
  }

  return {
    pending: (scope) => listPendingMemories(db, scope, MAX_PENDING),
    async approve(scope, ids) {
      const entries = await waiting(scope, ids);
      const scanned = entries.map((entry) => ({ entry, reason: scanMemory(entry.text)?.reason }));
      const refused: ApprovedMemories['refused'] = scanned.flatMap(({ entry, reason }) =>
        reason === undefined ? [] : [{ entry, reason }],
      );
      const kept = scanned.filter(({ reason }) => reason === undefined).map(({ entry }) => entry);
      const batch = { author: 'person', origin: 'foreign', title: `approved ${countEntries(kept.length)}` } as const;
      await changeMemory(db, scope, batch, async (edit) => {
        // Somebody else may have decided meanwhile: what was rejected or replaced stays so.
        for (const { id } of kept)
          if ((await edit.get(id))?.state === 'pending')
            await edit.change(id, { state: 'active', place: 'core', approved: true });
        const fresh = new Set(kept.map(({ id }) => id));
        for (const target of TARGETS) await spill(edit, target, settings(), fresh);
      });
      await changed(scope);
      return { kept, refused };
    },
    async unblock(scope, ids) {
      const found = (await getMemories(db, scope, ids)).filter(
        ({ state, text }) => state === 'blocked' && visible(text) !== '',
      );
      const batch = {
        author: 'person',
        origin: 'owner',
        title: `kept ${countEntries(found.length)} as meant`,
      } as const;
      await changeMemory(db, scope, batch, async (edit) => {
        // As it was shown: without what nobody can see.
        for (const { id, text } of found)
          if ((await edit.get(id))?.state === 'blocked')
            await edit.change(id, { state: 'active', text: visible(text), reason: undefined, approved: true });
        const fresh = new Set(found.map(({ id }) => id));
        for (const target of TARGETS) await spill(edit, target, settings(), fresh);
      });
      if (found.length > 0) await changed(scope);
      return found;
    },
    async reject(scope, ids) {
      const entries = (await waiting(scope, ids)).map(({ id }) => id);
      const count = await forgetMemories(db, scope, { entries });
      if (count > 0) await changed(scope);
      return count;
    },
  };
}

/** What a person sees of a text. */
function visible(text: string): string {
  return cleanText(text).replace(UNSEEN, '').trim();
}

const DONE: Readonly<Record<MemoryOperation['action'], string>> = {
  add: 'added',
  replace: 'replaced',
  remove: 'took out',
  archive: 'archived',
};

/** Such as "added 2 entries, took out 1 entry". */
function titleOf(operations: readonly MemoryOperation[]): string {
  const counts = new Map<string, number>();
  for (const { action } of operations) counts.set(DONE[action], (counts.get(DONE[action]) ?? 0) + 1);
  return [...counts].map(([done, count]) => `${done} ${countEntries(count)}`).join(', ');
}

function countEntries(count: number): string {
  return `${count} ${count === 1 ? 'entry' : 'entries'}`;
}
