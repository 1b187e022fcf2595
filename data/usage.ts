// One row per model call: reserved before it at its largest possible cost, settled after it. Caps count reservations too, so
// that calls at the same time cannot overspend together.
import { sql } from 'kysely';
import { turnId, type SessionId, type TurnId } from '../shared/ids.ts';
import type { Db, Query } from './db.ts';
import type { Scope } from './scope.ts';

export interface UsageCaps {
  /** Millionths of a US dollar; null = no cap. */
  turnMicroUsd: number | null;
  personDayMicroUsd: number | null;
  dayMicroUsd: number | null;
  /** Tokens in and out; null = no cap. They hold also where prices are not known. */
  turnTokens: number | null;
  personDayTokens: number | null;
  dayTokens: number | null;
}

export interface UsageReservation {
  session: SessionId | undefined;
  turn: TurnId | undefined;
  /** What the call was for: 'turn', 'compress', 'title' … */
  cause: string;
  provider: string;
  model: string;
  /** Upper bounds of the call. */
  tokens: number;
  microUsd: number;
  costKnown: boolean;
  /** Start of the day that the day caps count from, in ms since the epoch. */
  dayStart: number;
  caps: UsageCaps;
}

export type CapName = 'turn' | 'person_day' | 'day' | 'turn_tokens' | 'person_day_tokens' | 'day_tokens';

/** Reserves within all caps, or says which one is in the way and what is spent of it (micro-dollars, or tokens). */
export async function reserveUsage(
  db: Db,
  scope: Scope,
  reservation: UsageReservation,
): Promise<{ ok: true; id: number } | CapRefusal> {
  return db.query.transaction().execute(async (trx) => {
    const refusal = await findCapInTheWay(trx, scope, reservation);
    if (refusal) return refusal;
    const row = await trx
      .insertInto('usage')
      .values({
        person_id: scope.person,
        space_id: scope.space,
        session_id: reservation.session ?? null,
        turn_id: reservation.turn ?? null,
        cause: reservation.cause,
        provider: reservation.provider,
        model: reservation.model,
        state: 'reserved',
        input_tokens: reservation.tokens,
        output_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        cost_micro_usd: reservation.microUsd,
        cost_known: reservation.costKnown ? 1 : 0,
        created_at: db.clock.now(),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return { ok: true, id: row.id };
  });
}

type CapRefusal = { ok: false; cap: CapName; limit: number; spent: number };

/** Sums only where a cap is set, so that an installation without caps pays for none. */
async function findCapInTheWay(
  trx: Query,
  scope: Scope,
  { caps, turn, dayStart, ...call }: UsageReservation,
): Promise<CapRefusal | undefined> {
  const today = trx.selectFrom('usage').where('created_at', '>=', dayStart);
  const groups = [
    {
      // A call outside of turns has spent nothing of its own before.
      rows: trx
        .selectFrom('usage')
        .where('turn_id', '=', turn ?? turnId(''))
        .where('space_id', '=', scope.space)
        .where('person_id', '=', scope.person),
      money: { cap: 'turn', limit: caps.turnMicroUsd },
      tokens: { cap: 'turn_tokens', limit: caps.turnTokens },
    },
    {
      rows: today.where('person_id', '=', scope.person),
      money: { cap: 'person_day', limit: caps.personDayMicroUsd },
      tokens: { cap: 'person_day_tokens', limit: caps.personDayTokens },
    },
    {
      rows: today,
      money: { cap: 'day', limit: caps.dayMicroUsd },
      tokens: { cap: 'day_tokens', limit: caps.dayTokens },
    },
  ] as const;
  for (const { rows, money, tokens } of groups) {
    if (money.limit === null && tokens.limit === null) continue;
    const spent = await rows
      .select([
        sql<number>`coalesce(sum(cost_micro_usd), 0)`.as('money'),
        sql<number>`coalesce(sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens), 0)`.as(
          'tokens',
        ),
      ])
      .executeTakeFirstOrThrow();
    if (money.limit !== null && spent.money + call.microUsd > money.limit)
      return { ok: false, cap: money.cap, limit: money.limit, spent: spent.money };
    if (tokens.limit !== null && spent.tokens + call.tokens > tokens.limit)
      return { ok: false, cap: tokens.cap, limit: tokens.limit, spent: spent.tokens };
  }
  return undefined;
}

export interface UsageActual {
  provider: string;
  model: string;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  reasoning: number;
  microUsd: number;
  costKnown: boolean;
}

/** Replaces the reservation by what the call really took; all zero for a call that never reached the provider. */
export async function settleUsage(db: Db, scope: Scope, id: number, actual: UsageActual): Promise<void> {
  await db.query
    .updateTable('usage')
    .set({
      state: 'final',
      provider: actual.provider,
      model: actual.model,
      input_tokens: actual.input,
      output_tokens: actual.output,
      cache_read_tokens: actual.cacheRead,
      cache_write_tokens: actual.cacheWrite,
      reasoning_tokens: actual.reasoning,
      cost_micro_usd: actual.microUsd,
      cost_known: actual.costKnown ? 1 : 0,
    })
    .where('id', '=', id)
    .where('person_id', '=', scope.person)
    .where('space_id', '=', scope.space)
    .execute();
}

export interface UsageSum {
  provider: string;
  model: string;
  calls: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  microUsd: number;
  /** Calls whose price is not known. */
  unpriced: number;
}

/** The person's usage since `since`, per model, in the whole of Herald (their groups too); or of one session of the space. */
export async function sumUsage(
  db: Db,
  scope: Scope,
  filter: { since: number; session?: SessionId | undefined },
): Promise<readonly UsageSum[]> {
  let query = db.query
    .selectFrom('usage')
    .select((eb) => [
      'provider',
      'model',
      eb.fn.countAll<number>().as('calls'),
      eb.fn.sum<number>('input_tokens').as('input'),
      eb.fn.sum<number>('output_tokens').as('output'),
      eb.fn.sum<number>('cache_read_tokens').as('cacheRead'),
      eb.fn.sum<number>('cache_write_tokens').as('cacheWrite'),
      eb.fn.sum<number>('cost_micro_usd').as('microUsd'),
      eb.fn.sum<number>('cost_known').as('known'),
    ])
    .where('person_id', '=', scope.person)
    .where('created_at', '>=', filter.since)
    .groupBy(['provider', 'model'])
    .orderBy('microUsd', 'desc');
  if (filter.session !== undefined)
    query = query.where('session_id', '=', filter.session).where('space_id', '=', scope.space);
  const rows = await query.execute();
  return rows.map((row) => ({
    provider: row.provider,
    model: row.model,
    calls: row.calls,
    input: row.input,
    output: row.output,
    cacheRead: row.cacheRead,
    cacheWrite: row.cacheWrite,
    microUsd: row.microUsd,
    unpriced: row.calls - row.known,
  }));
}
