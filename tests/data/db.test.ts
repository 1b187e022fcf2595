import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { DATABASE_FILE, openData } from '../../data/db.ts';
import { migrations, type Migration } from '../../data/migrations/index.ts';
import { writeAudit, listAudit } from '../../data/process/audit.ts';
import { getCursor, setCursor } from '../../data/process/cursors.ts';
import { openTemporaryData, temporaryFolder } from './temporary-data.ts';

const cursor = (value: string) => ({ platform: 'p', account: 'a', key: 'k', value });

/** Makes a database with `rows` audit rows and returns its file. */
async function makeDatabase(rows = 2_000): Promise<{ home: string; file: string }> {
  const home = temporaryFolder();
  const { db, close } = await openData({ home });
  await db.query.transaction().execute(async (trx) => {
    for (let i = 0; i < rows; i++)
      await writeAudit(db, { actor: 'test', action: 'fill', subject: 'x'.repeat(200) }, trx);
  });
  await close();
  return { home, file: path.join(home, DATABASE_FILE) };
}

function addTable(name: string): Migration {
  return { name, up: async (db) => void (await sql.raw(`create table "${name}" (x)`).execute(db)) };
}

describe('openData', () => {
  test('makes a private file in WAL mode that survives power cuts and keeps references', async () => {
    const { db, home } = await openTemporaryData();
    const pragma = async (name: string) =>
      Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db.query)).rows[0] ?? {})[0];
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(1); // power cuts are the business of flush
    expect(await pragma('foreign_keys')).toBe(1);
    expect(await pragma('busy_timeout')).toBe(5_000);
    expect(await pragma('user_version')).toBe(migrations.length);
    expect(fs.statSync(path.join(home, DATABASE_FILE)).mode & 0o777).toBe(0o600);
    await expect(sql`insert into identities values ('p','a','u','nobody','n',1)`.execute(db.query)).rejects.toThrow(
      /FOREIGN KEY/,
    );
  });

  test('creates the folder, and finds everything again', async () => {
    const home = path.join(temporaryFolder(), 'deep', 'home');
    const first = await openData({ home });
    await setCursor(first.db, cursor('1'));
    await first.close();
    expect(fs.statSync(home).mode & 0o777).toBe(0o700);
    const second = await openTemporaryData({ home });
    expect(await getCursor(second.db, 'p', 'a', 'k')).toBe('1');
  });

  test.skipIf(!fs.existsSync('/proc/self/fd'))(
    'closes the file also when nothing was asked of it, and may be closed twice',
    async () => {
      const { home } = await makeDatabase(1);
      const { close } = await openData({ home });
      await close();
      await close();
      const open = fs.readdirSync('/proc/self/fd').map((fd) => readLink(`/proc/self/fd/${fd}`));
      expect(open.filter((file) => file.startsWith(home))).toEqual([]);
    },
  );
});

function readLink(file: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    return ''; // the descriptor of the listing itself
  }
}

describe('a damaged file', () => {
  const damage: readonly [string, (file: string) => void][] = [
    ['a broken header', (file) => overwrite(file, 0, Buffer.from('This is not a database'))],
    [
      'garbage in all pages but the first',
      (file) => overwrite(file, 4096, Buffer.alloc(fs.statSync(file).size - 4096, 0xa5)),
    ],
    ['a truncated file', (file) => fs.truncateSync(file, 20_000)],
    ['a file cut inside its header', (file) => fs.truncateSync(file, 60)],
    ['another kind of file', (file) => fs.writeFileSync(file, 'hello\n'.repeat(1000))],
  ];
  test.each(damage)('%s: db_corrupt, and the file stays as it is', async (_name, spoil) => {
    const { home, file } = await makeDatabase();
    spoil(file);
    const before = fs.readFileSync(file);
    await expect(openData({ home })).rejects.toMatchObject({
      code: 'db_corrupt',
      publicMessage: expect.stringMatching(/left as it is.*backups/s),
    });
    expect(fs.readFileSync(file).equals(before)).toBe(true);
  });

  test('with a write-ahead log beside it: neither is touched', async () => {
    const { home, file } = await makeDatabase();
    const raw = new Database(file);
    raw.pragma('wal_autocheckpoint = 0');
    raw.exec(`insert into meta values ('a', 'b')`);
    const wal = fs.readFileSync(`${file}-wal`);
    const main = fs.readFileSync(file);
    raw.close();
    fs.writeFileSync(file, main.subarray(0, 20_000));
    fs.writeFileSync(`${file}-wal`, wal);
    await expect(openData({ home })).rejects.toMatchObject({ code: 'db_corrupt' });
    expect(fs.readFileSync(file).equals(main.subarray(0, 20_000))).toBe(true);
    expect(fs.readFileSync(`${file}-wal`).equals(wal)).toBe(true);
  });

  test('whose log of writes is garbage: db_corrupt, though SQLite would pass over it', async () => {
    const { home, file } = await makeDatabase();
    fs.writeFileSync(`${file}-wal`, Buffer.alloc(9_000, 0x61));
    await expect(openData({ home })).rejects.toMatchObject({ code: 'db_corrupt' });
    expect(fs.readFileSync(`${file}-wal`)).toEqual(Buffer.alloc(9_000, 0x61));
    // Zeros are what a power cut leaves of a log that nothing was committed to.
    fs.writeFileSync(`${file}-wal`, Buffer.alloc(9_000));
    await (await openData({ home })).close();
  });

  test('that is empty: db_corrupt where copies tell of more, a new one elsewhere', async () => {
    const { home, file } = await makeDatabase();
    const { backup, close } = await openData({ home });
    await backup(path.join(home, 'backups', 'good.db'));
    await close();
    fs.truncateSync(file, 0);
    await expect(openData({ home })).rejects.toMatchObject({ code: 'db_corrupt' });
    expect(fs.statSync(file).size).toBe(0);
    fs.rmSync(path.join(home, 'backups'), { recursive: true });
    await (await openData({ home })).close();
  });

  test('can be replaced by a backup', async () => {
    const { home, file } = await makeDatabase(50);
    const { backup, close } = await openData({ home });
    await backup(path.join(home, 'backups', 'good.db'));
    await close();
    fs.writeFileSync(file, 'broken');
    for (const side of ['-wal', '-shm']) fs.rmSync(file + side, { force: true });
    fs.copyFileSync(path.join(home, 'backups', 'good.db'), file);
    const again = await openTemporaryData({ home });
    expect(await listAudit(again.db, 100)).toHaveLength(50);
  });
});

function overwrite(file: string, at: number, bytes: Buffer): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.length, at);
  fs.closeSync(fd);
}

test('a file of a newer version is refused and left as it is', async () => {
  const { home, file } = await makeDatabase(10);
  const newer = [...migrations, addTable('9001-later')];
  await (await openData({ home, migrations: newer })).close();
  const before = fs.readFileSync(file);
  await expect(openData({ home })).rejects.toMatchObject({
    code: 'db_newer',
    publicMessage: expect.stringMatching(/newer Herald.*Update Herald/s),
  });
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

describe('migrations', () => {
  test('a copy from before each one is kept, and each runs once', async () => {
    const home = temporaryFolder();
    const first = await openData({ home });
    await setCursor(first.db, cursor('old'));
    await first.close();
    expect(fs.existsSync(path.join(home, 'backups'))).toBe(false);
    const list = [...migrations, addTable('9001-a'), addTable('9002-b')];
    for (let i = 0; i < 2; i++) await (await openData({ home, migrations: list })).close();
    expect(fs.readdirSync(path.join(home, 'backups')).toSorted()).toEqual(['before-9001-a.db', 'before-9002-b.db']);
    const tables = (file: string) => {
      const raw = new Database(path.join(home, 'backups', file), { readonly: true });
      const names = raw.prepare(`select name from sqlite_master where name glob '900*' order by 1`).pluck().all();
      const value = raw.prepare('select value from cursors').pluck().get();
      raw.close();
      return { names, value };
    };
    expect(tables('before-9001-a.db')).toEqual({ names: [], value: 'old' });
    expect(tables('before-9002-b.db').value).toBe('old');
    for (const file of fs.readdirSync(path.join(home, 'backups')))
      expect(fs.statSync(path.join(home, 'backups', file)).mode & 0o777).toBe(0o600);
  });

  test('one that fails changes nothing, and the next start tries it again', async () => {
    const { home } = await makeDatabase(1);
    const failing: Migration = {
      name: '9001-fails',
      async up(db) {
        await sql`create table half (x)`.execute(db);
        await sql`insert into no_such_table values (1)`.execute(db);
      },
    };
    await expect(openData({ home, migrations: [...migrations, failing] })).rejects.toMatchObject({ code: 'internal' });
    const { db } = await openTemporaryData({ home });
    expect((await sql`select name from sqlite_master where name = 'half'`.execute(db.query)).rows).toEqual([]);
    await openTemporaryData({ home, migrations: [...migrations, addTable('9001-works')] });
  });
});

describe('backup', () => {
  test('while transactions run it holds whole ones only, all that were acknowledged before, and is private', async () => {
    const { db, backup, home } = await openTemporaryData();
    // Two rows that always say the same; between the two statements they do not.
    const pair = (value: number) =>
      db.query.transaction().execute(async (trx) => {
        for (const key of ['a', 'b']) {
          await sql`insert into meta values (${key}, ${String(value)}) on conflict (key) do update set value = excluded.value`.execute(
            trx,
          );
          await new Promise((resolve) => setImmediate(resolve)); // a copy may be taken right here
        }
        await writeAudit(db, { actor: 'x', action: 'fill', subject: 'y'.repeat(2_000) }, trx);
      });
    // Large enough for many steps, so that a copy that begins again after each write never ends.
    await db.query.transaction().execute(async (trx) => {
      for (let i = 0; i < 3_000; i++)
        await writeAudit(db, { actor: 'x', action: 'fill', subject: 'y'.repeat(2_000) }, trx);
    });
    for (let i = 0; i < 20; i++) await pair(i);
    let written = 19;
    let writing = true;
    const writer = (async () => {
      while (writing && written < 20_000) {
        await pair(++written);
        await new Promise((resolve) => setImmediate(resolve)); // queries alone never let the event loop turn
      }
    })();
    for (let i = 0; i < 3; i++) {
      const acknowledged = written - 1;
      const file = path.join(home, 'copies', `${i}.db`);
      await backup(file);
      const copy = new Database(file, { readonly: true });
      const values = copy.prepare('select value from meta order by key').pluck().all();
      expect(values).toHaveLength(2);
      expect(values[0]).toBe(values[1]);
      expect(Number(values[0])).toBeGreaterThanOrEqual(acknowledged);
      expect(copy.pragma('integrity_check', { simple: true })).toBe('ok');
      copy.close();
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    }
    writing = false;
    await writer;
    expect(fs.readdirSync(path.join(home, 'copies')).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test('replaces an older copy, and a target that cannot be written is named and leaves nothing', async () => {
    const { backup, home } = await openTemporaryData();
    const file = path.join(home, 'copy.db');
    fs.writeFileSync(file, 'old');
    await backup(file);
    expect(fs.readFileSync(file).subarray(0, 6).toString()).toBe('SQLite');
    await expect(backup(path.join(file, 'below-a-file.db'))).rejects.toMatchObject({ code: 'home_unwritable' });
    fs.mkdirSync(path.join(home, 'folder.db'));
    await expect(backup(path.join(home, 'folder.db'))).rejects.toMatchObject({ code: 'home_unwritable' });
    expect(fs.readdirSync(home).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});

describe('transactions and statements', () => {
  test('two transactions on one handle run one after the other', async () => {
    const { db } = await openTemporaryData();
    const order: string[] = [];
    const slow = (name: string) =>
      db.query.transaction().execute(async (trx) => {
        for (let i = 0; i < 3; i++) {
          order.push(name);
          await sql`insert into meta values (${name + i}, '')`.execute(trx);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    await Promise.all([slow('a'), slow('b'), slow('c')]);
    expect(order.join('')).toBe('aaabbbccc');
  });

  test('a query beside a transaction waits for its end, and what is rolled back was never seen', async () => {
    const { db } = await openTemporaryData();
    const began = Promise.withResolvers<void>();
    const failing = db.query.transaction().execute(async (trx) => {
      await sql`insert into meta values ('x', '1')`.execute(trx);
      began.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('changed my mind');
    });
    await began.promise;
    const seen = await db.query.selectFrom('meta').selectAll().execute();
    await expect(failing).rejects.toThrow('changed my mind');
    expect(seen).toEqual([]);
  });

  test.each([0, 1, 3, 500])('a cache of %i statements changes no result', async (statementCache) => {
    const { db } = await openTemporaryData({ statementCache });
    for (let round = 0; round < 3; round++)
      for (let i = 0; i < 8; i++) {
        await setCursor(db, { platform: `p${i}`, account: 'a', key: 'k', value: `${round}.${i}` });
        expect(await getCursor(db, `p${i}`, 'a', 'k')).toBe(`${round}.${i}`);
        const many = await db.query
          .selectFrom('cursors')
          .select('platform')
          .where(
            'platform',
            'in',
            Array.from({ length: i + 1 }, (_, n) => `p${n}`),
          )
          .execute();
        expect(many).toHaveLength(i + 1);
      }
  });

  test('a kept statement sees a table that changed its columns', async () => {
    const { db } = await openTemporaryData();
    await sql`insert into meta values ('k', 'v')`.execute(db.query);
    const read = () => sql`select * from meta`.execute(db.query);
    expect((await read()).rows).toEqual([{ key: 'k', value: 'v' }]);
    await sql`alter table meta add column more text default 'm'`.execute(db.query);
    expect((await read()).rows).toEqual([{ key: 'k', value: 'v', more: 'm' }]);
  });

  test('the observer sees each writing statement before and after', async () => {
    const seen: string[] = [];
    const { db } = await openTemporaryData({ observe: (when, text) => seen.push(`${when} ${text.split(' ', 1)[0]}`) });
    seen.length = 0;
    await setCursor(db, cursor('1'));
    await getCursor(db, 'p', 'a', 'k');
    await db.query.transaction().execute((trx) => writeAudit(db, { actor: 'a', action: 'b', subject: 'c' }, trx));
    expect(seen).toEqual([
      'before insert',
      'after insert',
      'before begin',
      'after begin',
      'before insert',
      'after insert',
      'before commit',
      'after commit',
    ]);
  });
});
