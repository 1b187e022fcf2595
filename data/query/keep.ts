// What is read with each message and seldom changes is kept in memory, until a table that it came from is written to.
import type { Db } from '../db.ts';
import type { Tables } from '../schema.ts';
import type { TableWrites } from './table-writes.ts';

/** Values kept per kind and database; the longest unused go first. */
const MAX_KEPT = 500;

interface Entry<Value> {
  /** Sum of the tables' writes when it was read; it only grows. */
  writes: number;
  value: Value;
}

/** What `load` gives; what it gave before for the same key when no table was written to since. The value is shared: nobody may change it. */
export type Keeper<Value> = (db: Db, key: string, load: () => Promise<Value>) => Promise<Value>;

/** Makes the memory of one kind of value, which comes from `tables` and nothing else. */
export function makeKeeper<Value>(...tables: readonly (keyof Tables)[]): Keeper<Value> {
  const perDatabase = new WeakMap<TableWrites, Map<string, Entry<Value>>>();
  return async (db, key, load) => {
    let entries = perDatabase.get(db.writes);
    if (!entries) perDatabase.set(db.writes, (entries = new Map<string, Entry<Value>>()));
    // Taken before the read: what is written meanwhile makes it old at once.
    const writes = tables.reduce((sum, table) => sum + db.writes.count(table), 0);
    const known = entries.get(key);
    if (known?.writes === writes) return known.value;
    const value = Object.freeze(await load());
    entries.delete(key);
    entries.set(key, { writes, value });
    for (const oldest of entries.keys()) {
      if (entries.size <= MAX_KEPT) break;
      entries.delete(oldest);
    }
    return value;
  };
}
