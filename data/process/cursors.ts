// Small durable values of platform accounts: offsets, uids, keys.
import type { ProcessDb } from '../db.ts';

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

export async function setCursor(
  db: ProcessDb,
  cursor: { platform: string; account: string; key: string; value: string },
): Promise<void> {
  const row = { ...cursor, updated_at: db.clock.now() };
  await db.query
    .insertInto('cursors')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['platform', 'account', 'key']).doUpdateSet({ value: row.value, updated_at: row.updated_at }),
    )
    .execute();
}
