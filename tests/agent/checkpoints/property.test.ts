// Whatever a turn does to a tree, by tools and by commands, undo gives the tree back; and a kill at any moment takes nothing away.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openCheckpoints, type Checkpoints } from '../../../agent/checkpoints/checkpoints.ts';
import { systemClock } from '../../../shared/clock.ts';
import { spaceId, turnId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000);
/** With this variable, for a longer run, more of everything. */
const isFull = process.env['HERALD_TEST_FULL'] === '1';
const ANN = spaceId('p:ann');

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'herald-undo-')));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Everything below `root`, in a form that can be compared. */
function readTree(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name);
    const stat = lstatSync(full);
    const mode = (stat.mode & 0o777).toString(8);
    tree[path.relative(root, full)] = stat.isSymbolicLink()
      ? `link ${readlinkSync(full)}`
      : stat.isDirectory()
        ? `folder ${mode}`
        : `file ${mode} ${readFileSync(full, 'utf8')}`;
  }
  return tree;
}

type Step =
  | { kind: 'write' | 'shell-write'; name: string; content: string }
  | { kind: 'remove' | 'shell-remove' | 'shell-folder'; name: string }
  | { kind: 'shell-move' | 'shell-link'; name: string; to: string }
  | { kind: 'shell-mode'; name: string; mode: number };

const name = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b', 'd/e/f', 'g/h');
const content = fc.constantFrom('', 'x', 'y', 'long\n'.repeat(50));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('write', 'shell-write'), name, content }),
  fc.record({ kind: fc.constantFrom('remove', 'shell-remove', 'shell-folder'), name }),
  fc.record({ kind: fc.constantFrom('shell-move', 'shell-link'), name, to: name }),
  fc.record({ kind: fc.constant('shell-mode'), name, mode: fc.constantFrom(0o600, 0o644, 0o755) }),
);

/** A command does what it can: names may be in each other's way. */
function runShell(root: string, one: Step): void {
  const at = path.join(root, one.name);
  try {
    mkdirSync(path.dirname(at), { recursive: true });
    if (one.kind === 'shell-write') writeFileSync(at, one.content);
    else if (one.kind === 'shell-remove') rmSync(at, { recursive: true });
    else if (one.kind === 'shell-folder') mkdirSync(at);
    else if (one.kind === 'shell-move') renameSync(at, path.join(root, one.to));
    else if (one.kind === 'shell-link') symlinkSync(one.to, at);
    else if (one.kind === 'shell-mode') chmodSync(at, one.mode);
  } catch {
    // As said.
  }
}

async function runStep(store: Checkpoints, turn: string, { root, one }: { root: string; one: Step }): Promise<void> {
  const at = path.join(root, one.name);
  const look = (file: string) => {
    try {
      return lstatSync(file);
    } catch {
      return undefined;
    }
  };
  if (one.kind !== 'write' && one.kind !== 'remove') {
    await store.snapshotTree(turnId(turn), ANN, root);
    runShell(root, one);
    await store.settle(turnId(turn));
    return;
  }
  const stat = look(at);
  // Tools take ordinary files below ordinary folders only.
  const parents = path.relative(root, path.dirname(at)).split('/');
  const isPlain = parents.every((_, i) => {
    const parent = look(path.join(root, ...parents.slice(0, i + 1)));
    return parent === undefined || parent.isDirectory();
  });
  if (!isPlain || (stat && !stat.isFile()) || (one.kind === 'remove' && !stat)) return;
  if (!('content' in one)) {
    await store.keep(turnId(turn), ANN, at, null);
    rmSync(at);
    return;
  }
  await store.keep(turnId(turn), ANN, at, createHash('sha256').update(one.content).digest('hex'));
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, one.content);
}

it(`undo gives the original tree, and undoing that the changed one (seed ${seed})`, async () => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 6 }),
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
      async (setup, turns) => {
        const root = path.join(base, `r${round}`, 'ws');
        mkdirSync(root, { recursive: true });
        const store = openCheckpoints({
          dir: path.join(base, `r${round++}`, 'store'),
          clock: systemClock,
          log: silentLog,
        });
        for (const one of setup) runShell(root, one.kind === 'write' ? { ...one, kind: 'shell-write' } : one);
        const trees = [readTree(root)];
        for (const [i, steps] of turns.entries()) {
          for (const one of steps) await runStep(store, `t${i}`, { root, one });
          trees.push(readTree(root));
        }
        const last = turns.length - 1;
        const first = await store.undo(ANN, `t${last}`).catch(() => undefined);
        expect(first?.conflicts ?? []).toEqual([]);
        expect(readTree(root)).toEqual(trees[last]);
        if (first?.checkpoint !== undefined) await store.undo(ANN, first.checkpoint);
        expect(readTree(root)).toEqual(trees[last + 1]);
        const all = await store.list(ANN);
        const oldest = all.findLast((one) => !one.isUndo);
        if (oldest) expect((await store.rollbackTo(ANN, turnId(oldest.id))).conflicts).toEqual([]);
        expect(readTree(root)).toEqual(trees[0]);
      },
    ),
    { seed, numRuns: isFull ? 100 : 6 },
  );
}, 60_000);

const WRITER = `
import { createHash } from 'node:crypto';
import fs from 'node:fs';
const [checkpoints, root, dir] = process.argv.slice(1);
const { openCheckpoints } = await import(checkpoints);
const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const store = openCheckpoints({ dir, log, clock: { now: Date.now } });
process.stdout.write('up');
for (let i = 0; i < 10000; i++) {
  const file = root + '/f' + (i % 5);
  const content = 'content ' + i;
  if (i % 7 === 6) {
    await store.snapshotTree('t', 'p:ann', root);
    fs.writeFileSync(root + '/shell' + (i % 3), content);
    fs.rmSync(file, { force: true });
    await store.settle('t');
  } else {
    await store.keep('t', 'p:ann', file, createHash('sha256').update(content).digest('hex'));
    fs.writeFileSync(file + '.tmp', content);
    fs.renameSync(file + '.tmp', file);
  }
}`;

it(`a kill at any moment leaves a store that undoes (seed ${seed})`, async () => {
  const checkpoints = path.resolve(import.meta.dirname, '../../../agent/checkpoints/checkpoints.ts');
  for (let round = 0; round < (isFull ? 20 : 2); round++) {
    const root = path.join(base, `k${round}`);
    const dir = path.join(base, `s${round}`);
    mkdirSync(root);
    for (const one of ['f0', 'f1', 'f2']) writeFileSync(path.join(root, one), `original ${one}`);
    const before = readTree(root);
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, checkpoints, root, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, 20 + ((seed * (round + 1) * 7919) % 150)));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    const store = openCheckpoints({ dir, clock: systemClock, log: silentLog });
    const result = await store.undo(ANN, 't').catch(() => ({ conflicts: [] }));
    expect(result.conflicts).toEqual([]);
    const after = readTree(root);
    // A half-written file of the writer itself is not the store's.
    for (const name of Object.keys(after)) if (name.endsWith('.tmp')) delete after[name];
    expect(after).toEqual(before);
  }
}, 60_000);
