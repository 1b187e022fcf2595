// search_files by ripgrep, by walking, on this machine and on another, and what .gitignore leaves out.
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../../../agent/terminal/machine.ts';
import { expandBraces, makeGlob, matchGlob } from '../../../../agent/tools/files/host/glob.ts';
import { walkTree } from '../../../../agent/tools/files/host/walk.ts';
import { systemClock, type Clock } from '../../../../shared/clock.ts';
import { hasProgram, makeBench, makeShellMachine, type Bench } from './fixture.ts';

const hasRipgrep = hasProgram('rg');
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000);

/** Folder of programs without ripgrep, for the machine that has none. */
const BARE_PROGRAMS = ['sh', 'grep', 'find', 'head', 'readlink', 'stat'];

let bench: Bench;
const bin = mkdtempSync(path.join(os.tmpdir(), 'herald-bin-'));
for (const name of BARE_PROGRAMS) {
  const program = ['/usr/bin', '/bin'].map((dir) => path.join(dir, name)).find(isProgram);
  if (program !== undefined) symlinkSync(program, path.join(bin, name));
}
afterEach(() => bench.close());
afterAll(() => rmSync(bin, { recursive: true }));

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const remote = (options: { path?: string }) => ({
  remote: ({ workspace }: { workspace: string }) => ({
    workspace,
    isIsolated: false,
    use: (_call: unknown, work: (machine: Machine) => Promise<never>) => work(makeShellMachine(workspace, options)),
  }),
});

describe.each([
  ['ripgrep', () => makeBench(), hasRipgrep],
  ['walking', () => makeBench({ ripgrep: '/no/such/rg' }), true],
  ['ripgrep on another machine', () => makeBench(remote({})), hasRipgrep],
  ['grep on another machine', () => makeBench(remote({ path: bin })), true],
] as const)('search_files by %s', (how, open, isThere) => {
  const isGrep = how === 'grep on another machine';
  const search = async (args: object) => {
    const result = await bench.call('search_files', args);
    return { ...result, lines: result.text.split('\n').filter((line) => !/^\[.*(not installed)/.test(line)) };
  };

  beforeEach((test) => {
    bench = open();
    // Named in the report of the tests, as a program that is not there.
    if (!isThere) test.skip('ripgrep is not installed');
    bench.put('src/a.ts', 'one\ntwo needle\nthree\n');
    bench.put('src/b.js', 'needle here\nand Needle\n');
    bench.put('.github/c.yml', 'x: needle\n');
    bench.put('.env', 'SECRET=needle\n');
    bench.put('deploy/server.key', 'needle\n');
    bench.put('.git/objects', 'needle\n');
    bench.put('bin.dat', Buffer.from('needle\u0000\u0001'));
  });

  it('finds lines, in order, without secrets', async () => {
    const { lines, origin } = await search({ pattern: 'ne+dle' });
    const expected = ['.github/c.yml', '1:x: needle', 'src/a.ts', '2:two needle', 'src/b.js', '1:needle here'];
    if (isGrep) expect(lines.toSorted()).toEqual(expected.toSorted());
    else expect(lines).toEqual(expected);
    expect(origin).toBe('agent');
  });

  it('by glob, by folder, without regard to case, in one file', async () => {
    expect((await search({ pattern: 'needle', file_glob: '*.{ts,tsx}' })).lines).toEqual(['src/a.ts', '2:two needle']);
    expect((await search({ pattern: 'needle', path: 'src', file_glob: 'b.*' })).lines).toEqual([
      'src/b.js',
      '1:needle here',
    ]);
    if (!isGrep)
      expect((await search({ pattern: '(?i)NEEDLE', path: 'src/b.js' })).lines).toEqual([
        'src/b.js',
        '1:needle here',
        '2:and Needle',
      ]);
    expect((await search({ pattern: 'one', path: 'src/a.ts' })).lines).toEqual(['src/a.ts', '1:one']);
    expect((await search({ pattern: 'nothing at all' })).lines).toEqual(['Nothing was found.']);
  });

  it('by pages', async () => {
    bench.put('many', 'hit\n'.repeat(10));
    const first = await search({ pattern: '^hit$', limit: 4 });
    expect(first.lines).toEqual(['many', '1:hit', '2:hit', '3:hit', '4:hit', '[there is more: go on with offset 4]']);
    expect((await search({ pattern: '^hit$', limit: 4, offset: 8 })).lines).toEqual(['many', '9:hit', '10:hit']);
    expect((await search({ pattern: '^hit$', offset: 10 })).lines).toEqual(['Nothing more was found.']);
  });

  it('with lines around, or it says that it cannot', async () => {
    if (isGrep) return expect((await search({ pattern: 'two', context: 1 })).text).toContain('without context');
    expect((await search({ pattern: 'two', path: 'src', context: 1 })).lines).toEqual([
      'src/a.ts',
      '1-one',
      '2:two needle',
      '3-three',
    ]);
  });

  it('without what .gitignore names, or it says that it cannot', async () => {
    if (isGrep) return expect((await search({ pattern: 'two' })).text).toContain('without context and .gitignore');
    bench.put('.gitignore', 'src/*.js\n/out/\n');
    bench.put('out/d.txt', 'needle\n');
    expect((await search({ pattern: 'needle' })).text).not.toMatch(/b\.js|out/);
    expect((await search({ pattern: 'needle', path: 'src' })).text).toContain('a.ts');
  });

  it('finds files', async () => {
    const files = async (pattern: string, more: object = {}) =>
      (await search({ pattern, target: 'files', ...more })).lines.toSorted();
    expect(await files('*.ts')).toEqual(['src/a.ts']);
    expect(await files('src/*')).toEqual(['src/a.ts', 'src/b.js']);
    expect(await files('B.J')).toEqual(['src/b.js']);
    expect(await files('**/*.{yml,ts}')).toEqual(['.github/c.yml', 'src/a.ts']);
    expect(await files('*', { path: 'deploy' })).toEqual(['Nothing was found.']);
    expect(await files('env')).toEqual(['Nothing was found.']);
  });

  it('does not follow links', async () => {
    writeFileSync(path.join(bench.userHome, 'outside.txt'), 'needle outside');
    symlinkSync(bench.userHome, bench.at('linked'));
    symlinkSync(path.join(bench.userHome, 'outside.txt'), bench.at('linked.txt'));
    expect((await search({ pattern: 'needle outside' })).lines).toEqual(['Nothing was found.']);
  });

  it('outside is foreign, and shows no secrets of others', async () => {
    mkdirSync(path.join(bench.root, 'x/.ssh'), { recursive: true });
    writeFileSync(path.join(bench.root, 'x/.ssh/config'), 'needle');
    writeFileSync(path.join(bench.root, 'x/plain.txt'), 'needle');
    const result = await search({ pattern: 'needle', path: path.join(bench.root, 'x') });
    expect(result.lines).toEqual([path.join(bench.root, 'x/plain.txt'), '1:needle']);
    expect(result.origin).toBe('foreign');
    if (!how.endsWith('machine'))
      expect((await search({ pattern: 'needle', path: bench.root })).text).not.toContain('herald/workspaces/p:bob');
  });

  it('says what it does not understand', async () => {
    for (const pattern of ['(', '', 'a\nb', 'x'.repeat(2_000)])
      expect(await search({ pattern })).toMatchObject({ isError: true });
    expect(await search({ pattern: 'x', path: 'nowhere' })).toMatchObject({ isError: true });
  });

  it('takes patterns and names as they are', async () => {
    bench.put("it's $(touch pwned) `x`;.txt", '--help $HOME "quoted" \\ -e\n');
    for (const pattern of ['--help', '\\$HOME "quoted"', '-e'])
      expect((await search({ pattern })).lines).toContain('1:--help $HOME "quoted" \\ -e');
    expect((await search({ pattern: '$(touch pwned)', target: 'files' })).text).toContain('touch pwned');
    expect(readdirSync(bench.workspace)).not.toContain('pwned');
  });
});

describe('a search that takes too long', () => {
  it('is ended, with the thread that it ran in', async () => {
    // The thread takes a whole processor for as long as it is let.
    const hasty: Clock = { ...systemClock, after: (ms, action) => systemClock.after(ms / 8, action) };
    bench = makeBench({ ripgrep: '/no/such/rg', clock: hasty });
    bench.put('a.txt', `${'a'.repeat(60)}!\n`);
    const started = performance.now();
    const result = await bench.call('search_files', { pattern: '^(a+)+$' });
    expect(result.text).toContain('the expression took too long in a.txt');
    expect(performance.now() - started).toBeLessThan(6_000);
  });

  it('is ended by the signal', async () => {
    bench = makeBench({ ripgrep: '/no/such/rg' });
    bench.put('a.txt', `${'a'.repeat(60)}!\n`);
    const controller = new AbortController();
    const work = bench.call('search_files', { pattern: '^(a+)+$' }, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('stopped')), 100);
    await expect(work).rejects.toThrow('stopped');
  });

  it('globs cannot', () => {
    bench = makeBench();
    const started = performance.now();
    expect(matchGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(5_000))).toBe(false);
    expect(matchGlob(`${'**/a/'.repeat(200)}b`, 'a/'.repeat(2_000))).toBe(false);
    expect(expandBraces('{a,b}'.repeat(30)).length).toBeLessThanOrEqual(64);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('globs', () => {
  it.each([
    ['*.ts', 'a/b.ts', true],
    ['*.ts', 'a.js', false],
    ['a/*.ts', 'a/b/c.ts', false],
    ['a/**/c.ts', 'a/c.ts', true],
    ['a/**', 'a/b/c', true],
    ['[a-c]?[!x]', 'bzy', true],
    ['[a-c]?[!x]', 'bzx', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a{b,{c,d}}', 'ad', true],
    ['[]x]', ']', true],
    ['[', '[', true],
  ])('%s for %s', (glob, name, fits) => {
    bench = makeBench();
    expect(makeGlob(glob)(name)).toBe(fits);
  });
});

describe('.gitignore', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '*.log',
      '/a',
      'a/',
      '!a',
      'b/*',
      '!b/c',
      '**/d',
      'a/**',
      '# no',
      '',
      '!*.log',
      'c/**/d',
      '\\!x',
      '[ab]?',
      'd  ',
      'x\\ ',
      '*/b',
      '/*',
      '!/c',
      '**',
      'b/**/',
    ),
    fc.stringMatching(/^!?\/?[abcd*]{1,2}(\/[abcd*]{1,2})?\/?$/),
  );
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'a.log', 'ab', '!x', 'x ');
  const file = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

  it.skipIf(!hasProgram('git'))(`leaves out what git leaves out (seed ${seed})`, async () => {
    bench = makeBench();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 5 }),
        fc.option(fc.record({ folder: name, lines: fc.array(line, { maxLength: 3 }) })),
        fc.uniqueArray(file, { minLength: 1, maxLength: 12 }),
        async (lines, nested, files) => {
          const root = path.join(bench.root, `git${round++}`);
          mkdirSync(root);
          execFileSync('git', ['init', '-q', root]);
          writeFileSync(path.join(root, '.gitignore'), `${lines.join('\n')}\n`);
          for (const one of files) put(root, one, '');
          if (nested) put(root, `${nested.folder}/.gitignore`, `${nested.lines.join('\n')}\n`);
          const listed = execFileSync(
            'git',
            ['-C', root, '-c', 'core.excludesFile=/dev/null', 'ls-files', '-z', '-co', '--exclude-standard'],
            { encoding: 'utf8' },
          );
          const found: string[] = [];
          for await (const entry of walkTree(root, new AbortController().signal))
            if (entry.kind === 'file') found.push(entry.path);
          expect(found.toSorted()).toEqual(listed.split('\0').filter(Boolean).toSorted());
        },
      ),
      { seed, numRuns: process.env['HERALD_TEST_FULL'] === '1' ? 100 : 6 },
    );
  });
});

/** Where a folder of that name is in the way, the file is left out. */
function put(root: string, file: string, content: string): void {
  try {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), content);
  } catch {
    // As said.
  }
}
