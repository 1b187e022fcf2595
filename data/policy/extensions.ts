// What an owner adds to a cap, for the day that it was reached on. The caps themselves stay as the configuration says.
import type { Db, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import type { Scope } from '../scope.ts';
import type { PolicyTables } from './tables.ts';

export type ExtendedCap = PolicyTables['extensions']['cap'];

/** Adds to a cap of the scope's person (`turn`, `person_day`) or space (`space_day`), or of everybody (`day`). */
export async function extendCap(
  db: Db,
  scope: Scope,
  extension: { cap: ExtendedCap; dayStart: number; microUsd: number; tokens: number },
): Promise<void> {
  await db.query
    .insertInto('extensions')
    .values({
      cap: extension.cap,
      space_id: scope.space,
      person_id: scope.person,
      day_start: extension.dayStart,
      micro_usd: extension.microUsd,
      tokens: extension.tokens,
      created_at: db.clock.now(),
    })
    .execute();
}

interface Row {
  cap: ExtendedCap;
  space: string;
  person: string;
  microUsd: number;
  tokens: number;
}

const kept = makeKeeper<readonly Row[]>('extensions');

/** What was added today to the caps that count for the scope. */
export async function addedToday(
  db: Db,
  scope: Scope,
  dayStart: number,
  query: Query = db.query,
): Promise<(cap: ExtendedCap) => { microUsd: number; tokens: number }> {
  const rows = await kept(db, String(dayStart), async () => {
    const found = await query
      .selectFrom('extensions')
      .select(['cap', 'space_id as space', 'person_id as person', 'micro_usd as microUsd', 'tokens'])
      .where('day_start', '=', dayStart)
      .execute();
    return found;
  });
  return (cap) => {
    const mine = rows.filter(
      (row) =>
        row.cap === cap &&
        (cap === 'day' || (cap === 'space_day' ? row.space === scope.space : row.person === scope.person)),
    );
    return {
      microUsd: mine.reduce((sum, row) => sum + row.microUsd, 0),
      tokens: mine.reduce((sum, row) => sum + row.tokens, 0),
    };
  };
}
