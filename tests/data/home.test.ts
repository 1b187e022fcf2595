// A home that cannot be written. Root may write everywhere, so as root the checks run in a child process of another user.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openData } from '../../data/db.ts';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';
import { takeWriterLock } from '../../data/lock.ts';
import { temporaryFolder } from './temporary-data.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Code and message of the error that `script` throws when run as a user without rights; 'nothing' when it throws none. */
function errorOf(script: string, home: string): string {
  const source = `
    import { openData } from ${JSON.stringify(path.resolve('data/db.ts'))};
    import { ensureDir, writeFileAtomic } from ${JSON.stringify(path.resolve('data/files.ts'))};
    import { takeWriterLock } from ${JSON.stringify(path.resolve('data/lock.ts'))};
    const home = ${JSON.stringify(home)};
    try { ${script}; console.log('nothing'); } catch (error) { console.log(error.code, error.message); }`;
  const result = spawnSync(process.execPath, ['--input-type=module', '--eval', source], {
    encoding: 'utf8',
    cwd: process.cwd(),
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout.trim();
}

/** A folder that others may read, with the given mode in the end. */
async function makeHome(mode: number, withData: boolean): Promise<string> {
  const home = temporaryFolder();
  if (withData) await (await openData({ home })).close();
  const everything = [home, ...fs.readdirSync(home).map((name) => path.join(home, name))];
  if (isRoot) for (const file of everything.slice(1)) fs.chmodSync(file, 0o644);
  fs.chmodSync(home, mode);
  onTestFinished(() => fs.chmodSync(home, 0o700));
  return home;
}

/** Another user can only run the checks where they may read this checkout. */
const canRunAsOther =
  !isRoot || spawnSync('test', ['-r', path.resolve('data/db.ts')], { uid: NOBODY, gid: NOBODY }).status === 0;

const cases: readonly [string, boolean, string][] = [
  ['a new database', false, 'await openData({ home })'],
  ['an existing database', true, 'await openData({ home })'],
  ['a new folder', false, "ensureDir(home + '/below')"],
  ['a file', false, "writeFileAtomic(home + '/config.yaml', 'x')"],
  ['the writer lock', false, "takeWriterLock(home, { pid: 1, startedAt: 1, purpose: 'gateway' })"],
];

test.skipIf(!canRunAsOther).each(cases)(
  '%s in a read-only home: home_unwritable, naming it',
  async (_name, withData, script) => {
    const home = await makeHome(0o555, withData);
    const before = fs.readdirSync(home).toSorted();
    const said = errorOf(script, home);
    expect(said).toMatch(/^home_unwritable Cannot write /);
    expect(said).toContain(home);
    expect(said).toContain('HERALD_HOME');
    expect(fs.readdirSync(home).toSorted()).toEqual(before);
  },
);

test.skipIf(!canRunAsOther)(
  'a database file without write permission in a writable home: home_unwritable',
  async () => {
    const home = await makeHome(0o777, true);
    for (const name of fs.readdirSync(home)) fs.chmodSync(path.join(home, name), 0o444);
    expect(errorOf('await openData({ home })', home)).toMatch(/^home_unwritable /);
  },
);

test('a home below a file', async () => {
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, '');
  const home = path.join(file, 'home');
  await expect(openData({ home })).rejects.toMatchObject({ code: 'home_unwritable' });
  expect(() => takeWriterLock(home, { pid: 1, startedAt: 1, purpose: 'x' })).toThrow(
    expect.objectContaining({ code: 'home_unwritable' }),
  );
  expect(() => ensureDir(home)).toThrow(expect.objectContaining({ code: 'home_unwritable' }));
});

test('writeFileAtomic replaces whole files, privately, and cleans up when it cannot', () => {
  const home = temporaryFolder();
  const file = path.join(home, 'config');
  writeFileAtomic(file, 'one');
  writeFileAtomic(file, new Uint8Array([116, 119, 111]));
  expect(fs.readFileSync(file, 'utf8')).toBe('two');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  fs.mkdirSync(path.join(home, 'folder', 'full'), { recursive: true });
  expect(() => writeFileAtomic(path.join(home, 'folder'), 'x')).toThrow(
    expect.objectContaining({ code: 'home_unwritable' }),
  );
  expect(fs.readdirSync(home).toSorted()).toEqual(['config', 'folder']);
});

test('fileError tells a full disk from other trouble and passes own errors on', () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });
  for (const code of ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'])
    expect(fileError(withCode(code), '/f')).toMatchObject({ code: 'disk_full', retryable: true });
  for (const code of ['EACCES', 'EROFS', 'SQLITE_READONLY', 'SQLITE_IOERR_WRITE'])
    expect(fileError(withCode(code), path.join(os.tmpdir(), 'f'))).toMatchObject({ code: 'home_unwritable' });
  const own = fileError(withCode('ENOSPC'), '/f');
  expect(fileError(own, '/g')).toBe(own);
});
