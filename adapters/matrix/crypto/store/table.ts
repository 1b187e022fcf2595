// One table of the crypto library within a transaction: a row for each value, and one for each entry of an index.
import { deserialize, serialize } from 'node:v8';
import { compareKeys, prefixOf, readKey, readRange, type Key, type KeyRange } from './keys.ts';
import type { PendingRows } from './rows.ts';
import { keyOf, type Index } from './schema.ts';

export interface Entry {
  /** By which it is sorted: the key itself, or that of an index. */
  key: Key;
  primaryKey: Key;
}

/** Values are kept as structured clones, which is what the library was told that a table takes. */
export class Table {
  readonly #name: string;
  readonly #indexes: Readonly<Record<string, Index>>;
  readonly #rows: PendingRows;

  constructor(name: string, indexes: Readonly<Record<string, Index>>, rows: PendingRows) {
    this.#name = name;
    this.#indexes = indexes;
    this.#rows = rows;
  }

  get #valuePrefix(): string {
    return `v:${this.#name}:`;
  }

  #rowOf(key: Key): string {
    return this.#valuePrefix + JSON.stringify(key);
  }

  #indexPrefix(index: string): string {
    return `i:${this.#name}:${index}:`;
  }

  async get(key: Key): Promise<unknown> {
    const text = await this.#rows.get(this.#rowOf(key));
    return text === undefined ? undefined : decode(text);
  }

  async put(key: Key, value: unknown): Promise<void> {
    await this.#changeIndexes(key, value);
    this.#rows.set(this.#rowOf(key), encode(value));
  }

  async delete(key: Key): Promise<void> {
    await this.#changeIndexes(key, undefined);
    this.#rows.set(this.#rowOf(key), undefined);
  }

  async #changeIndexes(key: Key, value: unknown): Promise<void> {
    const indexes = Object.entries(this.#indexes);
    if (indexes.length === 0) return;
    const before = await this.get(key);
    for (const [name, index] of indexes) {
      const [old, next] = [keyOf(index, before), keyOf(index, value)];
      if (old !== undefined) this.#rows.set(this.#indexPrefix(name) + JSON.stringify([old, key]), undefined);
      if (next !== undefined) this.#rows.set(this.#indexPrefix(name) + JSON.stringify([next, key]), '1');
    }
  }

  /** Of the values that are there already. */
  async fillIndex(name: string, index: Index): Promise<void> {
    for (const { key } of await this.list(undefined, undefined)) {
      const next = keyOf(index, await this.get(key));
      if (next !== undefined) this.#rows.set(this.#indexPrefix(name) + JSON.stringify([next, key]), '1');
    }
  }

  async dropIndex(name: string): Promise<void> {
    for (const row of (await this.#rows.list(this.#indexPrefix(name))).keys()) this.#rows.set(row, undefined);
  }

  async clear(): Promise<void> {
    for (const { key } of await this.list(undefined, undefined)) await this.delete(key);
  }

  /** What is in the range, in its order; of an index when one is named. */
  async list(index: string | undefined, query: unknown): Promise<readonly Entry[]> {
    const range = readRange(query);
    const found = index === undefined ? await this.#listKeys(range) : await this.#listIndex(index, range);
    return found
      .filter(({ key }) => range.includes(key))
      .toSorted((one, other) => compareKeys(one.key, other.key) || compareKeys(one.primaryKey, other.primaryKey));
  }

  async #listKeys(range: KeyRange): Promise<readonly Entry[]> {
    const found = await this.#rows.list(this.#valuePrefix + prefixOf(range));
    return [...found.keys()].map((row) => {
      const key = readKey(JSON.parse(row.slice(this.#valuePrefix.length)));
      return { key, primaryKey: key };
    });
  }

  async #listIndex(index: string, range: KeyRange): Promise<readonly Entry[]> {
    const prefix = this.#indexPrefix(index);
    const found = await this.#rows.list(`${prefix}[${prefixOf(range)}`);
    return [...found.keys()].map((row) => {
      const pair = readKey(JSON.parse(row.slice(prefix.length)));
      const [key, primaryKey] = typeof pair === 'object' ? pair : [];
      if (key === undefined || primaryKey === undefined) throw new DOMException('A broken index.', 'DataError');
      return { key, primaryKey };
    });
  }
}

function encode(value: unknown): string {
  return serialize(value).toString('base64');
}

function decode(text: string): unknown {
  const value: unknown = deserialize(Buffer.from(text, 'base64'));
  return value;
}
