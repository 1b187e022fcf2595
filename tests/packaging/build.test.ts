// `npm run build`: what comes out runs by itself.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { build, copyAssets } from '../../packaging/build.ts';

/** Of our code for `herald version`; all of it is 4 MB. */
const QUICK_BYTES = 300_000;
const ROOT = path.join(import.meta.dirname, '../..');

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'herald-build-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .toSorted();
}

function writeTree(root: string, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
}

test('copies what is no code, of the folders that are built, and nothing else', () => {
  const root = makeFolder();
  writeTree(root, {
    'adapters/web/adapter.ts': '',
    'adapters/web/page/index.html': '<p>',
    'adapters/web/page/app.js': 'x',
    'adapters/web/.env': 'SECRET=1',
    'skills/builtin/notes/SKILL.md': '# Notes',
    'tests/fixtures/a.json': '{}',
  });
  const target = path.join(root, 'dist');
  copyAssets(root, target);
  expect(filesOf(target)).toEqual([
    'adapters/web/page/app.js',
    'adapters/web/page/index.html',
    'skills/builtin/notes/SKILL.md',
  ]);
  expect(readFileSync(path.join(target, 'adapters/web/page/index.html'), 'utf8')).toBe('<p>');
});

describe('what is built', () => {
  let folder: string;
  let files: readonly string[];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'herald-build-'));
    files = await build(ROOT, path.join(folder, 'dist'));
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    cpSync(path.join(ROOT, 'bin'), path.join(folder, 'bin'), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is JavaScript and what is no code, without leftovers of a build before', async () => {
    writeFileSync(path.join(folder, 'dist/chunks/old.js'), 'left');
    expect(await build(ROOT, path.join(folder, 'dist'))).toEqual(files);
    expect(filesOf(path.join(folder, 'dist'))).toEqual(files);
    expect(files.filter((name) => name.endsWith('.ts'))).toEqual([]);
    for (const name of ['cli/main.js', 'adapters/web/page/index.html', 'gateway/voice/sample.ogg'])
      expect(files).toContain(name);
    expect(files.some((name) => /^skills\/builtin\/.*SKILL\.md$/.test(name))).toBe(true);
  });

  test('runs outside of the checkout, without type stripping; a quick command loads little', () => {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')));
    const loaded = path.join(folder, 'loaded.txt');
    const recorder = new URL('../cli/module-recorder.ts', import.meta.url).href;
    const env = { PATH: process.env['PATH'], HERALD_HOME: path.join(folder, 'home'), MODULES_FILE: loaded };
    const options = { encoding: 'utf8', env, timeout: 15_000 } as const;
    const main = path.join(folder, 'dist/cli/main.js');
    const plain = ['--no-experimental-strip-types', main, 'version'];
    expect(execFileSync(process.execPath, plain, options)).toContain(version);
    execFileSync(process.execPath, ['--import', recorder, main, 'version'], options);
    const own = readFileSync(loaded, 'utf8')
      .split('\n')
      .filter((url) => url.startsWith(pathToFileURL(path.join(folder, 'dist')).href));
    const bytes = own.reduce((sum, url) => sum + statSync(fileURLToPath(url)).size, 0);
    expect(own.length).toBeGreaterThan(1);
    expect(bytes).toBeLessThan(QUICK_BYTES);
  });
});
