// One row per model call: reserved before it at its largest possible cost, settled after it. Caps count reservations too, so
// that calls at the same time cannot overspend together.
import { sql } from 'kysely';
import type { SessionId, TurnId } from '../shared/ids.ts';
import type { Db } from './db.ts';
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
): Promise<{ ok: true; id: number } | { ok: false; cap: CapName; limit: number; spent: number }> {
  return db.query.transaction().execute(async (trx) => {
    const tokens = sql`input_tokens + output_tokens + cache_read_tokens + cache_write_tokens`;
    const ofTurn = sql`turn_id = ${reservation.turn ?? ''}`;
    const ofDay = sql`created_at >= ${reservation.dayStart}`;
    const ofPersonDay = sql`person_id = ${scope.person} and ${ofDay}`;
    const spent = await sql<Spent>`
      select
        coalesce(sum(case when ${ofTurn} then cost_micro_usd end), 0) as turn,
        coalesce(sum(case when ${ofTurn} then ${tokens} end), 0) as turn_tokens,
        coalesce(sum(case when ${ofPersonDay} then cost_micro_usd end), 0) as person_day,
        coalesce(sum(case when ${ofPersonDay} then ${tokens} end), 0) as person_day_tokens,
        coalesce(sum(case when ${ofDay} then cost_micro_usd end), 0) as day,
        coalesce(sum(case when ${ofDay} then ${tokens} end), 0) as day_tokens
      from usage where ${ofDay} or ${ofTurn}`.execute(trx);
    const sums = spent.rows[0] ?? NOTHING_SPENT;
    const { caps } = reservation;
    const checks: readonly [CapName, number | null, number, number][] = [
      ['turn', caps.turnMicroUsd, sums.turn, reservation.microUsd],
      ['turn_tokens', caps.turnTokens, sums.turn_tokens, reservation.tokens],
      ['person_day', caps.personDayMicroUsd, sums.person_day, reservation.microUsd],
      ['person_day_tokens', caps.personDayTokens, sums.person_day_tokens, reservation.tokens],
      ['day', caps.dayMicroUsd, sums.day, reservation.microUsd],
      ['day_tokens', caps.dayTokens, sums.day_tokens, reservation.tokens],
    ];
    for (const [cap, limit, used, more] of checks)
      if (limit !== null && used + more > limit) return { ok: false, cap, limit, spent: used };
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

type Spent = Record<CapName, number>;

const NOTHING_SPENT: Spent = {
  turn: 0,
  turn_tokens: 0,
  person_day: 0,
  person_day_tokens: 0,
  day: 0,
  day_tokens: 0,
};

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
