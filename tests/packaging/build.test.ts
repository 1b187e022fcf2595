// `npm run build`: what comes out runs by itself.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { copyAssets } from '../../packaging/copy-assets.ts';

const ROOT = path.join(import.meta.dirname, '../..');

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'herald-build-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writeTree(root: string, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
}

test('copies what tsc leaves behind, of the folders that are built, and nothing else', () => {
  const root = makeFolder();
  writeTree(root, {
    'tsconfig.build.json': '{ "include": ["adapters", "skills", "not-there"] }',
    'adapters/web/adapter.ts': '',
    'adapters/web/page/index.html': '<p>',
    'adapters/web/page/app.js': 'x',
    'adapters/web/.env': 'SECRET=1',
    'skills/builtin/notes/SKILL.md': '# Notes',
    'tests/fixtures/a.json': '{}',
  });
  const target = path.join(root, 'dist');
  expect(copyAssets(root, target)).toEqual([
    'adapters/web/page/app.js',
    'adapters/web/page/index.html',
    'skills/builtin/notes/SKILL.md',
  ]);
  expect(readFileSync(path.join(target, 'adapters/web/page/index.html'), 'utf8')).toBe('<p>');
  expect(readdirSync(target, { recursive: true }).filter((name) => String(name).includes('.')).length).toBe(3);
});

test('a build without folders is an error, not an empty package', () => {
  const root = makeFolder();
  writeTree(root, { 'tsconfig.build.json': '{ "include": [] }' });
  expect(() => copyAssets(root, path.join(root, 'dist'))).toThrow('includes no folders');
});

test(
  'the built command runs under plain Node, without type stripping and outside of the checkout',
  { timeout: 90_000 },
  () => {
    const folder = makeFolder();
    const dist = path.join(folder, 'dist');
    const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
    const built = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', dist], {
      cwd: ROOT,
      timeout: 60_000,
      encoding: 'utf8',
    });
    expect(built.status, built.stdout).toBe(0);
    const assets = copyAssets(ROOT, dist);
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    const emitted = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    expect(emitted.filter((name) => name.endsWith('.ts'))).toEqual([]);
    for (const asset of assets) expect(existsSync(path.join(dist, asset)), asset).toBe(true);
    expect(assets.some((asset) => asset.endsWith('index.html'))).toBe(true);
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')));
    const command = ['--no-experimental-strip-types', path.join(dist, 'cli/main.js')];
    const env = { PATH: process.env['PATH'], HERALD_HOME: path.join(folder, 'home') };
    expect(
      execFileSync(process.execPath, [...command, 'version'], { encoding: 'utf8', env, timeout: 15_000 }),
    ).toContain(version);
  },
);
