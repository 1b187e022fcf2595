import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { sql } from 'kysely';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openData, type OpenedData } from '../../data/db.ts';
import { writeFileAtomic } from '../../data/files.ts';
import { writeAudit } from '../../data/process/audit.ts';
import { insertInbox, listInbox } from '../../data/process/inbox.ts';
import { AppError } from '../../shared/errors.ts';
import { makeEvent } from './conversation.ts';
import { temporaryFolder } from './temporary-data.ts';

const LONG = 'x'.repeat(20_000);

/** Stores messages until the disk is full. Returns how many were acknowledged, and the error. */
async function fill(opened: OpenedData): Promise<{ acknowledged: number; error: unknown }> {
  for (let acknowledged = 0; acknowledged < 5_000; acknowledged++)
    try {
      await insertInbox(opened.db, makeEvent({}, LONG));
    } catch (error) {
      return { acknowledged, error };
    }
  throw new Error('the disk never became full');
}

async function expectFullAndNothingLost(home: string, opened: OpenedData): Promise<void> {
  const { acknowledged, error } = await fill(opened);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({
    code: 'disk_full',
    retryable: true,
    publicMessage: expect.stringMatching(/No space left.*free some space/s),
  });
  expect(acknowledged).toBeGreaterThan(10);
  // A transaction that hits the limit rolls back as a whole, and says why, not that the rollback failed.
  const half = opened.db.query.transaction().execute(async (trx) => {
    for (let i = 0; i < 100; i++) await writeAudit(opened.db, { actor: 'x', action: 'half', subject: LONG }, trx);
  });
  await expect(half).rejects.toMatchObject({ code: 'disk_full' });
  // Reading goes on, and so does the handle.
  expect(await listInbox(opened.db, { state: 'received', limit: 10_000 })).toHaveLength(acknowledged);
  await opened.close();
  const again = await openData({ home });
  expect(await listInbox(again.db, { state: 'received', limit: 10_000 })).toHaveLength(acknowledged);
  expect((await sql`select * from audit`.execute(again.db.query)).rows).toEqual([]);
  await again.close();
}

test('at the size limit: disk_full, and what was acknowledged is there', async () => {
  const home = temporaryFolder();
  await expectFullAndNothingLost(home, await openData({ home, maxBytes: 2_000_000 }));
});

test('when there is room again it goes on', async () => {
  const home = temporaryFolder();
  const small = await openData({ home, maxBytes: 1_000_000 });
  const { acknowledged } = await fill(small);
  await small.close();
  const large = await openData({ home });
  onTestFinished(() => large.close());
  await insertInbox(large.db, makeEvent({}, LONG));
  expect(await listInbox(large.db, { state: 'received', limit: 10_000 })).toHaveLength(acknowledged + 1);
});

describe('on a real file system of 8 MB', () => {
  /** undefined where this user may not mount one. */
  const mount = (): string | undefined => {
    const folder = fs.mkdtempSync('/tmp/herald-small-disk-');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      fs.rmdirSync(folder);
      return undefined;
    }
    return folder;
  };
  const unmount = (folder: string) => {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    fs.rmdirSync(folder);
  };

  test('disk_full, and what was acknowledged is there', async (context) => {
    const folder = mount();
    if (folder === undefined) return context.skip('this user may not mount a file system');
    onTestFinished(() => unmount(folder));
    const home = path.join(folder, 'home');
    await expectFullAndNothingLost(home, await openData({ home }));
  });

  test('files and a new database say the same, and leave nothing half written', async (context) => {
    const folder = mount();
    if (folder === undefined) return context.skip('this user may not mount a file system');
    onTestFinished(() => unmount(folder));
    writeFileAtomic(path.join(folder, 'config'), 'old');
    const { bavail, bsize } = fs.statfsSync(folder);
    fs.writeFileSync(path.join(folder, 'ballast'), Buffer.alloc((bavail - 2) * bsize));
    expect(() => writeFileAtomic(path.join(folder, 'config'), LONG)).toThrow(
      expect.objectContaining({ code: 'disk_full' }),
    );
    expect(fs.readFileSync(path.join(folder, 'config'), 'utf8')).toBe('old');
    await expect(openData({ home: path.join(folder, 'home') })).rejects.toMatchObject({ code: 'disk_full' });
    expect(fs.readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});
