// Small durable values of platform accounts: offsets, uids, keys.
import type { ProcessDb, Query } from '../db.ts';
import { prepare } from '../query/prepared.ts';

export async function getCursor(
  db: ProcessDb,
  platform: string,
  account: string,
  key: string,
): Promise<string | undefined> {
  const row = await db.query
    .selectFrom('cursors')
    .select('value')
    .where('platform', '=', platform)
    .where('account', '=', account)
    .where('key', '=', key)
    .executeTakeFirst();
  return row?.value;
}

const upsertCursor = prepare<{ platform: string; account: string; key: string; value: string; updated_at: number }>(
  (query, row) =>
    query
      .insertInto('cursors')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['platform', 'account', 'key']).doUpdateSet({ value: row.value, updated_at: row.updated_at }),
      ),
);

export async function setCursor(
  db: ProcessDb,
  { platform, account, key, value }: { platform: string; account: string; key: string; value: string },
  query: Query = db.query,
): Promise<void> {
  await upsertCursor(query, { platform, account, key, value, updated_at: db.clock.now() });
}

/** Sets each value, or deletes where it is undefined: all of them or none. */
export async function updateCursors(
  db: ProcessDb,
  {
    platform,
    account,
    values,
  }: { platform: string; account: string; values: Readonly<Record<string, string | undefined>> },
): Promise<void> {
  await db.query.transaction().execute(async (trx) => {
    for (const [key, value] of Object.entries(values)) {
      if (value !== undefined) await setCursor(db, { platform, account, key, value }, trx);
      else
        await trx
          .deleteFrom('cursors')
          .where('platform', '=', platform)
          .where('account', '=', account)
          .where('key', '=', key)
          .execute();
    }
  });
}

/** Values whose key begins with `prefix`, in the order of their keys. */
export async function listCursors(
  db: ProcessDb,
  { platform, account, prefix }: { platform: string; account: string; prefix: string },
): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query
    .selectFrom('cursors')
    .select(['key', 'value'])
    .where('platform', '=', platform)
    .where('account', '=', account)
    .where('key', '>=', prefix)
    .where('key', '<', `${prefix}\u{10ffff}`)
    .orderBy('key')
    .execute();
  return new Map(rows.map((row) => [row.key, row.value]));
}
