// MEMORY.md and USER.md: written from the rows, and read before each turn, so that what a person writes there by hand becomes rows. The file
// as it was last written is kept, so that only what a person changed counts, whatever happened to the rows meanwhile.
import { lstatSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { changeMemory, type MemoryEditor } from '../../data/memory/changes.ts';
import { listCore, type MemoryEntry } from '../../data/memory/entries.ts';
import { getFileContent, setFileContent } from '../../data/memory/snapshots.ts';
import type { MemoryTarget } from '../../data/memory/tables.ts';
import type { Db } from '../../data/db.ts';
import { ensureDir, writeFileAtomic } from '../../data/files.ts';
import type { Scope } from '../../data/scope.ts';
import { asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { cleanText } from '../../shared/text.ts';
import type { MemorySettings } from './config.ts';
import { formatEntries, parseEntries } from './format.ts';
import { spill } from './operations.ts';
import { scanMemory } from './scan.ts';
import { similarity } from './similar.ts';

/** A file of this size is no list of facts. */
const MAX_FILE_BYTES = 1_000_000;
const MAX_ENTRIES = 2_000;
/** An entry that shares so much with one that is gone is that one, rewritten. */
const REWRITTEN = 0.4;

const FILES: Readonly<Record<MemoryTarget, string>> = { memory: 'MEMORY.md', user: 'USER.md' };
export const TARGETS: readonly MemoryTarget[] = ['memory', 'user'];

export interface MemoryFilesDeps {
  db: Db;
  log: Logger;
  /** Absolute path of the folder of a person or group. */
  folderOf(scope: Scope): string;
  settings(): MemorySettings;
}

export interface MemoryFiles {
  /** Takes in what was written by hand. What could not be taken in, in words for the person; it is kept beside the file. */
  takeIn(scope: Scope): Promise<readonly string[]>;
  /** As `takeIn`, after a change of the rows. Never rejects: what fails is read and written with the next turn. */
  write(scope: Scope): Promise<void>;
}

export function makeMemoryFiles(deps: MemoryFilesDeps): MemoryFiles {
  /** One at a time for each space. */
  const lines = new Map<string, Promise<unknown>>();

  function inLine<Value>(scope: Scope, work: () => Promise<Value>): Promise<Value> {
    const last = lines.get(scope.space) ?? Promise.resolve();
    const next = last.then(work, work);
    const settled = next
      .catch(() => undefined)
      .finally(() => {
        if (lines.get(scope.space) === settled) lines.delete(scope.space);
      });
    lines.set(scope.space, settled);
    return next;
  }

  return {
    takeIn: (scope) =>
      inLine(scope, async () => {
        const problems: string[] = [];
        for (const target of TARGETS) problems.push(...(await takeInFile(deps, scope, target)));
        return problems;
      }),
    write: (scope) =>
      inLine(scope, async () => {
        // What a person wrote into them since the last turn would be lost under what is written now.
        for (const target of TARGETS)
          try {
            for (const problem of await takeInFile(deps, scope, target)) deps.log.warn({}, problem);
          } catch (error) {
            deps.log.warn({ err: error }, `${FILES[target]} could not be read; it is looked at with the next turn`);
          }
      }),
  };
}

async function takeInFile(deps: MemoryFilesDeps, scope: Scope, target: MemoryTarget): Promise<readonly string[]> {
  const file = path.join(deps.folderOf(scope), FILES[target]);
  const written = await getFileContent(deps.db, scope, target);
  const read = readMemoryFile(file);
  if (read.state === 'refused') {
    const kept = keepAside(file, deps.db.clock.now());
    await writeRows(deps, scope, target, true);
    return [
      `${FILES[target]} was not taken in: ${read.problem}. It was kept as ${kept}, and the file was written anew.`,
    ];
  }
  // A file that is gone is no wish to forget: `/memory forget` is.
  if (read.state === 'found' && read.content !== (written ?? '')) {
    await takeInEntries(deps, scope, target, {
      before: parseEntries(written ?? ''),
      now: parseEntries(read.content),
    });
    await setFileContent(deps.db, scope, target, read.content);
  }
  await writeRows(deps, scope, target, read.state === 'missing');
  return [];
}

type ReadFile = { state: 'missing' } | { state: 'found'; content: string } | { state: 'refused'; problem: string };

function readMemoryFile(file: string): ReadFile {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (!stats) return { state: 'missing' };
  if (!stats.isFile()) return { state: 'refused', problem: 'it is not a plain file' };
  if (stats.size > MAX_FILE_BYTES) return { state: 'refused', problem: 'it is larger than 1 MB' };
  try {
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
    if (content.includes('\0')) return { state: 'refused', problem: 'it is not text' };
    if (parseEntries(content).length > MAX_ENTRIES)
      return { state: 'refused', problem: `it has more than ${MAX_ENTRIES} entries` };
    return { state: 'found', content };
  } catch {
    return { state: 'refused', problem: 'it is not UTF-8 text' };
  }
}

/** The name that it has now. */
function keepAside(file: string, now: number): string {
  const plain = `${file}.bak`;
  const target = lstatSync(plain, { throwIfNoEntry: false }) ? `${plain}.${now}` : plain;
  renameSync(file, target);
  return path.basename(target);
}

async function takeInEntries(
  { db, settings }: MemoryFilesDeps,
  scope: Scope,
  target: MemoryTarget,
  { before, now }: { before: readonly string[]; now: readonly string[] },
): Promise<void> {
  const added = now.filter((text) => !before.includes(text));
  const removed = before.filter((text) => !now.includes(text));
  if (added.length === 0 && removed.length === 0) return;
  const batch = { author: 'file', origin: 'owner', title: `${FILES[target]} was edited by hand` } as const;
  await changeMemory(db, scope, batch, async (edit) => {
    const core = await edit.core(target);
    const gone = core.filter(({ text }) => removed.includes(text));
    const fresh = new Set<number>();
    for (const text of added) {
      const entry = await addFromFile(edit, { target, text, core });
      if (entry === undefined) continue;
      fresh.add(entry);
      const old = gone.find((one) => similarity(one.text, text) >= REWRITTEN);
      if (!old) continue;
      gone.splice(gone.indexOf(old), 1);
      await edit.change(old.id, { state: 'superseded', place: 'archive', replacedBy: entry });
    }
    for (const { id } of gone) await edit.change(id, { state: 'superseded', place: 'archive' });
    await spill(edit, target, settings(), fresh);
  });
}

/** The id of the entry; undefined when it is there already. */
async function addFromFile(
  edit: MemoryEditor,
  { target, text: raw, core }: { target: MemoryTarget; text: string; core: readonly MemoryEntry[] },
): Promise<number | undefined> {
  const found = scanMemory(raw);
  // What is blocked stays in the file as it is, for the person to look at; the agent sees that it is blocked.
  const text = found ? raw : cleanText(raw);
  if (core.some((entry) => entry.text === text)) return undefined;
  const archived = (await edit.same(text)).find(
    (entry) => entry.target === target && entry.state === 'active' && entry.text === text,
  );
  if (archived && !found) {
    await edit.change(archived.id, { place: 'core' });
    return archived.id;
  }
  const state = found ? 'blocked' : 'active';
  return (await edit.add({ target, place: 'core', state, text, reason: found?.reason })).id;
}

/** Writes the file when it says something else than the rows; `isLost`: whatever was written before. */
async function writeRows(deps: MemoryFilesDeps, scope: Scope, target: MemoryTarget, isLost = false): Promise<void> {
  const content = formatEntries(await listCore(deps.db, scope, target));
  const written = await getFileContent(deps.db, scope, target);
  if (isLost ? content === '' && written === undefined : content === (written ?? '')) return;
  const folder = deps.folderOf(scope);
  try {
    ensureDir(folder);
    writeFileAtomic(path.join(folder, FILES[target]), content);
    await setFileContent(deps.db, scope, target, content);
  } catch (error) {
    deps.log.warn(
      { err: asAppError(error) },
      `${FILES[target]} could not be written; it is written with the next turn`,
    );
  }
}
