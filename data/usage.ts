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
  /** Tokens of a turn, in and out; null = no cap. */
  turnTokens: number | null;
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

export type CapName = 'turn' | 'person_day' | 'day' | 'turn_tokens';

/** Reserves within all caps, or says which one is in the way and what is spent of it (micro-dollars, or tokens). */
export async function reserveUsage(
  db: Db,
  scope: Scope,
  reservation: UsageReservation,
): Promise<{ ok: true; id: number } | { ok: false; cap: CapName; limit: number; spent: number }> {
  return db.query.transaction().execute(async (trx) => {
    const spent = await sql<{ turn: number; turn_tokens: number; person_day: number; day: number }>`
      select
        coalesce(sum(case when turn_id = ${reservation.turn ?? ''} then cost_micro_usd end), 0) as turn,
        coalesce(sum(case when turn_id = ${reservation.turn ?? ''} then input_tokens + output_tokens + cache_read_tokens + cache_write_tokens end), 0) as turn_tokens,
        coalesce(sum(case when person_id = ${scope.person} and created_at >= ${reservation.dayStart} then cost_micro_usd end), 0) as person_day,
        coalesce(sum(case when created_at >= ${reservation.dayStart} then cost_micro_usd end), 0) as day
      from usage where created_at >= ${reservation.dayStart} or turn_id = ${reservation.turn ?? ''}`.execute(trx);
    const sums = spent.rows[0] ?? { turn: 0, turn_tokens: 0, person_day: 0, day: 0 };
    const { caps } = reservation;
    const checks: readonly [CapName, number | null, number, number][] = [
      ['turn', caps.turnMicroUsd, sums.turn, reservation.microUsd],
      ['turn_tokens', caps.turnTokens, sums.turn_tokens, reservation.tokens],
      ['person_day', caps.personDayMicroUsd, sums.person_day, reservation.microUsd],
      ['day', caps.dayMicroUsd, sums.day, reservation.microUsd],
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
