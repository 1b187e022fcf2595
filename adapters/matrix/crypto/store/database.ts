// The crypto library's database as it calls it: IndexedDB, as far as it uses it (https://www.w3.org/TR/IndexedDB-3/). Its keys are given,
// never generated; uniqueness of an index is the library's own care.
import { readKey, type Key } from './keys.ts';
import type { Rows } from './rows.ts';
import { readKeyPath, readSchema, type Schema } from './schema.ts';
import { Table, type Entry } from './table.ts';
import { StoreRequest, StoreTransaction, type OpenRequest } from './transaction.ts';

const SCHEMA_ROW = 'schema';

export class Database {
  readonly name: string;
  readonly #rows: Rows;
  schema: Schema = { version: 0, tables: {} };
  onversionchange: unknown = null;
  #last: Promise<void> = Promise.resolve();
  #upgrade: StoreTransaction | undefined;

  constructor(name: string, rows: Rows) {
    this.name = name;
    this.#rows = rows;
  }

  get version(): number {
    return this.schema.version;
  }

  get objectStoreNames() {
    const names = Object.keys(this.schema.tables);
    return {
      length: names.length,
      item: (index: number) => names[index] ?? null,
      contains: (name: string) => names.includes(name),
    };
  }

  #begin(onCommit?: () => void): StoreTransaction {
    return new StoreTransaction({
      rows: this.#rows,
      enter: (work) => {
        this.#last = this.#last.then(work);
      },
      onCommit: (pending) => {
        if (!onCommit) return;
        onCommit();
        pending.set(SCHEMA_ROW, JSON.stringify(this.schema));
      },
      makeStore: (name, transaction) => new Store(this, name, transaction),
    });
  }

  transaction(_names: unknown, _mode?: unknown): StoreTransaction {
    return this.#begin();
  }

  createObjectStore(name: string, _options?: unknown): Store {
    if (!this.#upgrade) throw new DOMException('Only while upgrading.', 'InvalidStateError');
    this.schema.tables[name] = { indexes: {} };
    return new Store(this, name, this.#upgrade);
  }

  deleteObjectStore(name: string): void {
    const upgrade = this.#upgrade;
    if (!upgrade) throw new DOMException('Only while upgrading.', 'InvalidStateError');
    const table = new Table(name, this.schema.tables[name]?.indexes ?? {}, upgrade.pending);
    upgrade.ask(() => table.clear());
    delete this.schema.tables[name];
  }

  close(): void {
    // Its transactions end by themselves.
  }

  /** Opens or upgrades, and answers through `request`. */
  async open(wanted: number | undefined, request: OpenRequest): Promise<void> {
    try {
      this.schema = readSchema(await this.#rows.get(SCHEMA_ROW));
      const before = this.schema.version;
      const version = wanted ?? Math.max(1, before);
      if (version < before) throw new DOMException('The database is newer.', 'VersionError');
      if (version > before) await this.#runUpgrade({ before, version }, request);
    } catch (error) {
      return request.fail(error);
    }
    request.transaction = null;
    request.succeed(this);
  }

  async #runUpgrade({ before, version }: { before: number; version: number }, request: OpenRequest): Promise<void> {
    const upgrade = this.#begin(() => {
      this.schema.version = version;
    });
    this.#upgrade = upgrade;
    request.transaction = upgrade;
    request.result = this;
    request.readyState = 'done';
    request.onupgradeneeded?.({ type: 'upgradeneeded', target: request, oldVersion: before, newVersion: version });
    const isWritten = await upgrade.ended;
    this.#upgrade = undefined;
    if (!isWritten) throw upgrade.error ?? new DOMException('Aborted.', 'AbortError');
  }
}

/** What a table and an index of it have in common. */
class Source {
  readonly transaction: StoreTransaction;
  protected readonly table: Table;
  readonly #index: string | undefined;

  constructor(transaction: StoreTransaction, table: Table, index?: string) {
    this.transaction = transaction;
    this.table = table;
    this.#index = index;
  }

  get(query: unknown): StoreRequest {
    return this.transaction.ask(async () => {
      const [first] = await this.table.list(this.#index, query);
      return first && this.table.get(first.primaryKey);
    });
  }

  getAll(query?: unknown, count?: number): StoreRequest {
    return this.transaction.ask(async () => {
      const entries = await this.table.list(this.#index, query);
      const values: unknown[] = [];
      for (const { primaryKey } of entries.slice(0, count || undefined)) values.push(await this.table.get(primaryKey));
      return values;
    });
  }

  getAllKeys(query?: unknown): StoreRequest {
    return this.transaction.ask(async () =>
      (await this.table.list(this.#index, query)).map(({ primaryKey }) => primaryKey),
    );
  }

  count(query?: unknown): StoreRequest {
    return this.transaction.ask(async () => (await this.table.list(this.#index, query)).length);
  }

  openCursor(query?: unknown): StoreRequest {
    const request = new StoreRequest();
    return this.transaction.ask(async () => {
      const entries = await this.table.list(this.#index, query);
      return readNext({ entries, at: 0, table: this.table, request });
    }, request);
  }
}

interface Reading {
  entries: readonly Entry[];
  at: number;
  table: Table;
  request: StoreRequest;
}

async function readNext(reading: Reading): Promise<StoreCursor | null> {
  const entry = reading.entries[reading.at];
  return entry ? new StoreCursorWithValue(reading, entry, await reading.table.get(entry.primaryKey)) : null;
}

export class StoreCursor {
  readonly key: Key;
  readonly primaryKey: Key;
  readonly request: StoreRequest;
  readonly #reading: Reading;

  constructor(reading: Reading, { key, primaryKey }: Entry) {
    this.#reading = reading;
    this.request = reading.request;
    this.key = key;
    this.primaryKey = primaryKey;
  }

  continue(): void {
    const { request } = this;
    const next = { ...this.#reading, at: this.#reading.at + 1 };
    request.transaction?.ask(() => readNext(next), request);
  }

  delete(): StoreRequest | undefined {
    return this.request.transaction?.ask(() => this.#reading.table.delete(this.primaryKey));
  }

  update(value: unknown): StoreRequest | undefined {
    return this.request.transaction?.ask(() => this.#reading.table.put(this.primaryKey, value));
  }
}

export class StoreCursorWithValue extends StoreCursor {
  readonly value: unknown;

  constructor(reading: Reading, entry: Entry, value: unknown) {
    super(reading, entry);
    this.value = value;
  }
}

class Store extends Source {
  readonly name: string;
  readonly #database: Database;

  constructor(database: Database, name: string, transaction: StoreTransaction) {
    const indexes = database.schema.tables[name]?.indexes;
    if (!indexes) throw new DOMException('There is no such table.', 'NotFoundError');
    super(transaction, new Table(name, indexes, transaction.pending));
    this.name = name;
    this.#database = database;
  }

  get #indexes() {
    return this.#database.schema.tables[this.name]?.indexes ?? {};
  }

  put(value: unknown, key: unknown): StoreRequest {
    const at = readKey(key);
    return this.transaction.ask(async () => {
      await this.table.put(at, value);
      return at;
    });
  }

  add(value: unknown, key: unknown): StoreRequest {
    const at = readKey(key);
    return this.transaction.ask(async () => {
      if ((await this.table.get(at)) !== undefined) throw new DOMException('It exists.', 'ConstraintError');
      await this.table.put(at, value);
      return at;
    });
  }

  delete(query: unknown): StoreRequest {
    return this.transaction.ask(async () => {
      for (const { key } of await this.table.list(undefined, query)) await this.table.delete(key);
    });
  }

  clear(): StoreRequest {
    return this.transaction.ask(() => this.table.clear());
  }

  index(name: string): Source {
    if (!this.#indexes[name]) throw new DOMException('There is no such index.', 'NotFoundError');
    return new Source(this.transaction, this.table, name);
  }

  createIndex(name: string, keyPath: unknown, _options?: unknown): Source {
    const index = { keyPath: readKeyPath(keyPath) };
    this.#indexes[name] = index;
    this.transaction.ask(() => this.table.fillIndex(name, index));
    return this.index(name);
  }

  deleteIndex(name: string): void {
    delete this.#indexes[name];
    this.transaction.ask(() => this.table.dropIndex(name));
  }
}
