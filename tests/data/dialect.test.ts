// Statements are compiled once, whatever values are bound to them. SQLite tells nobody when it compiles one anew, but the driver then builds
// a new maker of rows with `Function`, and that can be seen.
import { sql } from 'kysely';
import { afterEach, expect, test, vi } from 'vitest';
import { findPerson } from '../../data/process/people.ts';
import { listTurnRows } from '../../data/process/turns.ts';
import { accountId, turnId, userId } from '../../shared/ids.ts';
import { begin, makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

afterEach(() => vi.unstubAllGlobals());

/** Counts makers of rows while `act` runs. */
async function countCompilations(act: () => Promise<unknown>): Promise<number> {
  const original = globalThis.Function;
  let count = 0;
  vi.stubGlobal('Function', function counting(...parts: string[]) {
    if (new.target === undefined) count++; // with `new` it is zod's
    return original(...parts);
  });
  await act();
  vi.unstubAllGlobals();
  return count;
}

test('a query with an order is compiled once for all values', async () => {
  const { db } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { turn } = await begin(db, ann);
  const count = await countCompilations(async () => {
    for (const id of [turn.id, turnId('x'), turn.id, turn.id]) await listTurnRows(db, id);
  });
  expect(count).toBe(1);
});

test('a query with a join is compiled once for all values', async () => {
  const { db } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { platform, account } = ann.address;
  const count = await countCompilations(async () => {
    for (const user of ['ann', 'ben', 'ann', 'ann'])
      await findPerson(db, { platform, account: accountId(account), user: userId(user) });
  });
  expect(count).toBeLessThanOrEqual(1);
});

test('the count sees what a bare parameter costs', async () => {
  const { db } = await openTemporaryData();
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  const { turn } = await begin(db, ann);
  const bare = sql.raw('select * from inbox where turn_id = ? order by seq').compile(db.query);
  const count = await countCompilations(async () => {
    for (let i = 0; i < 4; i++) await db.query.executeQuery({ ...bare, parameters: [turn.id] });
  });
  expect(count).toBe(4);
});
