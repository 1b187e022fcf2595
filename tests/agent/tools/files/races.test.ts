// What changes between the decision and the opening: nothing that was not decided on may be read or written.
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolder, verifyOpen } from '../../../../agent/tools/files/host/anchored.ts';
import { makeBench, makeContext, type Bench } from './fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});
afterEach(() => bench.close());

describe('a path that becomes a link after the decision', () => {
  it('is not read', async () => {
    writeFileSync(path.join(bench.userHome, 'private.txt'), 'private words');
    bench.put('a.txt', 'public');
    const result = await bench.call('read_file', { path: 'a.txt' }, {}, () => {
      rmSync(bench.at('a.txt'));
      symlinkSync(path.join(bench.userHome, 'private.txt'), bench.at('a.txt'));
    });
    expect(result.isError).toBe(true);
    expect(result.text).not.toContain('private words');
  });

  it('is not written through, also as a folder', async () => {
    bench.put('d/a.txt', 'x');
    const result = await bench.call('write_file', { path: 'd/a.txt', content: 'y' }, {}, () => {
      rmSync(bench.at('d'), { recursive: true });
      symlinkSync(bench.userHome, bench.at('d'));
    });
    expect(result.isError).toBe(true);
    await expect(fs.readdir(bench.userHome)).resolves.toEqual([]);
  });

  it('does not turn an ordinary file into one that steers', async () => {
    bench.put('AGENTS.md', 'be kind');
    bench.put('a.txt', 'x');
    const result = await bench.call('write_file', { path: 'a.txt', content: 'be evil' }, {}, () => {
      rmSync(bench.at('a.txt'));
      symlinkSync('AGENTS.md', bench.at('a.txt'));
    });
    expect(result.isError).toBe(true);
    expect(bench.get('AGENTS.md')).toBe('be kind');
  });

  it('is not read either when it is looked at once more', async () => {
    const prepared = bench.tools[0]?.prepare({ path: '~/private.txt' });
    if (!prepared?.ok) throw new Error('not prepared');
    const at = { workspace: bench.workspace } as never;
    writeFileSync(path.join(bench.userHome, 'private.txt'), 'private words');
    expect(prepared.call.assess(at).touches).toEqual(['machine']);
    renameSync(path.join(bench.userHome, 'private.txt'), path.join(bench.userHome, 'other.txt'));
    symlinkSync('other.txt', path.join(bench.userHome, 'private.txt'));
    prepared.call.assess(at);
    await expect(prepared.call.execute(makeContext(bench.workspace))).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it('outside: only the file that was asked about', async () => {
    writeFileSync(path.join(bench.userHome, 'asked.txt'), 'asked');
    writeFileSync(path.join(bench.userHome, 'other.txt'), 'other');
    const swap = () => {
      rmSync(path.join(bench.userHome, 'asked.txt'));
      symlinkSync('other.txt', path.join(bench.userHome, 'asked.txt'));
    };
    expect(await bench.call('read_file', { path: '~/asked.txt' })).toEqual({ text: '1|asked', origin: 'foreign' });
    expect(await bench.call('read_file', { path: '~/asked.txt' }, {}, swap)).toMatchObject({ isError: true });
  });
});

describe('an open folder', () => {
  it('stays the one that was opened', async () => {
    const folder = path.join(bench.root, 'f');
    const evil = path.join(bench.root, 'evil');
    mkdirSync(folder);
    mkdirSync(evil);
    const open = await openFolder(folder, { create: false });
    if (!open) throw new Error('not open');
    renameSync(folder, path.join(bench.root, 'moved'));
    symlinkSync(evil, folder);
    if (process.platform === 'linux') writeFileSync(open.at('x'), 'x');
    await open.close();
    await expect(fs.readdir(evil)).resolves.toEqual([]);
  });

  it('is not opened over a link, and not made over one', async () => {
    mkdirSync(path.join(bench.root, 'real/sub'), { recursive: true });
    symlinkSync(path.join(bench.root, 'real'), path.join(bench.root, 'link'));
    for (const name of ['link', 'link/sub', 'link/new/er'])
      await expect(openFolder(path.join(bench.root, name), { create: true })).rejects.toMatchObject({
        code: 'not_allowed',
      });
    await expect(fs.readdir(path.join(bench.root, 'real'))).resolves.toEqual(['sub']);
  });

  it('makes what is missing, and says when it may not', async () => {
    const deep = path.join(bench.root, 'a/b/c');
    await expect(openFolder(deep, { create: false })).resolves.toBeUndefined();
    const open = await openFolder(deep, { create: true });
    await open?.close();
    expect((await fs.stat(deep)).isDirectory()).toBe(true);
  });

  it('a handle that is elsewhere is noticed', async () => {
    const file = bench.put('a', 'x');
    const handle = await fs.open(file);
    renameSync(file, bench.at('b'));
    bench.put('a', 'y');
    await expect(verifyOpen(handle, file)).rejects.toMatchObject({ code: 'not_allowed' });
    await handle.close();
  });
});

describe('a file that somebody else changes', () => {
  it('after it was read is not written over', async () => {
    bench.put('a.txt', 'one\n');
    await bench.call('read_file', { path: 'a.txt' });
    bench.put('a.txt', 'two\n');
    for (const [name, args] of [
      ['write_file', { path: 'a.txt', content: 'three\n' }],
      ['patch', { path: 'a.txt', old_string: 'two', new_string: 'three' }],
    ] as const) {
      const result = await bench.call(name, args);
      expect(result).toMatchObject({ isError: true });
      expect(result.text).toContain('read it again');
    }
    expect(bench.get('a.txt')).toBe('two\n');
    await bench.call('read_file', { path: 'a.txt' });
    expect(await bench.call('write_file', { path: 'a.txt', content: 'three\n' })).not.toMatchObject({ isError: true });
  });

  it('its own writes do not count, nor do other sessions, nor touching it', async () => {
    await bench.call('write_file', { path: 'a.txt', content: 'one\n' });
    execFileSync('touch', [bench.at('a.txt')]);
    expect(await bench.call('patch', { path: 'a.txt', old_string: 'one', new_string: 'two' })).not.toMatchObject({
      isError: true,
    });
    bench.put('a.txt', 'three\n');
    const other = { session: 's2' as never };
    expect(await bench.call('write_file', { path: 'a.txt', content: 'four\n' }, other)).not.toMatchObject({
      isError: true,
    });
  });

  it('removed: it is said once', async () => {
    bench.put('a.txt', 'one\n');
    await bench.call('read_file', { path: 'a.txt' });
    rmSync(bench.at('a.txt'));
    const again = () => bench.call('write_file', { path: 'a.txt', content: 'x' });
    expect((await again()).text).toContain('removed by somebody else');
    expect(await again()).not.toMatchObject({ isError: true });
  });

  it('between the reading and the writing of one call is not written over', async () => {
    bench.put('a.txt', 'one\n');
    // The keeper is what a call waits for between the two.
    const meddling = makeBench({
      checkpoints: { keep: async (_turn, _space, file) => writeFileSync(file, 'theirs\n') },
    });
    try {
      meddling.put('a.txt', 'one\n');
      const result = await meddling.call('patch', { path: 'a.txt', old_string: 'one', new_string: 'two' });
      expect(result).toMatchObject({ isError: true });
      const made = await meddling.call('write_file', { path: 'new.txt', content: 'mine' });
      expect(made).toMatchObject({ isError: true });
      expect([meddling.get('a.txt'), meddling.get('new.txt')]).toEqual(['theirs\n', 'theirs\n']);
    } finally {
      meddling.close();
    }
  });
});

describe('what is no ordinary file', () => {
  it('is neither read nor written, and nothing waits for it', async () => {
    execFileSync('mkfifo', [bench.at('pipe')]);
    mkdirSync(bench.at('folder'));
    for (const name of ['pipe', '/dev/zero', '/dev/tty', '/dev/null'])
      expect(await bench.call('read_file', { path: name })).toMatchObject({ isError: true });
    for (const name of ['pipe', 'folder'])
      expect(await bench.call('write_file', { path: name, content: 'x' })).toMatchObject({ isError: true });
  });

  it('giants of holes are not read', async () => {
    bench.put('holes', '');
    await fs.truncate(bench.at('holes'), 1 << 40);
    bench.put('small-holes', '');
    await fs.truncate(bench.at('small-holes'), 8 << 20);
    expect((await bench.call('read_file', { path: 'holes' })).text).toContain('holes');
    expect((await bench.call('read_file', { path: 'small-holes' })).text).toContain('holes');
  });

  it('files of the kernel have no size and are read', async () => {
    if (process.platform !== 'linux') return;
    expect((await bench.call('read_file', { path: '/proc/version' })).text).toContain(
      readFileSync('/proc/version', 'utf8').trim().slice(0, 20),
    );
  });
});
