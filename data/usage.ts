// One row per model call: reserved before it at its largest possible cost, settled after it. Caps count reservations too, so
// that calls at the same time cannot overspend together.
import type { PersonId, SessionId, SpaceId, TurnId } from '../shared/ids.ts';
import type { Db } from './db.ts';
import { prepare } from './query/prepared.ts';
import type { Tables } from './schema.ts';
import type { Scope } from './scope.ts';
import { spentOf, type Amount, type Place, type Sum } from './derived/spent.ts';

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

const insertReservation = prepare<Omit<Tables['usage'], 'id'>, { id: number }>((query, row) =>
  query.insertInto('usage').values(row).returning('id'),
);

/** Reserves within all caps, or says which one is in the way and what is spent of it (micro-dollars, or tokens). */
export async function reserveUsage(
  db: Db,
  scope: Scope,
  reservation: UsageReservation,
): Promise<{ ok: true; id: number } | CapRefusal> {
  const spent = spentOf(db);
  const place: Place = { ...scope, turn: reservation.turn, dayStart: reservation.dayStart };
  return db.query.transaction().execute(async (trx) => {
    const refusal = await findCapInTheWay((sum) => spent.read(trx, sum, place), reservation);
    if (refusal) return refusal;
    const write = spent.beginWrite();
    const { rows } = await insertReservation(trx, {
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
    });
    const id = rows[0]?.id ?? 0;
    write.reserved(id, { money: reservation.microUsd, tokens: reservation.tokens }, place);
    return { ok: true, id };
  });
}

type CapRefusal = { ok: false; cap: CapName; limit: number; spent: number };

/** Sums only where a cap is set, so that an installation without caps pays for none. */
async function findCapInTheWay(
  read: (sum: Sum) => Promise<Amount>,
  { caps, ...call }: UsageReservation,
): Promise<CapRefusal | undefined> {
  const groups = [
    { sum: 'turn', money: caps.turnMicroUsd, tokens: caps.turnTokens },
    { sum: 'person_day', money: caps.personDayMicroUsd, tokens: caps.personDayTokens },
    { sum: 'day', money: caps.dayMicroUsd, tokens: caps.dayTokens },
  ] as const;
  for (const { sum, money, tokens } of groups) {
    if (money === null && tokens === null) continue;
    const spent = await read(sum);
    if (money !== null && spent.money + call.microUsd > money)
      return { ok: false, cap: sum, limit: money, spent: spent.money };
    if (tokens !== null && spent.tokens + call.tokens > tokens)
      return { ok: false, cap: `${sum}_tokens`, limit: tokens, spent: spent.tokens };
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

const settleRow = prepare<UsageActual & { id: number; person: PersonId; space: SpaceId; known: number }>(
  (query, actual) =>
    query
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
        cost_known: actual.known,
      })
      .where('id', '=', actual.id)
      .where('person_id', '=', actual.person)
      .where('space_id', '=', actual.space),
);

/** Replaces the reservation by what the call really took; all zero for a call that never reached the provider. */
export async function settleUsage(db: Db, scope: Scope, id: number, actual: UsageActual): Promise<void> {
  const write = spentOf(db).beginWrite();
  const result = await settleRow(db.query, { ...actual, ...scope, id, known: actual.costKnown ? 1 : 0 });
  const tokens = actual.input + actual.output + actual.cacheRead + actual.cacheWrite;
  if (result.numAffectedRows === 1n) write.settled(id, { money: actual.microUsd, tokens });
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
