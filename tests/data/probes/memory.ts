// How the functions of data/memory are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { changeMemory, listBatches, undoBatch } from '../../../data/memory/changes.ts';
import {
  countMemories,
  getMemories,
  hasMemories,
  listCore,
  listLatestMemories,
  listPendingMemories,
  markUsed,
} from '../../../data/memory/entries.ts';
import { forgetMemories, type ForgetWhat } from '../../../data/memory/forget.ts';
import { searchMemoryParts, searchMemoryWords } from '../../../data/memory/search.ts';
import {
  dropSnapshot,
  getFileContent,
  getSnapshot,
  keepSnapshot,
  setFileContent,
} from '../../../data/memory/snapshots.ts';
import type { Scope } from '../../../data/scope.ts';
import type { SessionId, TurnId } from '../../../shared/ids.ts';

export interface MemoryPlace {
  scope: Scope;
  spaceMark: string;
  session: { id: SessionId };
  runningTurn: TurnId;
  memory: { entry: number; batch: string };
}

/** An entry in the core, one that waits, one that was replaced; a snapshot and a file. */
export async function fillMemory(
  db: Db,
  { scope, spaceMark, session, runningTurn: turn }: Omit<MemoryPlace, 'memory'>,
): Promise<MemoryPlace['memory']> {
  const batch = { author: 'agent', origin: 'member', turn, session: session.id, title: `added ${spaceMark}` } as const;
  const content = { target: 'memory', text: `common ${spaceMark}` } as const;
  const made = await changeMemory(db, scope, batch, async (edit) => {
    const old = await edit.add({ ...content, place: 'archive', state: 'superseded' });
    const { id } = await edit.add({ ...content, place: 'core', state: 'active', text: `common ${spaceMark} core` });
    await edit.change(old.id, { replacedBy: id });
    await edit.add({ ...content, place: 'archive', state: 'pending' });
    return id;
  });
  if (made === 'known' || made.batch === undefined) throw new Error('nothing was added');
  await keepSnapshot(db, scope, session.id, { text: spaceMark, entries: [] });
  await setFileContent(db, scope, 'memory', spaceMark);
  return { entry: made.result, batch: made.batch };
}

const words = (target: MemoryPlace) => ({ words: ['common', target.spaceMark], limit: 50, withSuperseded: true });

const forgotten = (target: MemoryPlace): readonly ForgetWhat[] => [
  { entries: [target.memory.entry] },
  { session: target.session.id },
  { turn: target.runningTurn },
];

async function each<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<unknown[]> {
  const results = [];
  for (const item of items) results.push(await run(item));
  return results;
}

export const memoryProbes = {
  'memory/entries.ts': {
    listCore: (db: Db, me: MemoryPlace) => listCore(db, me.scope),
    listPendingMemories: (db: Db, me: MemoryPlace) => listPendingMemories(db, me.scope, 50),
    listLatestMemories: (db: Db, me: MemoryPlace) => listLatestMemories(db, me.scope, 50),
    getMemories: (db: Db, me: MemoryPlace, target: MemoryPlace) => getMemories(db, me.scope, [target.memory.entry]),
    // A number tells nothing of where it comes from: any but 0 stands for the entries themselves.
    countMemories: async (db: Db, me: MemoryPlace) =>
      (await countMemories(db, me.scope)).pending > 0 ? me.spaceMark : '',
    hasMemories: async (db: Db, me: MemoryPlace) => ((await hasMemories(db, me.scope)) ? me.spaceMark : ''),
    markUsed: (db: Db, me: MemoryPlace, target: MemoryPlace) => markUsed(db, me.scope, [target.memory.entry]),
  },
  'memory/changes.ts': {
    changeMemory: (db: Db, me: MemoryPlace, target: MemoryPlace) =>
      changeMemory(db, me.scope, { author: 'agent', origin: 'agent', title: 'x' }, async (edit) => {
        await edit.change(target.memory.entry, { text: 'changed' });
        return [
          await edit.core(),
          await edit.same(`common ${target.spaceMark}`),
          await edit.archived(target.spaceMark, 9),
          await edit.get(target.memory.entry),
        ];
      }),
    listBatches: (db: Db, me: MemoryPlace, target: MemoryPlace) =>
      each([undefined, target.runningTurn], (turn) => listBatches(db, me.scope, { turn, limit: 50 })),
    undoBatch: (db: Db, me: MemoryPlace, target: MemoryPlace) => undoBatch(db, me.scope, target.memory.batch),
  },
  'memory/forget.ts': {
    forgetMemories: (db: Db, me: MemoryPlace, target: MemoryPlace) =>
      each(forgotten(target), (what) =>
        forgetMemories(db, me.scope, what, [{ name: 'honcho', deletes: ['all', 'session', 'item'] }]),
      ),
  },
  'memory/search.ts': {
    searchMemoryWords: (db: Db, me: MemoryPlace, target: MemoryPlace) => searchMemoryWords(db, me.scope, words(target)),
    searchMemoryParts: (db: Db, me: MemoryPlace, target: MemoryPlace) =>
      each([words(target), { words: ['c'], limit: 50 }], (query) => searchMemoryParts(db, me.scope, query)),
  },
  'memory/snapshots.ts': {
    getSnapshot: (db: Db, me: MemoryPlace, target: MemoryPlace) => getSnapshot(db, me.scope, target.session.id),
    keepSnapshot: (db: Db, me: MemoryPlace, target: MemoryPlace) =>
      keepSnapshot(db, me.scope, target.session.id, { text: 'mine', entries: [] }),
    dropSnapshot: (db: Db, me: MemoryPlace, target: MemoryPlace) => dropSnapshot(db, me.scope, target.session.id),
    getFileContent: (db: Db, me: MemoryPlace) => getFileContent(db, me.scope, 'memory'),
    setFileContent: (db: Db, me: MemoryPlace) => setFileContent(db, me.scope, 'memory', 'changed'),
  },
} as const;
