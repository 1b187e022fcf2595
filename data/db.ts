// Opens the database: lock, integrity, migrations with a backup before each, and the Kysely handle.
// `Db` reads with a Scope; `ProcessDb` is the gateway's own handle for the queues, which the agent never gets.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, type Transaction } from 'kysely';
import { systemClock, type Clock } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { makeDialect, type StatementObserver } from './query/dialect.ts';
import { ensureDir, fileError } from './files.ts';
import { ALWAYS_FLUSHED, openFlusher, type Flusher, type SyncFile } from './flush.ts';
import { migrations as ownMigrations, type Migration } from './migrations/index.ts';
import type { Tables } from './schema.ts';
import { makeWriteCounter, type TableWrites } from './query/table-writes.ts';
import { corruptMessage, databaseError, isStorageFailure } from './storage-errors.ts';

declare const processOnly: unique symbol;

/** Query handle: the connection or a transaction on it. */
export type Query = Kysely<Tables> | Transaction<Tables>;

export interface Db {
  readonly query: Kysely<Tables>;
  readonly clock: Clock;
  /** To be awaited before anything leaves the process that follows from what was written; see Flusher. */
  readonly flush: Flusher['flush'];
  /** Says when something that was read is out of date. */
  readonly writes: TableWrites;
}

/** Handle of the process itself, for inbox, outbox, turns, people and routes, which serve everyone. */
export interface ProcessDb extends Db {
  readonly [processOnly]: true;
}

export interface OpenedData {
  db: ProcessDb;
  /** Online copy of the whole database to `file`; safe while it is in use. */
  backup(file: string): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  home: string;
  clock?: Clock;
  /** Prepared statements kept, the longest unused go first; 0 = no cache. Default 500. */
  statementCache?: number;
  /** Largest size of the database file in bytes; beyond it writes fail with `disk_full`. Default: as the disk allows. */
  maxBytes?: number;
  /** Default: those of this version. */
  migrations?: readonly Migration[];
  /** Sees every writing statement just before and just after it: crash tests kill the process there. */
  observe?: StatementObserver | undefined;
  /** Default: fdatasync on a thread of its own. Tests that turn their own clock do not wait for disks. */
  syncFile?: SyncFile | undefined;
}

export const DATABASE_FILE = 'herald.db';
const BACKUPS_DIR = 'backups';

/**
 * Opens `$HERALD_HOME/herald.db`; the caller holds the writer lock. Throws AppError `home_unwritable`, `disk_full`, `db_corrupt`,
 * `db_newer`, `db_locked`. A damaged or newer file is left as it is, byte for byte. Statements reject with the same errors later on.
 */
export async function openData(options: OpenOptions): Promise<OpenedData> {
  ensureDir(options.home);
  const file = path.join(options.home, DATABASE_FILE);
  const migrations = options.migrations ?? ownMigrations;
  checkFile(file, migrations.length);
  const raw = openFile(file, options.maxBytes);
  const flusher = hasLog(raw) ? openFlusher(`${file}-wal`, options.syncFile) : ALWAYS_FLUSHED;
  const writes = makeWriteCounter(raw);
  const dialect = makeDialect(raw, file, { ...options, writes, committed: () => flusher.committed() });
  const query = new Kysely<Tables>({ dialect });
  const close = async () => {
    await flusher.close();
    await query.destroy();
    raw.close(); // Kysely closes it only when it ran a query
  };
  try {
    await migrate(raw, query, { file, migrations });
    const handle: Db = { query, clock: options.clock ?? systemClock, flush: () => flusher.flush(), writes };
    return { db: handle as ProcessDb, backup: (target) => backupTo(file, target), close };
  } catch (error) {
    await close();
    throw databaseError(error, file);
  }
}

/** Looks at an existing file through a connection that cannot write: opening a damaged file for writing could change it. */
function checkFile(file: string, knownVersion: number): void {
  if (!fs.existsSync(file)) return;
  try {
    const damage = findOutsideDamage(file);
    if (damage !== undefined) throw new AppError('db_corrupt', corruptMessage(file), { cause: new Error(damage) });
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
    const raw = new Database(file, { readonly: true, timeout: 5_000 });
    try {
      const check = raw.pragma('quick_check(1)', { simple: true });
      if (check !== 'ok') throw new AppError('db_corrupt', corruptMessage(file), { cause: new Error(String(check)) });
      const version = schemaVersion(raw);
      if (version > knownVersion) throw new AppError('db_newer', newerMessage(file, version, knownVersion));
    } finally {
      raw.close();
    }
  } catch (error) {
    throw databaseError(error, file);
  }
}

/** Damage that SQLite itself passes over: what was stored would be gone without a word. */
function findOutsideDamage(file: string): string | undefined {
  const info = fs.statSync(file);
  if (!info.isFile()) return 'it is not a file';
  // An empty file is what a first start on a full disk leaves; copies tell that there was more once.
  if (info.size === 0 && hasBackups(path.dirname(file))) return 'it is empty';
  const log = `${file}-wal`;
  if (fs.existsSync(log) && !isWriteLog(log)) return 'its log of writes is damaged';
  return undefined;
}

function hasBackups(home: string): boolean {
  const folder = path.join(home, BACKUPS_DIR);
  return fs.existsSync(folder) && fs.readdirSync(folder).some((name) => name.endsWith('.db'));
}

/** By its first four bytes, https://www.sqlite.org/fileformat2.html#the_write_ahead_log (read 2026-11-21). Zeros are no loss: nothing was committed. */
function isWriteLog(log: string): boolean {
  const head = Buffer.alloc(4);
  const fd = fs.openSync(log, 'r');
  try {
    if (fs.readSync(fd, head) < head.length) return true;
  } finally {
    fs.closeSync(fd);
  }
  return [0, 0x377f0682, 0x377f0683].includes(head.readUInt32BE());
}

function openFile(file: string, maxBytes: number | undefined): Database.Database {
  let raw: Database.Database | undefined;
  try {
    const fresh = !fs.existsSync(file);
    raw = new Database(file, { timeout: 5_000 });
    if (fresh) fs.chmodSync(file, 0o600);
    raw.pragma('journal_mode = wal');
    // With a write-ahead log the file stays whole whatever happens, and `flush` keeps what must survive a power cut. Some file
    // systems cannot have one; then each commit waits for the disk.
    raw.pragma(hasLog(raw) ? 'synchronous = normal' : 'synchronous = full');
    raw.pragma('foreign_keys = on');
    raw.pragma('journal_size_limit = 67108864');
    // 16 MB instead of 4: pages that are written again and again are copied into the file less often, and nobody waits for it as often.
    raw.pragma('wal_autocheckpoint = 4000');
    raw.pragma('cache_size = -8000');
    if (maxBytes !== undefined) {
      const pageBytes = Number(raw.pragma('page_size', { simple: true }));
      raw.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
    }
    return raw;
  } catch (error) {
    raw?.close();
    throw databaseError(error, file);
  }
}

function hasLog(raw: Database.Database): boolean {
  return raw.pragma('journal_mode', { simple: true }) === 'wal';
}

function schemaVersion(raw: Database.Database): number {
  const version = raw.pragma('user_version', { simple: true });
  return typeof version === 'number' ? version : 0;
}

async function migrate(
  raw: Database.Database,
  query: Kysely<Tables>,
  { file, migrations }: { file: string; migrations: readonly Migration[] },
): Promise<void> {
  const version = schemaVersion(raw);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    if (version > 0) await backupTo(file, path.join(path.dirname(file), BACKUPS_DIR, `before-${migration.name}.db`));
    await query.transaction().execute(async (trx) => {
      await migration.up(trx);
      raw.pragma(`user_version = ${index + 1}`); // part of the transaction
    });
  }
}

/** Copies the database as it was at one moment, while it is in use. */
async function backupTo(file: string, target: string): Promise<void> {
  ensureDir(path.dirname(target));
  const temporary = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  let source: Database.Database | undefined;
  try {
    fs.closeSync(fs.openSync(temporary, 'wx', 0o600));
    source = new Database(file, { readonly: true, timeout: 5_000 });
    // A connection and a read transaction of its own: the copy sees whole transactions only, and writes meanwhile do not restart it.
    source.exec('begin');
    source.prepare('select count(*) from sqlite_master').get();
    await source.backup(temporary);
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw isStorageFailure(error) ? databaseError(error, target) : fileError(error, target);
  } finally {
    source?.close();
  }
}

function newerMessage(file: string, version: number, known: number): string {
  const home = path.dirname(file);
  return (
    `The database in ${home} was written by a newer Herald (schema ${version}, this one knows ${known}). It was left as it is. ` +
    `Update Herald, or restore a file of ${path.join(home, BACKUPS_DIR)}.`
  );
}
