// What a host of files promises, for this machine and for one behind a shell; and the tools over the latter.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileHost } from '../../../../agent/tools/files/host/host.ts';
import { makeLocalHost } from '../../../../agent/tools/files/host/local.ts';
import { makeRemoteHost } from '../../../../agent/tools/files/host/remote.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { makeBench, makeShellMachine, type Bench } from './fixture.ts';

let bench: Bench;
afterEach(() => bench.close());

const { signal } = new AbortController();

describe.each<[string, () => FileHost]>([
  ['this machine', () => makeLocalHost({ clock: systemClock })],
  ['another machine', () => makeRemoteHost(makeShellMachine(bench.workspace))],
])('files of %s', (_name, make) => {
  let host: FileHost;
  beforeEach(() => {
    bench = makeBench();
    host = make();
  });

  /** Names that a shell would take for something else. */
  const ODD = ["it's", 'a b', '$(touch pwned)', '`x`', '-rf', '"q"', 'a;b', '*', '\\n', 'ü', '~', '#c', '&&'];

  it('resolves links, and keeps what is not there', async () => {
    bench.put('real/file', 'x');
    symlinkSync('real', bench.at('link'));
    symlinkSync('nowhere', bench.at('dangling'));
    const resolve = (name: string) => host.resolve(bench.at(name), signal);
    await expect(resolve('link/file')).resolves.toEqual({ real: bench.at('real/file'), isDangling: false });
    await expect(resolve('link')).resolves.toEqual({ real: bench.at('real'), isDangling: false });
    await expect(resolve('link/new/er')).resolves.toEqual({ real: bench.at('real/new/er'), isDangling: false });
    await expect(resolve('dangling')).resolves.toMatchObject({ isDangling: true });
    await expect(resolve('dangling/x')).resolves.toMatchObject({ isDangling: true });
    await expect(host.resolve('/nope/x', signal)).resolves.toEqual({ real: '/nope/x', isDangling: false });
    await expect(host.resolve('/', signal)).resolves.toEqual({ real: '/', isDangling: false });
    for (const odd of ODD) await expect(resolve(odd)).resolves.toEqual({ real: bench.at(odd), isDangling: false });
  });

  it('tells what is there', async () => {
    chmodSync(bench.put('file', 'abc'), 0o640);
    symlinkSync('file', bench.at('link'));
    execFileSync('mkfifo', [bench.at('pipe')]);
    const stat = (name: string) => host.stat(bench.at(name), signal);
    await expect(stat('file')).resolves.toMatchObject({ kind: 'file', size: 3, mode: 0o640 });
    expect(Math.abs(((await stat('file'))?.mtimeMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await expect(stat('link')).resolves.toMatchObject({ kind: 'link' });
    await expect(stat('pipe')).resolves.toMatchObject({ kind: 'other' });
    await expect(stat('.')).resolves.toMatchObject({ kind: 'folder' });
    await expect(stat('none')).resolves.toBeUndefined();
    await expect(stat('file/none')).resolves.toBeUndefined();
  });

  it('reads whole files and their beginnings', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    bench.put('bin', bytes);
    const read = await host.read(bench.at('bin'), 256, signal);
    expect(Buffer.from(read.bytes).equals(bytes)).toBe(true);
    expect(Buffer.from(await host.readStart(bench.at('bin'), 10, signal)).equals(bytes.subarray(0, 10))).toBe(true);
    await expect(host.read(bench.at('bin'), 255, signal)).rejects.toMatchObject({ code: 'too_large' });
    await expect(host.read(bench.at('none'), 255, signal)).rejects.toMatchObject({ code: 'not_found' });
    await expect(host.read(bench.at('.'), 255, signal)).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('writes, keeps permissions, and refuses what it did not expect', async () => {
    for (const odd of ODD) {
      const file = bench.at(`d/${odd}/f ${odd}`);
      await host.write(file, { bytes: Buffer.from(odd), expected: undefined }, signal);
      expect(readFileSync(file, 'utf8')).toBe(odd);
    }
    expect(existsSync(bench.at('pwned'))).toBe(false);
    chmodSync(bench.put('run', '1'), 0o751);
    const before = await host.stat(bench.at('run'), signal);
    await host.write(bench.at('run'), { bytes: Buffer.from('12'), expected: before }, signal);
    expect(statSync(bench.at('run')).mode & 0o777).toBe(0o751);
    await host.write(bench.at('script'), { bytes: Buffer.from(''), expected: undefined, mode: 0o700 }, signal);
    expect(statSync(bench.at('script')).mode & 0o777).toBe(0o700);
    for (const expected of [before, undefined])
      await expect(host.write(bench.at('run'), { bytes: Buffer.from('3'), expected }, signal)).rejects.toMatchObject({
        code: 'not_allowed',
      });
    expect(bench.get('run')).toBe('12');
  });

  it('removes files, not folders', async () => {
    for (const odd of ODD) {
      bench.put(odd, 'x');
      const stat = await host.stat(bench.at(odd), signal);
      if (!stat) throw new Error(`no ${odd}`);
      await host.remove(bench.at(odd), stat, signal);
      expect(existsSync(bench.at(odd))).toBe(false);
      await expect(host.remove(bench.at(odd), stat, signal)).rejects.toMatchObject({ code: 'not_allowed' });
    }
    mkdirSync(bench.at('folder'));
    const folder = await host.stat(bench.at('folder'), signal);
    if (!folder) throw new Error('no folder');
    await expect(host.remove(bench.at('folder'), folder, signal)).rejects.toThrow();
    expect(existsSync(bench.at('folder'))).toBe(true);
  });

  it('lists folders by name', async () => {
    for (const name of ['b', '.hidden', 'a b']) bench.put(name, 'x');
    mkdirSync(bench.at('sub'));
    symlinkSync('nowhere', bench.at('z'));
    const names = (await host.list(bench.workspace, 10, signal)).map(({ name, kind }) => `${kind} ${name}`);
    expect(names).toEqual(['file .hidden', 'file a b', 'file b', 'folder sub', 'link z']);
    await expect(host.list(bench.workspace, 2, signal)).resolves.toHaveLength(2);
    await expect(host.list(bench.at('none'), 2, signal)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('begins nothing when it is stopped', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(host.write(bench.at('x'), { bytes: Buffer.from(''), expected: undefined }, stopped)).rejects.toThrow();
    expect(existsSync(bench.at('x'))).toBe(false);
  });
});

describe('the tools on another machine', () => {
  const open = (isIsolated: boolean) => {
    let there = '';
    bench = makeBench({
      remote: () => ({
        workspace: undefined,
        isIsolated,
        use: (_call, work) => work(makeShellMachine(there)),
      }),
    });
    there = path.join(bench.root, 'there');
    mkdirSync(there);
    return there;
  };

  it('act there', async () => {
    const there = open(false);
    expect((await bench.call('write_file', { path: 'a/b.txt', content: 'one\n' })).text).toContain('new file, 1 lines');
    expect(readFileSync(path.join(there, 'a/b.txt'), 'utf8')).toBe('one\n');
    expect((await bench.call('read_file', { path: 'a/b.txt' })).text).toBe('1|one');
    expect((await bench.call('patch', { path: 'a/b.txt', old_string: 'one', new_string: 'two' })).text).toContain(
      '+1 −1',
    );
    expect((await bench.call('search_files', { pattern: 'two' })).text).toContain('a/b.txt\n1:two');
    expect((await bench.call('read_file', { path: 'a' })).text).toContain('b.txt');
    await expect(bench.checkpoints.list('p:ann' as never)).resolves.toEqual([]);
  });

  it('are judged by what is known, and stopped by what is found', async () => {
    const there = open(false);
    writeFileSync(path.join(bench.root, 'outside.txt'), 'foreign');
    symlinkSync(path.join(bench.root, 'outside.txt'), path.join(there, 'link'));
    writeFileSync(path.join(there, '.env'), 'KEY=1');
    symlinkSync('.env', path.join(there, 'plain'));
    expect(bench.assess('read_file', { path: 'link' })).toMatchObject({ touches: [], forbidden: undefined });
    for (const name of ['link', 'plain']) {
      const result = await bench.call('read_file', { path: name });
      expect(result).toMatchObject({ isError: true });
      expect(result.text).not.toMatch(/foreign|KEY/);
    }
    expect(bench.assess('read_file', { path: '.env' }).forbidden).toBeDefined();
    const outside = path.join(bench.root, 'outside.txt');
    expect(bench.assess('read_file', { path: outside }).touches).toEqual(['machine']);
    expect(await bench.call('read_file', { path: outside })).toEqual({ text: '1|foreign', origin: 'foreign' });
    expect(bench.assess('read_file', { path: '~/x' }).forbidden).toBeDefined();
  });

  it('cannot be undone, and say so to the policy; in a container nothing is outside', () => {
    open(false);
    expect(bench.assess('write_file', { path: 'a', content: '' })).toMatchObject({
      effect: 'once',
      touches: ['workspace'],
    });
    expect(bench.assess('write_file', { path: '/etc/x', content: '' }).touches).toEqual(['machine']);
    bench.close();
    open(true);
    expect(bench.assess('write_file', { path: '/etc/x', content: '' }).touches).toEqual(['workspace']);
    expect(bench.assess('read_file', { path: '/etc/x' }).touches).toEqual([]);
  });
});

it('what a tool changes on this machine can be undone', async () => {
  bench = makeBench();
  bench.put('a.txt', 'one\n');
  bench.put('gone.txt', 'x\n');
  await bench.call('patch', { path: 'a.txt', old_string: 'one', new_string: 'two' });
  await bench.call('write_file', { path: 'new/b.txt', content: 'b' });
  await bench.call('patch', {
    patch:
      '*** Begin Patch\n*** Delete File: gone.txt\n*** Update File: a.txt\n*** Move to: c.txt\n@@\n-two\n+three\n*** End Patch',
  });
  expect([bench.get('c.txt'), bench.get('new/b.txt')]).toEqual(['three\n', 'b']);
  expect((await bench.checkpoints.undo('p:ann' as never, 'turn-1')).conflicts).toEqual([]);
  expect(bench.get('a.txt')).toBe('one\n');
  expect(bench.get('gone.txt')).toBe('x\n');
  for (const name of ['new', 'c.txt']) expect(existsSync(bench.at(name))).toBe(false);
});

it('nothing is changed when it cannot be kept', async () => {
  const failing = { keep: () => Promise.reject(new Error('no space')) };
  bench = makeBench({ checkpoints: failing });
  bench.put('a.txt', 'one');
  await expect(bench.call('write_file', { path: 'a.txt', content: 'two' })).rejects.toThrow('no space');
  expect(bench.get('a.txt')).toBe('one');
});
