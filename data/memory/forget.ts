// Forgetting: the one thing that deletes what was remembered, with all of its versions and whatever prompts still say of it. What services
// outside were told of it is noted in the same transaction, so that they forget it too.
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import type { Scope } from '../scope.ts';
import { isGroupScope } from '../scope.ts';
import type { ForgettingKind, MemoryAuthor } from './tables.ts';

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

/** What a service outside can delete. */
export interface ForgetfulService {
  /** As the configuration calls it. */
  name: string;
  /** item: what it was told of one turn or one entry. */
  deletes: readonly ('all' | 'session' | 'item')[];
}

type Ref = readonly [kind: ForgettingKind, ref: string];

/** Statements have a limit of bound values. */
const BATCH = 500;

/** Deletes for good, and notes what the services are to delete. Returns how many entries. */
export async function forgetMemories(
  db: Db,
  scope: Scope,
  what: ForgetWhat,
  services: readonly ForgetfulService[] = [],
): Promise<number> {
  return db.query.transaction().execute(async (trx) => {
    const ids = await withEarlier(trx, scope, await chosen(trx, scope, what));
    if (services.length > 0) await noteOutside(db, trx, { scope, what, ids, services });
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

async function noteOutside(
  db: Db,
  trx: Query,
  given: { scope: Scope; what: ForgetWhat; ids: readonly number[]; services: readonly ForgetfulService[] },
): Promise<void> {
  const { scope, what, ids, services } = given;
  const items = services.some(({ deletes }) => deletes.includes('item'))
    ? await itemsOf(trx, scope, { what, ids })
    : [];
  const now = db.clock.now();
  for (const { name, deletes } of services) {
    const refs = refsOf(scope, what, { deletes, items });
    for (let at = 0; at < refs.length; at += BATCH / 10)
      await trx
        .insertInto('forgettings')
        .values(
          refs.slice(at, at + BATCH / 10).map(([kind, ref]) => ({
            space_id: scope.space,
            person_id: scope.person,
            service: name,
            kind,
            ref,
            due_at: now,
            created_at: now,
          })),
        )
        .onConflict((conflict) => conflict.columns(['space_id', 'service', 'kind', 'ref']).doUpdateSet({ due_at: now }))
        .execute();
  }
}

/** The fewest that hold all. What a group told goes entry by entry: the rest is not the person's. */
function refsOf(
  scope: Scope,
  what: ForgetWhat,
  { deletes, items }: { deletes: ForgetfulService['deletes']; items: readonly Ref[] },
): readonly Ref[] {
  if ('person' in what && !isGroupScope(scope) && deletes.includes('all')) return [['all', '']];
  if ('session' in what && deletes.includes('session')) return [['session', what.session]];
  return deletes.includes('item') ? items : [];
}

/** The entries, and the turns that they came from: services were told both. */
async function itemsOf(
  trx: Query,
  scope: Scope,
  { what, ids }: { what: ForgetWhat; ids: readonly number[] },
): Promise<readonly Ref[]> {
  const turns = new Set<TurnId>('turn' in what ? [what.turn] : []);
  for (let at = 0; at < ids.length; at += BATCH) {
    const rows = await trx
      .selectFrom('memories')
      .select('turn_id')
      .where('space_id', '=', scope.space)
      .where('id', 'in', ids.slice(at, at + BATCH))
      .execute();
    for (const { turn_id: turn } of rows) if (turn !== null) turns.add(turn);
  }
  if ('session' in what) {
    const rows = await trx
      .selectFrom('turns')
      .select('id')
      .where('space_id', '=', scope.space)
      .where('session_id', '=', what.session)
      .execute();
    for (const { id } of rows) turns.add(id);
  }
  return [...ids.map((id): Ref => ['memory', String(id)]), ...[...turns].map((turn): Ref => ['turn', turn])];
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
