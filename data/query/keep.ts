// What is read with each message and seldom changes is kept in memory, until a table that it came from is written to.
import type { Db } from '../db.ts';
import type { Tables } from '../schema.ts';
import type { TableWrites } from './table-writes.ts';

/** Values kept per kind and database; the longest unused go first. */
const MAX_KEPT = 500;

interface Entry<Value> {
  /** Sum of the tables' writes when it was read; it only grows. */
  writes: number;
  value: Promise<Value>;
  isRead: boolean;
}

/** What `load` gives; what it gave before for the same key when no table was written to since. The value is shared: nobody may change it. */
export type Keeper<Value> = (db: Db, key: string, load: () => Promise<Value>) => Promise<Value>;

/** Makes the memory of one kind of value, which comes from `tables` and nothing else. */
export function makeKeeper<Value>(...tables: readonly (keyof Tables)[]): Keeper<Value> {
  const perDatabase = new WeakMap<TableWrites, Map<string, Entry<Value>>>();
  return (db, key, load) => {
    let entries = perDatabase.get(db.writes);
    if (!entries) perDatabase.set(db.writes, (entries = new Map<string, Entry<Value>>()));
    // Taken before the read: what is written meanwhile makes it old at once.
    const writes = tables.reduce((sum, table) => sum + db.writes.count(table), 0);
    const known = entries.get(key);
    // Asked for twice at the same time, it is read once; but a transaction must not wait for what waits for its end.
    if (known?.writes === writes && (known.isRead || !db.query.isTransaction)) return known.value;
    const entry = { writes, value: frozen(load()), isRead: false };
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= MAX_KEPT) break;
      entries.delete(oldest);
    }
    entry.value.then(
      () => (entry.isRead = true),
      () => {
        // What failed is asked anew.
        if (entries.get(key) === entry) entries.delete(key);
      },
    );
    return entry.value;
  };
}

async function frozen<Value>(value: Promise<Value>): Promise<Value> {
  return Object.freeze(await value);
}
