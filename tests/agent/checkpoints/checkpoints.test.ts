import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoints, type CheckpointsDeps } from '../../../agent/checkpoints/checkpoints.ts';
import { spaceId, turnId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const ANN = spaceId('p:ann');
const T1 = turnId('t1');
const T2 = turnId('t2');
const DAY_MS = 24 * 60 * 60_000;

let root: string;
let dir: string;
const clock = makeFakeClock();
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'herald-undo-')));
  dir = path.join(root, 'store');
  mkdirSync(path.join(root, 'ws'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (extra: Partial<CheckpointsDeps> = {}) => openCheckpoints({ dir, clock, log: silentLog, ...extra });
const at = (name: string) => path.join(root, 'ws', name);
const put = (name: string, content: string) => {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
};
const get = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : undefined);
const hash = (content: string) => createHash('sha256').update(content).digest('hex');

describe('undo of files', () => {
  it('brings back what was changed, made and removed', async () => {
    const store = open();
    put('changed', 'before');
    chmodSync(at('changed'), 0o750);
    put('removed', 'was here');
    await store.keep(T1, ANN, at('changed'), hash('after'));
    put('changed', 'after');
    chmodSync(at('changed'), 0o644);
    await store.keep(T1, ANN, at('made/deep/file'), hash('new'));
    put('made/deep/file', 'new');
    await store.keep(T1, ANN, at('removed'), null);
    rmSync(at('removed'));

    const undone = await store.undo(ANN, T1);
    expect(undone.conflicts).toEqual([]);
    expect([get('changed'), get('removed'), get('made/deep/file')]).toEqual(['before', 'was here', undefined]);
    expect(existsSync(at('made'))).toBe(false);
    expect(statSync(at('changed')).mode & 0o777).toBe(0o750);
  });

  it('brings back what was there when a second change was planned and never made', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', '2');
    // Killed here: the change to 3 is noted, and did not happen.
    await store.keep(T1, ANN, at('a'), hash('3'));
    expect(await open().undo(ANN, T1)).toMatchObject({ conflicts: [], restored: [at('a')] });
    expect(get('a')).toBe('1');
  });

  it('leaves alone what somebody else changed before a second change was planned', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', 'not ours');
    await store.keep(T1, ANN, at('a'), hash('3'));
    expect((await open().undo(ANN, T1)).conflicts).toHaveLength(1);
    expect(get('a')).toBe('not ours');
  });

  it('can be undone, and so on', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', '2');
    let id: string = T1;
    for (const expected of ['1', '2', '1', '2']) {
      const { checkpoint } = await store.undo(ANN, id);
      expect(get('a')).toBe(expected);
      id = checkpoint ?? '';
    }
    const listed = await store.list(ANN);
    expect(listed.at(-1)).toMatchObject({ id: T1, isUndo: false, isUndone: false });
    expect(await store.undo(ANN, T1)).toMatchObject({ restored: [at('a')] });
    expect((await store.list(ANN)).at(-1)).toMatchObject({ isUndone: true });
    expect(await store.undo(ANN, T1)).toEqual({ checkpoint: undefined, restored: [], conflicts: [] });
  });

  it('keeps the first content of a turn, and knows the last one', async () => {
    const store = open();
    put('a', '0');
    for (const next of ['1', '2', '3']) {
      await store.keep(T1, ANN, at('a'), hash(next));
      put('a', next);
    }
    await store.undo(ANN, T1);
    expect(get('a')).toBe('0');
  });

  it('leaves alone what others changed, unless forced, and even then nothing is lost', async () => {
    const store = open();
    put('a', '1');
    put('b', '1');
    for (const name of ['a', 'b']) {
      await store.keep(T1, ANN, at(name), hash('2'));
      put(name, '2');
    }
    put('a', 'theirs');
    expect(await store.undo(ANN, T1)).toMatchObject({
      restored: [at('b')],
      conflicts: [{ path: at('a'), reason: 'It was changed since.' }],
    });
    expect(get('a')).toBe('theirs');
    const { checkpoint } = await store.undo(ANN, T1, { force: true });
    expect(get('a')).toBe('1');
    await store.undo(ANN, checkpoint ?? '');
    expect(get('a')).toBe('theirs');
  });

  it('knows when others changed it between two changes of the turn', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', 'theirs');
    await store.keep(T1, ANN, at('a'), hash('3'));
    put('a', '3');
    expect((await store.undo(ANN, T1)).conflicts).toHaveLength(1);
    expect(get('a')).toBe('3');
  });

  it('a write that failed is nothing to undo', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    expect(await store.undo(ANN, T1)).toEqual({ checkpoint: undefined, restored: [], conflicts: [] });
  });

  it('what is not planned is known once it is settled', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'));
    put('a', '2');
    expect((await store.undo(ANN, T1)).conflicts).toEqual([
      { path: at('a'), reason: 'What the turn left there is not known.' },
    ]);
    await store.settle(T1);
    expect((await store.undo(ANN, T1)).restored).toEqual([at('a')]);
  });

  it('goes back over several turns as one', async () => {
    const store = open();
    put('a', '0');
    for (const [turn, next] of [
      [T1, '1'],
      [T2, '2'],
    ] as const) {
      await store.keep(turn, ANN, at('a'), hash(next));
      put('a', next);
    }
    await store.keep(T2, ANN, at('b'), hash('x'));
    put('b', 'x');
    expect(await store.undo(ANN, T1)).toMatchObject({ restored: [], conflicts: [{ path: at('a') }] });
    const { checkpoint } = await store.rollbackTo(ANN, T1);
    expect([get('a'), get('b')]).toEqual(['0', undefined]);
    await store.undo(ANN, checkpoint ?? '');
    expect([get('a'), get('b')]).toEqual(['2', 'x']);
    put('a', 'theirs');
    await store.keep(turnId('t3'), ANN, at('a'), hash('3'));
    put('a', '3');
    expect((await store.rollbackTo(ANN, T1)).conflicts).toMatchObject([{ path: at('a') }]);
  });

  it('other spaces are not listed, and unknown turns are not found', async () => {
    const store = open();
    await store.keep(T1, ANN, at('a'), hash('1'));
    await expect(store.list(spaceId('p:bob'))).resolves.toEqual([]);
    await expect(store.undo(spaceId('p:bob'), T1)).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.undo(ANN, 't9')).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.rollbackTo(spaceId('p:bob'), T1)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('does not write where a folder has become a link', async () => {
    const store = open();
    put('d/a', '1');
    await store.keep(T1, ANN, at('d/a'), null);
    rmSync(at('d'), { recursive: true });
    mkdirSync(path.join(root, 'elsewhere'));
    symlinkSync(path.join(root, 'elsewhere'), at('d'));
    const result = await store.undo(ANN, T1);
    expect(result.restored).toEqual([]);
    expect(result.conflicts).toHaveLength(1);
    expect(readdirSync(path.join(root, 'elsewhere'))).toEqual([]);
  });

  it('keeps links as links, and no folders and giants', async () => {
    const store = open();
    put('secret', 'x');
    symlinkSync('secret', at('link'));
    await store.keep(T1, ANN, at('link'), null);
    rmSync(at('link'));
    await store.undo(ANN, T1);
    expect(readlinkSync(at('link'))).toBe('secret');
    await expect(store.keep(T2, ANN, at('.'), null)).rejects.toMatchObject({ code: 'bad_input' });
    put('giant', '');
    truncateSync(at('giant'), 65 << 20);
    await expect(store.keep(T2, ANN, at('giant'), null)).rejects.toMatchObject({ code: 'too_large' });
  });

  it('says when what was kept is damaged, and leaves the file', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', '2');
    const blob = path.join(dir, 'blobs', hash('1').slice(0, 2), hash('1'));
    expect(statSync(blob).mode & 0o777).toBe(0o600);
    writeFileSync(blob, 'rotten');
    expect((await store.undo(ANN, T1)).conflicts).toMatchObject([
      { path: at('a'), reason: 'What was kept of it is damaged.' },
    ]);
    expect(get('a')).toBe('2');
    expect(readdirSync(at('.'))).toEqual(['a']);
  });

  it('a damaged manifest is left out', async () => {
    const store = open();
    await store.keep(T1, ANN, at('a'), hash('1'));
    await store.keep(T2, ANN, at('b'), hash('1'));
    const [space] = readdirSync(path.join(dir, 'turns'));
    const folder = path.join(dir, 'turns', space ?? '');
    writeFileSync(path.join(folder, readdirSync(folder)[0] ?? ''), '{');
    expect((await store.list(ANN)).map(({ id }) => id)).toEqual([T2]);
    await store.keep(turnId('t3'), ANN, at('c'), hash('1'));
    expect((await store.list(ANN)).map(({ id }) => id)).toEqual(['t3', T2]);
  });
});

describe('undo of commands', () => {
  const run = async (store: ReturnType<typeof open>, command: () => void, turn = T1) => {
    const before = await store.snapshotTree(turn, ANN, at('.'));
    command();
    const after = await store.settle(turn);
    return { before, after };
  };

  it('brings back the tree: files, folders, links, permissions', async () => {
    const store = open();
    put('keep', 'k');
    put('change', 'c');
    put('gone/deep/file', 'g');
    mkdirSync(at('empty'));
    symlinkSync('keep', at('link'));
    chmodSync(at('keep'), 0o700);
    put('__proto__', 'odd');
    const { before, after } = await run(store, () => {
      put('change', 'C');
      rmSync(at('gone'), { recursive: true });
      rmSync(at('empty'), { recursive: true });
      rmSync(at('link'));
      put('link', 'a file now');
      chmodSync(at('keep'), 0o755);
      put('new/er', 'n');
      put('__proto__', 'odder');
    });
    expect([before, after]).toEqual([
      { isCovered: true, note: undefined },
      { isCovered: true, note: undefined },
    ]);
    const result = await store.undo(ANN, T1);
    expect(result.conflicts).toEqual([]);
    expect(readdirSync(at('.')).toSorted()).toEqual(['__proto__', 'change', 'empty', 'gone', 'keep', 'link']);
    expect([get('change'), get('gone/deep/file'), get('__proto__')]).toEqual(['c', 'g', 'odd']);
    expect(readlinkSync(at('link'))).toBe('keep');
    expect(statSync(at('keep')).mode & 0o777).toBe(0o700);
  });

  it('a folder that became a link to itself', async () => {
    const store = open();
    await run(store, () => mkdirSync(at('loop/inner'), { recursive: true }));
    await run(store, () => {
      rmSync(at('loop'), { recursive: true });
      symlinkSync('loop', at('loop'));
    });
    expect((await store.undo(ANN, T1)).conflicts).toEqual([]);
    expect(readdirSync(at('.'))).toEqual([]);
  });

  it('together with files that tools wrote in the turn', async () => {
    const store = open();
    put('a', '1');
    await store.keep(T1, ANN, at('a'), hash('2'));
    put('a', '2');
    await run(store, () => put('a', '3'));
    await run(store, () => put('b', 'x'));
    await store.undo(ANN, T1);
    expect([get('a'), get('b')]).toEqual(['1', undefined]);
  });

  it('sees a change that keeps size and time', async () => {
    const store = open();
    put('a', '11');
    const { atime, mtime } = statSync(at('a'));
    await run(store, () => put('a', '22'));
    await run(store, () => {
      put('a', '33');
      const { utimesSync } = process.getBuiltinModule('node:fs');
      utimesSync(at('a'), atime, mtime);
    });
    await store.undo(ANN, T1);
    expect(get('a')).toBe('11');
  });

  it('what .gitignore names is never touched, also when the command changes .gitignore', async () => {
    const store = open();
    put('.gitignore', 'dist/\n');
    put('dist/out', 'built');
    put('src', 's');
    await run(store, () => {
      put('.gitignore', 'src\n');
      put('dist/out', 'built again');
      put('src', 'S');
    });
    await store.undo(ANN, T1);
    expect([get('.gitignore'), get('dist/out'), get('src')]).toEqual(['dist/\n', 'built again', 's']);
  });

  it('does not follow links out of the tree, nor into .git', async () => {
    const store = open();
    mkdirSync(path.join(root, 'out'));
    writeFileSync(path.join(root, 'out/file'), 'o');
    symlinkSync(path.join(root, 'out'), at('link'));
    put('.git/HEAD', 'ref');
    await run(store, () => {
      writeFileSync(path.join(root, 'out/file'), 'changed');
      put('.git/HEAD', 'other');
    });
    await store.undo(ANN, T1).catch(() => undefined);
    expect(readFileSync(path.join(root, 'out/file'), 'utf8')).toBe('changed');
    expect(get('.git/HEAD')).toBe('other');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  });

  it('says plainly what is not covered', async () => {
    const store = open({ treeLimits: { maxEntries: 3, maxFileBytes: 10 } });
    put('big', 'x'.repeat(11));
    put('a', '1');
    const { before } = await run(store, () => put('a', '2'));
    expect(before).toEqual({ isCovered: true, note: 'Not covered by undo, because too large or not readable: big.' });
    const { after } = await run(store, () => {
      put('a', '3');
      for (const name of ['n1', 'n2', 'n3']) put(name, 'n');
    });
    expect(after).toMatchObject({ isCovered: false });
    expect(after.note).toContain('more than 3 files');
    await store.undo(ANN, T1);
    expect([get('a'), get('n1')]).toEqual(['1', 'n']);
    const full = await store.snapshotTree(T2, ANN, at('.'));
    expect(full.isCovered).toBe(false);
    expect(full.note).toContain('not covered by undo');
    await expect(store.undo(ANN, T2)).rejects.toMatchObject({ code: 'not_found' });
    const small = open({ dir: path.join(root, 'other'), treeLimits: { maxBytes: 1 } });
    expect(await small.snapshotTree(T2, ANN, at('.'))).toMatchObject({ isCovered: false });
  });

  it('a tree behind a link, and one that is not there yet', async () => {
    const store = open();
    put('a', '1');
    symlinkSync(at('.'), path.join(root, 'linked'));
    expect(await store.snapshotTree(T1, ANN, path.join(root, 'linked'))).toEqual({ isCovered: true, note: undefined });
    put('a', '2');
    await store.settle(T1);
    await store.keep(T1, ANN, path.join(root, 'linked/b'), hash('b'));
    put('b', 'b');
    expect((await store.undo(ANN, T1)).conflicts).toEqual([]);
    expect([get('a'), get('b')]).toEqual(['1', undefined]);
    await store.snapshotTree(T2, ANN, at('later'));
    put('later/x', 'x');
    await store.settle(T2);
    await store.undo(ANN, T2);
    expect(get('later/x')).toBeUndefined();
  });

  it('a file that grew too large to be kept is no loss', async () => {
    const store = open({ treeLimits: { maxFileBytes: 10 } });
    put('a', 'small');
    await run(store, () => put('a', 'x'.repeat(100)));
    await store.undo(ANN, T1);
    expect(get('a')).toBe('small');
  });

  it('reads what did not change only once', async () => {
    const store = open();
    for (let i = 0; i < 20; i++) put(`f${i}`, `content ${i}`);
    await store.snapshotTree(T1, ANN, at('.'));
    await store.settle(T1);
    const blobs = path.join(dir, 'blobs');
    await new Promise((resolve) => setTimeout(resolve, 120));
    await store.snapshotTree(T1, ANN, at('.'));
    const inodes = () =>
      readdirSync(blobs, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(path.join(entry.parentPath, entry.name)).ino)
        .toSorted((a, b) => a - b);
    const before = inodes();
    await store.settle(T1);
    await store.snapshotTree(T1, ANN, at('.'));
    expect(inodes()).toEqual(before);
  });

  it('a command that a kill cut off can be undone all the same', async () => {
    put('a', '1');
    await open().snapshotTree(T1, ANN, at('.'));
    put('a', '2');
    put('b', 'x');
    await open().undo(ANN, T1);
    expect([get('a'), get('b')]).toEqual(['1', undefined]);
  });

  it('stops with its signal', async () => {
    put('a', '1');
    const stopped = open().snapshotTree(T1, ANN, at('.'), AbortSignal.abort(new Error('stopped')));
    await expect(stopped).rejects.toThrow('stopped');
  });
});

describe('prune', () => {
  const blobCount = () =>
    readdirSync(path.join(dir, 'blobs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .length;
  const change = async (store: ReturnType<typeof open>, turn: string, content: string) => {
    await store.keep(turnId(turn), ANN, at('a'), hash(content));
    put('a', content);
  };

  it('lets go of what is old, with the contents that nobody needs', async () => {
    const store = open();
    put('a', 'first');
    await change(store, 'p1', 'second');
    await clock.advance(10 * DAY_MS);
    await change(store, 'p2', 'third');
    expect(await store.prune({ maxAgeMs: 5 * DAY_MS, maxBytes: 1e9 })).toEqual({ checkpoints: 1, blobs: 1, bytes: 5 });
    await expect(store.undo(ANN, 'p1')).rejects.toMatchObject({ code: 'not_found' });
    await store.undo(ANN, 'p2');
    expect(get('a')).toBe('second');
  });

  it('keeps to a size, the newest first, and never what may still run', async () => {
    const store = open();
    put('a', '0'.repeat(100));
    for (const i of [1, 2, 3]) await change(store, `s${i}`, String(i).repeat(100));
    expect(await store.prune({ maxAgeMs: DAY_MS, maxBytes: 150 })).toMatchObject({ checkpoints: 0 });
    await clock.advance(2 * 60 * 60_000);
    expect(await store.prune({ maxAgeMs: DAY_MS, maxBytes: 150 })).toEqual({ checkpoints: 2, blobs: 2, bytes: 200 });
    await store.undo(ANN, 's3');
    expect(get('a')).toBe('2'.repeat(100));
  });

  it('keeps what a command under way needs', async () => {
    const store = open();
    put('a', '1');
    await store.snapshotTree(T1, ANN, at('.'));
    await store.prune({ maxAgeMs: DAY_MS, maxBytes: 0 });
    put('a', '2');
    await store.undo(ANN, T1);
    expect(get('a')).toBe('1');
    expect(blobCount()).toBeGreaterThan(0);
  });

  it('does nothing where nothing is', async () => {
    await expect(open().prune({ maxAgeMs: 1, maxBytes: 1 })).resolves.toEqual({ checkpoints: 0, blobs: 0, bytes: 0 });
  });
});

it('works one after the other, whoever calls', async () => {
  const store = open();
  const names = Array.from({ length: 20 }, (_, i) => `f${i}`);
  await Promise.all(names.map((name) => store.keep(T1, ANN, at(name), hash(name))));
  for (const name of names) put(name, name);
  renameSync(at('f0'), at('moved'));
  expect((await store.undo(ANN, T1)).restored).toHaveLength(19);
  expect(readdirSync(at('.'))).toEqual(['moved']);
});
