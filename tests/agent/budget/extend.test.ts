// More room for today: on the cap that was reached, for whom it was reached, until midnight.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extendBudget } from '../../../agent/budget/extend.ts';
import { dayOf } from '../../../shared/day.ts';
import { makeMeter } from '../../../agent/budget/meter.ts';
import { BudgetError } from '../../../agent/budget/refusal.ts';
import { callModel } from '../../../agent/providers/fallback.ts';
import { reserveUsage, settleUsage, type UsageCaps } from '../../../data/usage.ts';
import { turnId } from '../../../shared/ids.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { addPerson, makeScriptedModel, NO_CAPS, openHome, startTurn, type Home } from '../fixture.ts';

const timezone = 'Europe/Vienna';
let home: Home;
let clock: FakeClock;
beforeEach(async () => {
  clock = makeFakeClock();
  home = await openHome({ clock });
});
afterEach(() => home.close());

const call = (caps: UsageCaps, microUsd = 10, turn = 't') => ({
  session: home.session.id,
  turn: turnId(turn),
  cause: 'turn',
  provider: 'p',
  model: 'm',
  tokens: microUsd,
  microUsd,
  costKnown: true,
  dayStart: dayOf(clock.now(), timezone).start,
  caps,
});

describe('an extension', () => {
  it.each(['turn', 'space_day', 'person_day', 'day'] as const)('of %s doubles that cap until midnight', async (cap) => {
    const caps = {
      ...NO_CAPS,
      ...{
        turn: { turnMicroUsd: 10 },
        space_day: { spaceDayMicroUsd: 10 },
        person_day: { personDayMicroUsd: 10 },
        day: { dayMicroUsd: 10 },
      }[cap],
    };
    const reserve = () => reserveUsage(home.db, home.scope, call(caps));
    expect(await reserve()).toMatchObject({ ok: true });
    expect(await reserve()).toMatchObject({ ok: false, cap, limit: 10 });
    expect(await extendBudget(home.db, home.scope, cap, { caps, timezone })).toContain('more today');
    expect(await reserve()).toMatchObject({ ok: true });
    expect(await reserve()).toMatchObject({ ok: false, cap, limit: 20 });
    await clock.advance(24 * 3_600_000);
    if (cap === 'turn') return;
    expect(await reserve()).toMatchObject({ ok: true });
    expect(await reserve()).toMatchObject({ ok: false, limit: 10 });
  });

  it('of one person is no one else’s', async () => {
    const caps = { ...NO_CAPS, personDayMicroUsd: 10 };
    const bob = await addPerson(home, 'Bob');
    await extendBudget(home.db, home.scope, 'person_day', { caps, timezone });
    expect(await reserveUsage(home.db, bob.scope, call(caps, 11))).toMatchObject({ ok: false, limit: 10 });
    expect(await reserveUsage(home.db, home.scope, call(caps, 11))).toMatchObject({ ok: true });
  });

  it('of a cap that is not there is refused', async () => {
    for (const cap of ['week', '', 'turn'])
      await expect(extendBudget(home.db, home.scope, cap, { caps: NO_CAPS, timezone })).rejects.toMatchObject({
        code: 'bad_input',
      });
  });
});

describe('a limit', () => {
  const meterOf = (caps: UsageCaps) =>
    makeMeter({
      db: home.db,
      clock,
      random: () => 0,
      callModel,
      settings: () => ({ caps, prices: { 'script/scripted': { input: 1, output: 1 } }, timezone }),
    });

  it('that is nearly reached is told, and one that is reached says what can be extended', async () => {
    const turn = await startTurn(home);
    const { link } = makeScriptedModel(Array.from({ length: 20 }, () => ({ text: 'hi' })));
    const meter = meterOf({ ...NO_CAPS, personDayMicroUsd: 1_500, spaceDayTokens: 100_000 });
    const warnings: string[] = [];
    let refused: unknown;
    for (let i = 0; i < 20 && refused === undefined; i++)
      await meter
        .call({
          scope: home.scope,
          session: home.session.id,
          turn: turn.id,
          cause: 'turn',
          chain: [link],
          request: {
            system: [],
            messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
            tools: [],
            maxOutputTokens: 200,
            cacheKey: 'k',
          },
          signal: new AbortController().signal,
          onWarning: ({ cap, text }) => warnings.push(`${cap} ${text}`),
        })
        .catch((error: unknown) => (refused = error));
    expect(warnings[0]).toMatch(/^person_day 8\d % of the limit for you per day/);
    expect(refused).toBeInstanceOf(BudgetError);
    expect(refused).toMatchObject({ cap: 'person_day', publicMessage: expect.stringContaining('/extend person_day') });
  });

  it('of any kind is never passed, whatever runs at the same time', async () => {
    const amount = fc.integer({ min: 1, max: 50 });
    const cap = fc.option(fc.integer({ min: 0, max: 200 }), { nil: null });
    const caps = fc.record({
      turnMicroUsd: cap,
      turnTokens: cap,
      personDayMicroUsd: cap,
      personDayTokens: cap,
      spaceDayMicroUsd: cap,
      spaceDayTokens: cap,
      dayMicroUsd: cap,
      dayTokens: cap,
    });
    const bob = await addPerson(home, 'Bob');
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        caps,
        fc.array(fc.tuple(fc.boolean(), amount), { minLength: 1, maxLength: 25 }),
        async (set, calls) => {
          run++;
          // Another day for each run, so that they begin with nothing spent.
          await clock.advance(24 * 3_600_000);
          const turns = [`a${run}`, `b${run}`] as const;
          await Promise.all(
            calls.map(async ([isBob, size]) => {
              const scope = isBob ? bob.scope : home.scope;
              const reserved = await reserveUsage(home.db, scope, call(set, size, turns[isBob ? 1 : 0]));
              if (!reserved.ok) return;
              const took = { microUsd: size, output: size, input: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
              await settleUsage(home.db, scope, reserved.id, { ...took, provider: 'p', model: 'm', costKnown: true });
            }),
          );
          const { start } = dayOf(clock.now(), timezone);
          const rows = await home.db.query.selectFrom('usage').selectAll().where('created_at', '>=', start).execute();
          const sum = (fits: (row: (typeof rows)[number]) => boolean) =>
            rows.filter(fits).reduce((all, row) => all + row.cost_micro_usd, 0);
          for (const scope of [home.scope, bob.scope]) {
            const mine = sum((row) => row.person_id === scope.person);
            for (const limit of [
              set.turnMicroUsd,
              set.turnTokens,
              set.personDayMicroUsd,
              set.personDayTokens,
              set.spaceDayMicroUsd,
              set.spaceDayTokens,
            ])
              expect(mine).toBeLessThanOrEqual(limit ?? Infinity);
          }
          for (const limit of [set.dayMicroUsd, set.dayTokens])
            expect(sum(() => true)).toBeLessThanOrEqual(limit ?? Infinity);
        },
      ),
      { numRuns: 40 },
    );
  });
});
