// The lock is held by real processes: what counts is what the kernel does when one of them dies.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { findLiveOwner, takeWriterLock, type LockOwner } from '../../data/lock.ts';
import { temporaryFolder } from './temporary-data.ts';

const owner = (purpose = 'gateway'): LockOwner => ({ pid: process.pid, startedAt: 1, purpose });

/** A process that holds the lock of `home` until it is told to go; resolves when it does. */
async function startHolder(home: string): Promise<ChildProcess & { pid: number }> {
  const source = `
    import { takeWriterLock } from ${JSON.stringify(path.resolve('data/lock.ts'))};
    process.on('uncaughtException', (error) => { console.log(error.code); process.exit(1); });
    const lock = takeWriterLock(${JSON.stringify(home)}, { pid: process.pid, startedAt: 1, purpose: 'gateway' });
    lock.describe({ socket: '/tmp/x.sock' });
    console.log('held');
    process.stdin.once('data', () => { lock.release(); process.exit(0); });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (!child.stdout) throw new Error('no output to read');
  const [line] = await once(createInterface(child.stdout), 'line');
  if (line !== 'held' || child.pid === undefined) throw new Error(`holder said ${String(line)}`);
  return Object.assign(child, { pid: child.pid });
}

const locked = (pid: number | string): unknown =>
  expect.objectContaining({ code: 'db_locked', publicMessage: expect.stringContaining(String(pid)) });

test('a second process is told who owns the data', async () => {
  const home = temporaryFolder();
  const child = await startHolder(home);
  expect(findLiveOwner(home)).toEqual({ pid: child.pid, startedAt: 1, purpose: 'gateway', socket: '/tmp/x.sock' });
  expect(() => takeWriterLock(home, owner())).toThrow(locked(child.pid));
  // Losing does not take the name of the winner away.
  expect(findLiveOwner(home)?.pid).toBe(child.pid);
});

test('kill -9 frees the lock at once, though the owner file still names the dead', async () => {
  const home = temporaryFolder();
  const child = await startHolder(home);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(fs.readFileSync(path.join(home, 'writer.json'), 'utf8')).toContain(String(child.pid));
  expect(findLiveOwner(home)).toBeUndefined();
  const lock = takeWriterLock(home, owner('chat'));
  onTestFinished(() => lock.release());
  expect(findLiveOwner(home)).toEqual(owner('chat'));
});

test('an orderly end leaves no owner behind', async () => {
  const home = temporaryFolder();
  const child = await startHolder(home);
  child.stdin?.write('go\n');
  await once(child, 'exit');
  expect(findLiveOwner(home)).toBeUndefined();
  expect(fs.existsSync(path.join(home, 'writer.json'))).toBe(false);
});

test('of two processes that start at the same time one gets it', async () => {
  const home = temporaryFolder();
  const results = await Promise.allSettled([startHolder(home), startHolder(home), startHolder(home)]);
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ message: 'holder said db_locked' });
});

test('within one process too', () => {
  const home = temporaryFolder();
  const first = takeWriterLock(home, owner());
  onTestFinished(() => first.release());
  expect(() => takeWriterLock(home, owner('backup'))).toThrow(locked(process.pid));
  first.release();
  const second = takeWriterLock(home, owner('backup'));
  // The first one is done with: releasing it again does not unname the second.
  first.release();
  expect(findLiveOwner(home)).toEqual(owner('backup'));
  second.release();
  expect(findLiveOwner(home)).toBeUndefined();
});

test('looking for the owner does not keep anybody from starting', () => {
  const home = temporaryFolder();
  takeWriterLock(home, owner()).release();
  // A reader that is just looking, as findLiveOwner does.
  const looker = new Database(path.join(home, 'writer.lock'), { readonly: true });
  onTestFinished(() => void looker.close());
  looker.prepare('select count(*) from sqlite_master').get();
  expect(findLiveOwner(home)).toBeUndefined();
  const lock = takeWriterLock(home, owner());
  lock.release();
});

test('a home that nobody ever used has no owner, and looking does not create it', () => {
  const home = path.join(temporaryFolder(), 'none');
  expect(findLiveOwner(home)).toBeUndefined();
  expect(fs.existsSync(home)).toBe(false);
  takeWriterLock(home, owner()).release();
  expect(fs.statSync(home).mode & 0o777).toBe(0o700);
});

test('a held lock whose owner file is damaged or missing is still a held lock', () => {
  const home = temporaryFolder();
  const lock = takeWriterLock(home, owner());
  onTestFinished(() => lock.release());
  for (const content of ['', '{"pid":', '[]', '{"pid":"x"}']) {
    fs.writeFileSync(path.join(home, 'writer.json'), content);
    expect(() => findLiveOwner(home), content).toThrow(locked('Another process'));
    expect(() => takeWriterLock(home, owner())).toThrow(locked('Another process'));
  }
  fs.rmSync(path.join(home, 'writer.json'));
  expect(() => findLiveOwner(home)).toThrow(locked('Another process'));
  lock.describe({ url: 'http://127.0.0.1:1' });
  expect(findLiveOwner(home)).toEqual({ ...owner(), url: 'http://127.0.0.1:1' });
});

test('nobody else can open the lock file, even in a home that others may look into', () => {
  const home = temporaryFolder();
  fs.chmodSync(home, 0o755);
  const file = path.join(home, 'writer.lock');
  fs.writeFileSync(file, '', { mode: 0o644 });
  fs.chmodSync(file, 0o644);
  const lock = takeWriterLock(home, owner());
  onTestFinished(() => lock.release());
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
});
