// Opens the database: lock, integrity, migrations with a backup before each, and the Kysely handle.
// `Db` reads with a Scope; `ProcessDb` is the gateway's own handle for the queues, which the agent never gets.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect, type SqliteDatabase, type SqliteStatement, type Transaction } from 'kysely';
import { systemClock, type Clock } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { ensureDir, fileError } from './files.ts';
import { migrations } from './migrations/index.ts';
import type { Tables } from './schema.ts';

declare const processOnly: unique symbol;

/** Query handle: the connection or a transaction on it. */
export type Query = Kysely<Tables> | Transaction<Tables>;

export interface Db {
  readonly query: Kysely<Tables>;
  readonly clock: Clock;
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
  /** Prepared statements kept; 0 = no cache. Default 500. */
  statementCache?: number;
  /** Sees every writing statement just before and just after it: crash tests kill the process there. */
  observe?: StatementObserver | undefined;
}

export type StatementObserver = (when: 'before' | 'after', sql: string) => void;

export const DATABASE_FILE = 'herald.db';

/**
 * Opens `$HERALD_HOME/herald.db`; the caller holds the writer lock. Throws AppError `home_unwritable`, `disk_full`, `db_corrupt`,
 * `db_newer`.
 */
export async function openData(options: OpenOptions): Promise<OpenedData> {
  ensureDir(options.home);
  const file = path.join(options.home, DATABASE_FILE);
  const raw = openFile(file);
  try {
    const query = new Kysely<Tables>({
      dialect: new SqliteDialect({ database: cached(raw, options.statementCache ?? 500, options.observe) }),
    });
    await migrate(raw, query, options.home);
    const handle: Db = { query, clock: options.clock ?? systemClock };
    return {
      db: handle as ProcessDb,
      backup: (target) => backupTo(raw, target),
      close: async () => {
        await query.destroy();
      },
    };
  } catch (error) {
    raw.close();
    throw databaseError(error, file);
  }
}

function openFile(file: string): Database.Database {
  try {
    const fresh = !fs.existsSync(file);
    const raw = new Database(file, { timeout: 5_000 });
    if (fresh) fs.chmodSync(file, 0o600);
    raw.pragma('journal_mode = wal');
    raw.pragma('synchronous = full'); // an acknowledged message must survive a power cut
    raw.pragma('foreign_keys = on');
    raw.pragma('journal_size_limit = 67108864');
    raw.pragma('cache_size = -8000');
    const check = raw.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') throw new AppError('db_corrupt', corruptMessage(file), { cause: new Error(String(check)) });
    return raw;
  } catch (error) {
    throw databaseError(error, file);
  }
}

/** better-sqlite3 compiles a statement on each prepare; the core uses a few hundred distinct ones, over and over. */
function cached(raw: Database.Database, max: number, observe?: StatementObserver): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => raw.close(),
    prepare(text) {
      const known = statements.get(text);
      if (known) return known;
      const statement = raw.prepare<unknown[]>(text);
      const wrapped: SqliteStatement = {
        reader: statement.reader,
        all: (parameters) => statement.all(...parameters),
        run: (parameters) => statement.run(...parameters),
        iterate: (parameters) => statement.iterate(...parameters),
      };
      if (observe && (!statement.readonly || text === 'commit')) observed(wrapped, text, observe);
      if (statements.size < max) statements.set(text, wrapped);
      return wrapped;
    },
  };
}

function observed(statement: SqliteStatement, text: string, observe: StatementObserver): void {
  const { all, run } = statement;
  Object.assign(statement, {
    all: (parameters: readonly unknown[]) => around(() => all(parameters)),
    run: (parameters: readonly unknown[]) => around(() => run(parameters)),
  });
  function around<Result>(act: () => Result): Result {
    observe('before', text);
    const result = act();
    observe('after', text);
    return result;
  }
}

async function migrate(raw: Database.Database, query: Kysely<Tables>, home: string): Promise<void> {
  const done = raw.pragma('user_version', { simple: true });
  const version = typeof done === 'number' ? done : 0;
  if (version > migrations.length)
    throw new AppError(
      'db_newer',
      `The database in ${home} was written by a newer Herald (schema ${version}, this one knows ${migrations.length}). Update Herald, or restore a file of ${path.join(home, 'backups')}.`,
    );
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    if (version > 0) await backupTo(raw, path.join(home, 'backups', `before-${migration.name}.db`));
    await query.transaction().execute(async (trx) => {
      await migration.up(trx);
      raw.pragma(`user_version = ${index + 1}`);
    });
  }
}

async function backupTo(raw: Database.Database, target: string): Promise<void> {
  ensureDir(path.dirname(target));
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await raw.backup(temporary);
    fs.chmodSync(temporary, 0o600);
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw fileError(error, target);
  }
}

/** Errors of SQLite as errors that say what to do. */
export function databaseError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
    return new AppError('db_corrupt', corruptMessage(file), { cause: error });
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new AppError('db_locked', `Another process is writing ${file}. Stop it and start again.`, { cause: error });
  if (code.startsWith('SQLITE_')) return fileError(error, file);
  return error instanceof Error && 'code' in error
    ? fileError(error, file)
    : new AppError('internal', `Could not open ${file}.`, { cause: error });
}

function corruptMessage(file: string): string {
  return (
    `The database ${file} is damaged. It was left as it is. Restore a copy: stop Herald, move the damaged file away, ` +
    `and copy the newest file of ${path.join(path.dirname(file), 'backups')} in its place (or start empty without one).`
  );
}
