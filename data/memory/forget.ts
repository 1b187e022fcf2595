// Forgetting: the one thing that deletes what was remembered, with all of its versions and whatever prompts still say of it.
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import type { Scope } from '../scope.ts';
import type { MemoryAuthor } from './tables.ts';

/** Exactly one of them. */
export type ForgetWhat =
  | { entries: readonly number[] }
  | { session: SessionId }
  | { turn: TurnId }
  | { author: MemoryAuthor }
  /** Words of others, approved or not. */
  | { origin: 'foreign' }
  /** All that came from the person of the scope. */
  | { person: true };

/** Statements have a limit of bound values. */
const BATCH = 500;

/** Deletes for good. Returns how many entries. */
export async function forgetMemories(db: Db, scope: Scope, what: ForgetWhat): Promise<number> {
  return db.query.transaction().execute(async (trx) => {
    const ids = await withEarlier(trx, scope, await chosen(trx, scope, what));
    for (let at = 0; at < ids.length; at += BATCH) {
      const some = ids.slice(at, at + BATCH);
      await trx.deleteFrom('memories').where('space_id', '=', scope.space).where('id', 'in', some).execute();
      await trx
        .deleteFrom('memory_versions')
        .where('space_id', '=', scope.space)
        .where('memory_id', 'in', some)
        .execute();
    }
    // The prompts of sessions may hold it; they are made anew.
    if (ids.length > 0) await trx.deleteFrom('memory_snapshots').where('space_id', '=', scope.space).execute();
    return ids.length;
  });
}

async function chosen(trx: Query, scope: Scope, what: ForgetWhat): Promise<readonly number[]> {
  let rows = trx.selectFrom('memories').select('id').where('space_id', '=', scope.space);
  if ('entries' in what) {
    if (what.entries.length === 0) return [];
    rows = rows.where('id', 'in', what.entries);
  } else if ('session' in what) rows = rows.where('session_id', '=', what.session);
  else if ('turn' in what) rows = rows.where('turn_id', '=', what.turn);
  else if ('author' in what) rows = rows.where('author', '=', what.author);
  else if ('origin' in what) rows = rows.where('origin', '=', what.origin);
  else rows = rows.where('person_id', '=', scope.person);
  return (await rows.execute()).map(({ id }) => id);
}

/** With what they replaced: it is the same thing, as it was said before. */
async function withEarlier(trx: Query, scope: Scope, ids: readonly number[]): Promise<readonly number[]> {
  const all = new Set(ids);
  let last = [...ids];
  while (last.length > 0) {
    const found: number[] = [];
    for (let at = 0; at < last.length; at += BATCH) {
      const rows = await trx
        .selectFrom('memories')
        .select('id')
        .where('space_id', '=', scope.space)
        .where('replaced_by', 'in', last.slice(at, at + BATCH))
        .execute();
      found.push(...rows.map(({ id }) => id));
    }
    last = found.filter((id) => !all.has(id));
    for (const id of last) all.add(id);
  }
  return [...all];
}
