// SQLite as Kysely uses it here: one connection, statements that are compiled once, failures as AppErrors.
import type Database from 'better-sqlite3';
import {
  SqliteDialect,
  SqliteQueryCompiler,
  type Dialect,
  type DialectAdapter,
  type QueryCompiler,
  type QueryResult,
  type SqliteDatabase,
  type SqliteStatement,
} from 'kysely';
import { databaseError, isStorageFailure } from '../storage-errors.ts';
import { effectOf, type WriteCounter } from './table-writes.ts';

export type StatementObserver = (when: 'before' | 'after', sql: string) => void;

export interface DialectOptions {
  /** Prepared statements kept, the longest unused go first; 0 = no cache. Default 500. */
  statementCache?: number;
  /** Sees every writing statement just before and just after it. */
  observe?: StatementObserver | undefined;
  /** Called after each commit. */
  committed(): void;
  /** Told of each writing statement. */
  writes: WriteCounter;
}

/** Runs a statement at once, past Kysely's queue for the connection, which takes longer than most statements. */
export interface DirectConnection {
  /** Whether a transaction is open: whoever is not in it has to wait. */
  isInTransaction(): boolean;
  /** Throws as the statement does. */
  run(
    text: string,
    parameters: readonly unknown[],
  ): Pick<QueryResult<unknown>, 'rows' | 'insertId' | 'numAffectedRows'>;
  /** Adds the functions of a library to this connection. Throws when it cannot be loaded. */
  loadExtension(file: string): void;
}

const connections = new WeakMap<DialectAdapter, DirectConnection>();

/** The connection behind a Kysely handle or a transaction; undefined when it is not one of ours. */
export function directConnection(adapter: DialectAdapter): DirectConnection | undefined {
  return connections.get(adapter);
}

/** `raw` stays the caller's; `file` is named in errors. */
export function makeDialect(raw: Database.Database, file: string, options: DialectOptions): Dialect {
  const database = makeDriver(raw, file, options);
  return new OnceCompiledDialect(database, {
    isInTransaction: () => raw.inTransaction,
    loadExtension: (extension) => raw.loadExtension(extension),
    run(text, parameters) {
      const statement = database.prepare(text);
      if (statement.reader) return { rows: statement.all(parameters) };
      const { changes, lastInsertRowid } = statement.run(parameters);
      return { rows: [], insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes) };
    },
  });
}

class OnceCompiledDialect extends SqliteDialect {
  readonly #connection: DirectConnection;

  constructor(database: SqliteDatabase, connection: DirectConnection) {
    super({ database });
    this.#connection = connection;
  }

  override createQueryCompiler(): QueryCompiler {
    return new OnceCompiledQueries();
  }

  override createAdapter(): DialectAdapter {
    const adapter = super.createAdapter();
    connections.set(adapter, this.#connection);
    return adapter;
  }
}

/**
 * A bare `?` lets SQLite look at its value when it plans a query with a join or an order, and then it compiles the statement anew each
 * time that another value is bound: many times dearer than the query. `+?` is the same value, and hides it from the planner, as
 * https://www.sqlite.org/optoverview.html (read 2026-11-21) tells for terms of WHERE.
 */
class OnceCompiledQueries extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?';
  }
}

/**
 * What Kysely talks to. better-sqlite3 compiles a statement on each prepare, and the core uses a few hundred distinct ones over and
 * over: they are kept. Failures of the storage become AppErrors here, for every caller.
 */
function makeDriver(raw: Database.Database, file: string, options: DialectOptions): SqliteDatabase {
  const max = options.statementCache ?? 500;
  const statements = new Map<string, SqliteStatement>();
  const translated = <Result>(act: () => Result): Result => {
    try {
      return act();
    } catch (error) {
      throw isStorageFailure(error) ? databaseError(error, file) : error;
    }
  };
  const compile = (text: string): SqliteStatement => {
    const statement = translated(() => raw.prepare<unknown[]>(text));
    const undoes = /^rollback\b/.test(text);
    const effect = undoes ? 'all' : statement.readonly ? undefined : effectOf(text);
    const mayCommit = text === 'commit' || !statement.readonly;
    const act = <Result>(run: () => Result): Result => {
      try {
        const result = translated(run);
        if (mayCommit && !raw.inTransaction) options.committed();
        return result;
      } finally {
        if (effect) options.writes.wrote(effect);
      }
    };
    const wrapped: SqliteStatement = {
      reader: statement.reader,
      all: (parameters) => act(() => statement.all(...parameters)),
      run: (parameters) =>
        act(() => {
          // A full disk makes SQLite itself roll back; a second rollback would fail and hide why.
          if (undoes && !raw.inTransaction) return { changes: 0, lastInsertRowid: 0 };
          return statement.run(...parameters);
        }),
      iterate: (parameters) => translated(() => statement.iterate(...parameters)),
    };
    const { observe } = options;
    if (observe && (!statement.readonly || /^(?:begin|commit|rollback)/.test(text))) observed(wrapped, text, observe);
    return wrapped;
  };
  return {
    close: () => raw.close(),
    prepare(text) {
      const statement = statements.get(text) ?? compile(text);
      if (max <= 0) return statement;
      statements.delete(text);
      statements.set(text, statement); // to the end: a Map keeps its order of insertion
      for (const oldest of statements.keys()) {
        if (statements.size <= max) break;
        statements.delete(oldest);
      }
      return statement;
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
