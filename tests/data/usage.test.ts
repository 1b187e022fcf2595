import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Db } from '../../data/db.ts';
import { groupScope, personScope, type Scope } from '../../data/scope.ts';
import { reserveUsage, settleUsage, sumUsage, type UsageCaps, type UsageReservation } from '../../data/usage.ts';
import { personId, sessionId, turnId } from '../../shared/ids.ts';
import { groupAddress } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const DAY = 24 * 3_600_000;
const noCaps: UsageCaps = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};
const [ann, bob] = [personScope(personId('ann')), personScope(personId('bob'))];

const call = (change: Partial<UsageReservation> = {}, caps: Partial<UsageCaps> = {}): UsageReservation => ({
  session: sessionId('s'),
  turn: turnId('t'),
  cause: 'turn',
  provider: 'demo',
  model: 'm',
  tokens: 100,
  microUsd: 10,
  costKnown: true,
  dayStart: 0,
  caps: { ...noCaps, ...caps },
  ...change,
});

const actual = (microUsd: number, tokens = 10) => ({
  provider: 'demo',
  model: 'm2',
  input: tokens,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  reasoning: 0,
  microUsd,
  costKnown: true,
});

async function reserve(db: Db, scope: Scope, reservation: UsageReservation): Promise<number> {
  const result = await reserveUsage(db, scope, reservation);
  if (!result.ok) throw new Error(`refused by ${result.cap}`);
  return result.id;
}

describe('caps', () => {
  const cases: readonly [keyof UsageCaps, string, number][] = [
    ['turnMicroUsd', 'turn', 10],
    ['personDayMicroUsd', 'person_day', 10],
    ['dayMicroUsd', 'day', 10],
    ['turnTokens', 'turn_tokens', 100],
    ['personDayTokens', 'person_day_tokens', 100],
    ['dayTokens', 'day_tokens', 100],
  ];

  test.each(cases)('50 calls at the same time never go over %s', async (name, cap, each) => {
    const { db } = await openTemporaryData();
    const limit = 7 * each + each / 2;
    const results = await Promise.all(
      Array.from({ length: 50 }, () => reserveUsage(db, ann, call({}, { [name]: limit }))),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(7);
    for (const result of results) if (!result.ok) expect(result).toEqual({ ok: false, cap, limit, spent: 7 * each });
  });

  test('up to the cap exactly, and a cap of nothing refuses all that costs', async () => {
    const { db } = await openTemporaryData();
    expect((await reserveUsage(db, ann, call({}, { turnMicroUsd: 10 }))).ok).toBe(true);
    expect((await reserveUsage(db, ann, call({}, { turnMicroUsd: 10 }))).ok).toBe(false);
    expect((await reserveUsage(db, bob, call({ turn: turnId('u') }, { dayMicroUsd: 0 }))).ok).toBe(false);
    expect((await reserveUsage(db, bob, call({ turn: turnId('u'), microUsd: 0 }, { turnMicroUsd: 0 }))).ok).toBe(true);
  });

  test('what the call really took counts, no longer what was reserved', async () => {
    const { db } = await openTemporaryData();
    const caps = { turnMicroUsd: 15 };
    const first = await reserve(db, ann, call({}, caps));
    expect(await reserveUsage(db, ann, call({}, caps))).toMatchObject({ ok: false, spent: 10 });
    await settleUsage(db, ann, first, actual(4));
    const second = await reserve(db, ann, call({}, caps));
    await settleUsage(db, ann, second, actual(12));
    expect(await reserveUsage(db, ann, call({ microUsd: 1 }, caps))).toMatchObject({ ok: false, spent: 16 });
  });

  test('each counts its own: the turn, the person since the start of the day, everybody since then', async () => {
    const { db, clock } = await openTemporaryData();
    const dayStart = clock.now();
    await reserve(db, ann, call({ turn: turnId('t1'), dayStart }));
    await reserve(db, groupScope(ann.person, groupAddress('g')), call({ turn: turnId('t2'), dayStart }));
    await reserve(db, bob, call({ turn: turnId('t3'), dayStart }));
    const spent = async (scope: Scope, caps: Partial<UsageCaps>, change: Partial<UsageReservation> = {}) => {
      const result = await reserveUsage(db, scope, call({ turn: turnId('t1'), dayStart, ...change }, caps));
      return result.ok ? undefined : result.spent;
    };
    expect(await spent(ann, { turnMicroUsd: 1 })).toBe(10);
    expect(await spent(ann, { turnMicroUsd: 1 }, { turn: undefined })).toBe(0);
    expect(await spent(ann, { personDayMicroUsd: 1 })).toBe(20);
    expect(await spent(bob, { personDayTokens: 1 })).toBe(100);
    expect(await spent(bob, { dayTokens: 1 })).toBe(300);
    await clock.advance(DAY);
    expect(await spent(ann, { personDayMicroUsd: 1 }, { dayStart: clock.now() })).toBe(0);
    expect(await spent(ann, { dayMicroUsd: 1 }, { dayStart: clock.now() })).toBe(0);
    // A turn that lasts over midnight stays one turn.
    expect(await spent(ann, { turnMicroUsd: 1 }, { dayStart: clock.now() })).toBe(10);
  });

  test('under any mix of calls that are reserved and settled below their bound, no cap is ever passed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            who: fc.constantFrom(ann, bob),
            turn: fc.constantFrom('t1', 't2'),
            bound: fc.nat(50),
            took: fc.nat(100),
          }),
          { maxLength: 30 },
        ),
        fc.record({ turnMicroUsd: fc.nat(120), personDayMicroUsd: fc.nat(150), dayMicroUsd: fc.nat(200) }),
        async (calls, caps) => {
          const { db, close } = await openTemporaryData();
          const spent = new Map<string, number>();
          await Promise.all(
            calls.map(async ({ who, turn, bound, took }) => {
              const result = await reserveUsage(db, who, call({ turn: turnId(turn), microUsd: bound }, caps));
              if (!result.ok) return;
              const paid = Math.floor((bound * took) / 100);
              await settleUsage(db, who, result.id, actual(paid));
              for (const key of [`${turn} ${who.person}`, who.person, 'day'])
                spent.set(key, (spent.get(key) ?? 0) + paid);
            }),
          );
          for (const { person } of [ann, bob]) {
            expect(spent.get(person) ?? 0).toBeLessThanOrEqual(caps.personDayMicroUsd);
            for (const turn of ['t1', 't2'])
              expect(spent.get(`${turn} ${person}`) ?? 0).toBeLessThanOrEqual(caps.turnMicroUsd);
          }
          expect(spent.get('day') ?? 0).toBeLessThanOrEqual(caps.dayMicroUsd);
          await close();
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('the sums that are kept', () => {
  const tiny = { turnMicroUsd: -1 };
  /** What stands in the way of a call that may cost nothing, which is what is known to be spent. */
  async function known(db: Db, who: Scope, dayStart: number, turn: string) {
    const ask = async (caps: Partial<UsageCaps>) => {
      const result = await reserveUsage(db, who, call({ turn: turnId(turn), dayStart, microUsd: 0 }, caps));
      return result.ok ? Number.NaN : result.spent;
    };
    return [await ask(tiny), await ask({ personDayMicroUsd: -1 }), await ask({ dayMicroUsd: -1 })];
  }

  async function stored(db: Db, who: Scope, dayStart: number, turn: string) {
    const rows = await db.query.selectFrom('usage').selectAll().execute();
    const sum = (some: typeof rows) => some.reduce((total, row) => total + row.cost_micro_usd, 0);
    const today = rows.filter((row) => row.created_at >= dayStart);
    return [
      sum(rows.filter((row) => row.turn_id === turn && row.person_id === who.person)),
      sum(today.filter((row) => row.person_id === who.person)),
      sum(today),
    ];
  }

  test('are what stands in the table, whatever happens at the same time', async () => {
    const step = fc.record({
      who: fc.constantFrom(ann, bob),
      turn: fc.constantFrom('t1', 't2'),
      paid: fc.nat(20),
      what: fc.constantFrom('settle', 'leave', 'wrong scope', 'other writer', 'undone', 'look', 'next day'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 6 }), async (rounds) => {
        const { db, clock, close } = await openTemporaryData();
        let dayStart = clock.now();
        for (const round of rounds) {
          await Promise.all(
            round.map(async ({ who, turn, paid, what }) => {
              if (what === 'look') return void (await known(db, who, dayStart, turn));
              if (what === 'other writer')
                return void (await db.query.updateTable('usage').set({ cost_micro_usd: paid }).execute());
              if (what === 'undone')
                return db.query
                  .transaction()
                  .execute(async (trx) => {
                    await trx.updateTable('usage').set({ cost_micro_usd: 1_000 }).execute();
                    throw new Error('changed my mind');
                  })
                  .catch(() => undefined);
              const id = await reserve(db, who, call({ turn: turnId(turn), dayStart }));
              if (what === 'settle') await settleUsage(db, who, id, actual(paid));
              if (what === 'wrong scope') await settleUsage(db, who === ann ? bob : ann, id, actual(paid));
            }),
          );
          if (round.some(({ what }) => what === 'next day')) {
            await clock.advance(DAY);
            dayStart = clock.now();
          }
          for (const who of [ann, bob])
            expect(await known(db, who, dayStart, 't1')).toEqual(await stored(db, who, dayStart, 't1'));
        }
        await close();
      }),
      { numRuns: 30 },
    );
  });
});

describe('settleUsage and sumUsage', () => {
  test('sum per model, the person everywhere, or one session of the space', async () => {
    const { db, clock } = await openTemporaryData();
    const group = groupScope(ann.person, groupAddress('g'));
    await settleUsage(db, ann, await reserve(db, ann, call()), {
      ...actual(5),
      output: 3,
      cacheRead: 2,
      cacheWrite: 1,
    });
    await settleUsage(db, ann, await reserve(db, ann, call()), { ...actual(7), model: 'm3', costKnown: false });
    await settleUsage(db, group, await reserve(db, group, call({ session: sessionId('g') })), actual(1));
    await settleUsage(db, bob, await reserve(db, bob, call()), actual(99));
    const row = { provider: 'demo', calls: 1, input: 10, output: 0, cacheRead: 0, cacheWrite: 0, unpriced: 0 };
    expect(await sumUsage(db, ann, { since: 0 })).toEqual([
      { ...row, model: 'm3', microUsd: 7, unpriced: 1 },
      { ...row, model: 'm2', calls: 2, input: 20, output: 3, cacheRead: 2, cacheWrite: 1, microUsd: 6 },
    ]);
    expect((await sumUsage(db, ann, { since: 0, session: sessionId('s') })).map((sum) => sum.microUsd)).toEqual([7, 5]);
    expect(await sumUsage(db, ann, { since: 0, session: sessionId('g') })).toEqual([]);
    expect((await sumUsage(db, group, { since: 0, session: sessionId('g') })).map((sum) => sum.microUsd)).toEqual([1]);
    expect(await sumUsage(db, ann, { since: clock.now() + 1 })).toEqual([]);
  });

  test("another's reservation cannot be settled", async () => {
    const { db } = await openTemporaryData();
    const id = await reserve(db, ann, call());
    await settleUsage(db, bob, id, actual(0));
    await settleUsage(db, groupScope(ann.person, groupAddress('g')), id, actual(0));
    expect((await sumUsage(db, ann, { since: 0 })).map((sum) => sum.microUsd)).toEqual([10]);
  });
});
