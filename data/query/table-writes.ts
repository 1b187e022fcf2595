// Counts the writes to each table, so that whoever keeps something that was read knows when it is out of date. One process writes, over one
// connection, so no write is missed.
import type Database from 'better-sqlite3';

export interface TableWrites {
  /** Another number after each statement that may have changed, added or taken away a row of the table. */
  count(table: string): number;
  /** As `count`, but rows that were only added do not count. */
  countChanges(table: string): number;
}

export interface WriteCounter extends TableWrites {
  /** To be called after each writing statement, whether it failed or not. */
  wrote(effect: WriteEffect): void;
}

/** What a statement may do: rows of one table added (`insert`), changed, or taken away; 'all' = anything. */
export type WriteEffect = { kind: 'insert' | 'update' | 'delete'; table: string } | 'all';

/** What `text`, a statement that is not read-only, does. Whatever is not known for certain counts as 'all'. */
export function effectOf(text: string): WriteEffect {
  const [, updated] = /^update "?(\w+)"? set /.exec(text) ?? [];
  if (updated !== undefined) return { kind: 'update', table: updated };
  const [, verb, table] = /^(insert|delete)(?: or ignore)? (?:into|from) "?(\w+)"?(?: |$)/.exec(text) ?? [];
  if (table === undefined) return 'all';
  if (verb === 'delete') return { kind: 'delete', table };
  return { kind: /\bon conflict\b.*\bdo update\b/s.test(text) ? 'update' : 'insert', table };
}

export function makeWriteCounter(raw: Database.Database): WriteCounter {
  const writes = new Map<string, number>();
  const changes = new Map<string, number>();
  let all = 0;
  let referring: ReadonlyMap<string, readonly string[]> | undefined;
  const countUp = (counts: Map<string, number>, table: string) => void counts.set(table, (counts.get(table) ?? 0) + 1);

  return {
    count: (table) => all + (writes.get(table) ?? 0),
    countChanges: (table) => all + (changes.get(table) ?? 0),
    wrote(effect) {
      if (effect === 'all') {
        all++;
        referring = undefined; // the statement may have made a table
        return;
      }
      countUp(writes, effect.table);
      if (effect.kind !== 'insert') countUp(changes, effect.table);
      if (effect.kind !== 'delete') return;
      // A row that goes takes others with it, or their references.
      referring ??= readReferences(raw);
      for (const table of referring.get(effect.table) ?? []) {
        countUp(writes, table);
        countUp(changes, table);
      }
    },
  };
}

/** For each table those that refer to it, directly or over others. */
function readReferences(raw: Database.Database): ReadonlyMap<string, readonly string[]> {
  const rows = raw
    .prepare<[], { child: string; parent: string }>(
      `select m.name as child, f."table" as parent from sqlite_master m, pragma_foreign_key_list(m.name) f where m.type = 'table'`,
    )
    .all();
  const children = (parent: string, found: Set<string>): Set<string> => {
    for (const row of rows)
      if (row.parent === parent && !found.has(row.child)) children(row.child, found.add(row.child));
    return found;
  };
  return new Map(rows.map(({ parent }) => [parent, [...children(parent, new Set())]]));
}
