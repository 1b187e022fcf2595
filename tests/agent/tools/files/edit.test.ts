// write_file and patch: what ends up on the disk.
import { chmodSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasProgram, makeBench, type Bench } from './fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});
afterEach(() => bench.close());

const write = (path: string, content: string) => bench.call('write_file', { path, content });
const replace = (path: string, from: string, to: string, more: object = {}) =>
  bench.call('patch', { path, old_string: from, new_string: to, ...more });
const patch = (...lines: string[]) =>
  bench.call('patch', { mode: 'patch', patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') });

describe('write_file', () => {
  it('makes folders and tells the size', async () => {
    expect((await write('a/b/c.txt', 'one\ntwo\n')).text).toBe('Wrote a/b/c.txt: new file, 2 lines.');
    expect(bench.get('a/b/c.txt')).toBe('one\ntwo\n');
    expect((await write('a/b/c.txt', 'one\nthree\nfour\n')).text).toBe('Wrote a/b/c.txt: +2 −1 lines.');
    expect((await write('a/b/c.txt', 'one\nthree\nfour\n')).text).toContain('Nothing was changed');
  });

  it('makes the workspace when it is not there yet', async () => {
    rmSync(bench.workspace, { recursive: true });
    expect(await write('a.txt', 'x')).not.toMatchObject({ isError: true });
    expect(bench.get('a.txt')).toBe('x');
  });

  it('keeps permissions, encoding and line endings', async () => {
    chmodSync(bench.put('run.sh', '#!/bin/sh\r\necho 1\r\n'), 0o751);
    await write('run.sh', '#!/bin/sh\necho 2\n');
    expect(bench.get('run.sh')).toBe('#!/bin/sh\r\necho 2\r\n');
    expect(statSync(bench.at('run.sh')).mode & 0o777).toBe(0o751);
    bench.put('u16', Buffer.from('\ufeffalt', 'utf16le'));
    await write('u16', 'neü');
    expect(bench.get('u16')).toBe(Buffer.from('\ufeffneü', 'utf16le').toString('utf8'));
  });

  it('does not write the mask of a secret over the secret', async () => {
    bench.put('c.ini', 'token = real\nport = 1\n');
    expect(await write('c.ini', 'token = [redacted]\nport = 2\n')).toMatchObject({ isError: true });
    expect(await replace('c.ini', 'port = 1', 'port = 2')).not.toMatchObject({ isError: true });
    expect(bench.get('c.ini')).toBe('token = real\nport = 2\n');
    bench.put('doc.md', 'Secrets are shown as [redacted].\n');
    expect(await replace('doc.md', 'Secrets', 'Keys')).not.toMatchObject({ isError: true });
  });

  it('leaves no other file behind', async () => {
    await write('d/a.txt', 'x');
    await write('d/a.txt', 'y');
    expect((await bench.call('read_file', { path: 'd' })).text).toBe('d is a folder with:\na.txt (1 bytes)');
  });

  it('says what does not parse, and keeps the file', async () => {
    const result = await write('a.json', '{"a": 1,}');
    expect(result.isError).toBeUndefined();
    expect(result.text).toContain('It does not parse:');
    expect(bench.get('a.json')).toBe('{"a": 1,}');
  });
});

describe('patch: replace', () => {
  it('replaces one place, or all of them', async () => {
    bench.put('a.ts', 'const a = 1;\nconst b = 1;\n');
    expect((await replace('a.ts', 'const a = 1', 'const a = 2')).text).toBe('Wrote a.ts: +1 −1 lines. Line 1.');
    expect((await replace('a.ts', 'const', 'let')).text).toContain('in several places of a.ts: lines 1, 2');
    expect((await replace('a.ts', 'const', 'let', { replace_all: true })).text).toContain('2 places from line 1');
    expect(bench.get('a.ts')).toBe('let a = 2;\nlet b = 1;\n');
  });

  it('says where it might have been', async () => {
    bench.put('a.ts', 'x\nfunction f() {\n  return 1;\n}\n');
    const result = await replace('a.ts', 'function f() {\n  return 7;\n', '');
    expect(result.isError).toBe(true);
    expect(result.text).toContain('Its first line is at line 2');
  });

  it.each([
    [{ path: 'a.ts' }, 'needs path'],
    [{ path: 'a.ts', old_string: '', new_string: 'x' }, 'empty'],
    [{ path: 'a.ts', old_string: 'x', new_string: 'x' }, 'the same'],
    [{ path: 'none.ts', old_string: 'x', new_string: 'y' }, 'There is no file'],
    [{ path: 'bin', old_string: 'x', new_string: 'y' }, 'no text'],
    [{}, 'needs path'],
  ])('%j changes nothing', async (args, why) => {
    bench.put('a.ts', 'x');
    bench.put('bin', Buffer.from([0, 1]));
    const result = await bench.call('patch', args);
    expect(result).toMatchObject({ isError: true });
    expect(result.text).toContain(why);
    expect(bench.get('a.ts')).toBe('x');
  });
});

describe('patch: several files', () => {
  it('adds, changes, moves and removes', async () => {
    bench.put('a.txt', 'one\ntwo\nthree\n');
    bench.put('old.txt', 'gone\n');
    chmodSync(bench.put('from.sh', 'echo a\n'), 0o755);
    const result = await patch(
      '*** Update File: a.txt',
      '@@',
      ' one',
      '-two',
      '+zwei',
      '*** Add File: sub/new.txt',
      '+hello',
      '*** Delete File: old.txt',
      '*** Update File: from.sh',
      '*** Move to: bin/to.sh',
      '@@',
      '-echo a',
      '+echo b',
    );
    expect(result.text.split('\n').toSorted()).toEqual([
      'Removed from.sh.',
      'Removed old.txt.',
      'Wrote a.txt: +1 −1 lines.',
      'Wrote bin/to.sh: new file, 1 lines.',
      'Wrote sub/new.txt: new file, 1 lines.',
    ]);
    expect(bench.get('a.txt')).toBe('one\nzwei\nthree\n');
    expect(bench.get('bin/to.sh')).toBe('echo b\n');
    expect(statSync(bench.at('bin/to.sh')).mode & 0o777).toBe(0o755);
    expect(() => bench.get('from.sh')).toThrow();
    expect(() => bench.get('old.txt')).toThrow();
  });

  it('changes nothing when one file does not fit', async () => {
    bench.put('a.txt', 'one\n');
    bench.put('b.txt', 'two\n');
    for (const last of [
      ['*** Update File: b.txt', '@@', '-zwei', '+drei'],
      ['*** Add File: b.txt', '+x'],
      ['*** Delete File: c.txt'],
      ['*** Update File: c.txt', '@@', '-x', '+y'],
      ['*** Update File: b.txt', '*** Move to: a.txt', '@@', '-two', '+x'],
    ]) {
      const result = await patch('*** Update File: a.txt', '@@', '-one', '+eins', ...last);
      expect(result).toMatchObject({ isError: true });
      expect([bench.get('a.txt'), bench.get('b.txt')]).toEqual(['one\n', 'two\n']);
    }
  });

  it('puts back what was written when a later file cannot be', async () => {
    bench.put('a.txt', 'one\n');
    bench.put('z', 'a file where a folder is needed');
    const result = await patch(
      '*** Update File: a.txt',
      '@@',
      '-one',
      '+eins',
      '*** Add File: new.txt',
      '+x',
      '*** Add File: z/b.txt',
      '+x',
    );
    expect(result).toMatchObject({ isError: true });
    expect(result.text).toContain('No file was changed');
    expect(bench.get('a.txt')).toBe('one\n');
    expect(() => bench.get('new.txt')).toThrow();
  });

  it('changes the same file twice, also one that it makes', async () => {
    const update = (from: string, to: string) => ['*** Update File: n.txt', '@@', `-${from}`, `+${to}`];
    await patch('*** Add File: n.txt', '+a', ...update('a', 'b'), ...update('b', 'c'));
    expect(bench.get('n.txt')).toBe('c\n');
  });

  it('removes files that are no text', async () => {
    bench.put('bin', Buffer.from([0, 1]));
    expect((await patch('*** Delete File: bin')).text).toBe('Removed bin.');
  });

  it.each(['', 'x', '*** Begin Patch\n*** End Patch', '*** Begin Patch\n*** Update File: a\n'])(
    '%j is told to be no patch',
    async (text) => {
      expect(await bench.call('patch', { mode: 'patch', patch: text })).toMatchObject({ isError: true });
    },
  );
});

describe('syntax after writing', () => {
  it.each([
    ['a.json', '{"a": 1}', '{"a": }'],
    ['tsconfig.json', '{ /* c */ "a": 1, }', undefined],
    ['a.yaml', 'a: [1, 2]\n', 'a: [1, 2\nb: }\n'],
    ['chart.yaml', 'a: {{ .Values.x }}\n', undefined],
    ['a.ts', 'enum E { A }\nconst a: number = 1;\nexport { a };\n', 'const a: number = ;\n'],
    ['a.mjs', '#!/usr/bin/env node\nimport x from "y"; await x;\n', 'const = 1;\n'],
    ['a.js', 'with (a) { b(); }\n', 'let let = ;\n'],
    ['a.cjs', 'return require("x");\n', 'module.exports = {;\n'],
    ['a.ts', `${'('.repeat(30_000)}`, undefined],
    ['a.txt', 'anything (', undefined],
  ])('%s', async (name, good, bad) => {
    expect((await write(name, good)).text).not.toContain('does not parse');
    if (bad !== undefined) expect((await write(name, bad)).text).toContain('does not parse');
  });

  it('tells the line', async () => {
    expect((await write('a.ts', 'let a = 1;\n\nlet b = ;\n')).text).toContain('line 3: Expression expected');
    expect((await write('a.mjs', 'let a = 1;\n\nlet b = ;\n')).text).toContain('line 3: ');
  });

  it.skipIf(!hasProgram('/usr/bin/python3'))('Python, where it is installed', async () => {
    expect((await write('a.py', 'def f():\n    return 1\n')).text).not.toContain('does not parse');
    expect((await write('a.py', 'x = 1\ndef f(:\n')).text).toContain('line 2');
  });
});
