// What survives a power cut: a flush covers every commit before it, shares its sync with others, and says when the disk failed.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DATABASE_FILE } from '../../data/db.ts';
import { openFlusher } from '../../data/flush.ts';
import { setCursor } from '../../data/process/cursors.ts';
import { openTemporaryData, temporaryFolder } from './temporary-data.ts';

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A flusher over a real file whose syncs end when the test says so. */
function makeRig() {
  const file = path.join(temporaryFolder(), 'log');
  fs.writeFileSync(file, '');
  const syncs: { end(error?: Error): void }[] = [];
  const flusher = openFlusher(
    file,
    () =>
      new Promise((resolve, reject) => {
        syncs.push({ end: (error) => (error ? reject(error) : resolve()) });
      }),
  );
  onTestFinished(async () => {
    for (const sync of syncs) sync.end();
    await flusher.close();
  });
  return { flusher, syncs };
}

/** Whether a promise is settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(
    () => (done = true),
    () => (done = true),
  );
  await tick();
  return done;
}

describe('flush', () => {
  test('asks nothing of the disk when nothing was committed since', async () => {
    const { flusher, syncs } = makeRig();
    await flusher.flush();
    expect(syncs).toHaveLength(0);
    flusher.committed();
    const flushed = flusher.flush();
    expect(await isDone(flushed)).toBe(false);
    syncs[0]?.end();
    await flushed;
    await flusher.flush();
    expect(syncs).toHaveLength(1);
  });

  test('joins the sync under way when that covers all commits', async () => {
    const { flusher, syncs } = makeRig();
    flusher.committed();
    const all = Promise.all([flusher.flush(), flusher.flush(), flusher.flush()]);
    await tick();
    expect(syncs).toHaveLength(1);
    syncs[0]?.end();
    await all;
    expect(syncs).toHaveLength(1);
  });

  test('of a later commit waits for a sync that began after it; all that wait share it', async () => {
    const { flusher, syncs } = makeRig();
    flusher.committed();
    const first = flusher.flush();
    flusher.committed();
    const later = [flusher.flush(), flusher.flush()];
    syncs[0]?.end();
    await first;
    expect(await isDone(Promise.race(later))).toBe(false);
    expect(syncs).toHaveLength(2);
    syncs[1]?.end();
    await Promise.all(later);
    expect(syncs).toHaveLength(2);
  });

  test('rejects when the disk failed, and tries again the next time', async () => {
    const { flusher, syncs } = makeRig();
    flusher.committed();
    const first = flusher.flush();
    flusher.committed();
    const later = flusher.flush();
    syncs[0]?.end(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    await expect(first).rejects.toMatchObject({ code: 'disk_full' });
    await tick();
    syncs[1]?.end(Object.assign(new Error('input/output error'), { code: 'EIO' }));
    await expect(later).rejects.toMatchObject({ name: 'AppError' });
    const again = flusher.flush();
    await tick();
    expect(syncs).toHaveLength(3);
    syncs[2]?.end();
    await again;
  });

  test('closing waits for a sync under way', async () => {
    const { flusher, syncs } = makeRig();
    flusher.committed();
    const flushed = flusher.flush();
    const closed = flusher.close();
    expect(await isDone(closed)).toBe(false);
    syncs[0]?.end();
    await Promise.all([flushed, closed]);
    await flusher.close();
  });
});

describe('a database', () => {
  test('is behind after a commit, and only then: a read or an open transaction asks nothing of the disk', async () => {
    let syncs = 0;
    const { db, home } = await openTemporaryData({
      async syncFile(fd) {
        expect(fs.fstatSync(fd).ino).toBe(fs.statSync(path.join(home, `${DATABASE_FILE}-wal`)).ino);
        syncs++;
      },
    });
    const write = (value: string) => setCursor(db, { platform: 'p', account: 'a', key: 'k', value });
    await db.flush();
    const atStart = syncs;
    await db.query.selectFrom('cursors').selectAll().execute();
    await db.flush();
    expect(syncs).toBe(atStart);
    await write('1');
    await db.flush();
    expect(syncs).toBe(atStart + 1);
    await db.query.transaction().execute(async (trx) => {
      await trx.deleteFrom('cursors').execute();
      await db.flush();
      expect(syncs).toBe(atStart + 1);
    });
    await db.flush();
    expect(syncs).toBe(atStart + 2);
  });

  test('really syncs its log', async () => {
    const { db } = await openTemporaryData();
    await setCursor(db, { platform: 'p', account: 'a', key: 'k', value: '1' });
    await db.flush();
  });
});
