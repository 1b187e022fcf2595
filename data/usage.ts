// One row per model call: reserved before it at its largest possible cost, settled after it. Caps count reservations too, so
// that calls at the same time cannot overspend together.
import type { PersonId, SessionId, SpaceId, TurnId } from '../shared/ids.ts';
import type { Db, Query } from './db.ts';
import { prepare } from './query/prepared.ts';
import type { Tables } from './schema.ts';
import { addedToday } from './policy/extensions.ts';
import type { Scope } from './scope.ts';
import { AMOUNT, spentOf, type Amount, type Place, type Sum } from './derived/spent.ts';

export interface UsageCaps {
  /** Millionths of a US dollar; null = no cap. */
  turnMicroUsd: number | null;
  personDayMicroUsd: number | null;
  dayMicroUsd: number | null;
  /** Tokens in and out; null = no cap. They hold also where prices are not known. */
  turnTokens: number | null;
  personDayTokens: number | null;
  dayTokens: number | null;
  /** Of one conversation: a person's direct chats together, or a group. */
  spaceDayMicroUsd?: number | null;
  spaceDayTokens?: number | null;
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
  /** What calls of this cause may take together of the person's day, within all other caps. Default: no more than those say. */
  causeCaps?: { microUsd: number; tokens: number } | undefined;
}

export type CapName = Sum | `${Sum}_tokens` | 'cause_day' | 'cause_day_tokens';

const insertReservation = prepare<Omit<Tables['usage'], 'id'>, { id: number }>((query, row) =>
  query.insertInto('usage').values(row).returning('id'),
);

/** Reserves within all caps, or says which one is in the way and what is spent of it (micro-dollars, or tokens). */
export async function reserveUsage(
  db: Db,
  scope: Scope,
  reservation: UsageReservation,
): Promise<{ ok: true; id: number; fullest: CapShare | undefined } | CapRefusal> {
  const spent = spentOf(db);
  const place: Place = { ...scope, turn: reservation.turn, dayStart: reservation.dayStart };
  return db.query.transaction().execute(async (trx) => {
    const beyond = await weighCause(trx, scope, reservation);
    if (beyond) return beyond;
    const added = await addedToday(db, scope, reservation.dayStart, trx);
    const found = await weighCaps((sum) => spent.read(trx, sum, place), reservation, added);
    if ('ok' in found) return found;
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
    return { ok: true, id, fullest: found.fullest };
  });
}

type CapRefusal = { ok: false; cap: CapName; limit: number; spent: number };

/** Summed up from the rows each time: what has a budget of its own is seldom called. */
async function weighCause(
  query: Query,
  scope: Scope,
  { causeCaps, cause, dayStart, microUsd, tokens }: UsageReservation,
): Promise<CapRefusal | undefined> {
  if (!causeCaps) return undefined;
  const spent = await query
    .selectFrom('usage')
    .select(AMOUNT)
    .where('person_id', '=', scope.person)
    .where('created_at', '>=', dayStart)
    .where('cause', '=', cause)
    .executeTakeFirstOrThrow();
  if (spent.money + microUsd > causeCaps.microUsd)
    return { ok: false, cap: 'cause_day', limit: causeCaps.microUsd, spent: spent.money };
  if (spent.tokens + tokens > causeCaps.tokens)
    return { ok: false, cap: 'cause_day_tokens', limit: causeCaps.tokens, spent: spent.tokens };
  return undefined;
}

/** How much of a cap is spent or reserved, from 0 to 1. */
export interface CapShare {
  cap: CapName;
  share: number;
}

/** The cap that the call could pass, or else the one that is nearest. Sums only where a cap is set, so that without caps nobody pays for them. */
async function weighCaps(
  read: (sum: Sum) => Promise<Amount>,
  { caps, ...call }: UsageReservation,
  added: (sum: Sum) => { microUsd: number; tokens: number },
): Promise<CapRefusal | { fullest: CapShare | undefined }> {
  const groups = [
    { sum: 'turn', money: caps.turnMicroUsd, tokens: caps.turnTokens },
    { sum: 'space_day', money: caps.spaceDayMicroUsd ?? null, tokens: caps.spaceDayTokens ?? null },
    { sum: 'person_day', money: caps.personDayMicroUsd, tokens: caps.personDayTokens },
    { sum: 'day', money: caps.dayMicroUsd, tokens: caps.dayTokens },
  ] as const;
  let fullest: CapShare | undefined;
  for (const { sum, ...caps } of groups) {
    if (caps.money === null && caps.tokens === null) continue;
    const spent = await read(sum);
    const more = added(sum);
    const weighed = [
      { cap: sum, limit: caps.money, extra: more.microUsd, spent: spent.money, next: call.microUsd },
      { cap: `${sum}_tokens`, limit: caps.tokens, extra: more.tokens, spent: spent.tokens, next: call.tokens },
    ] as const;
    for (const one of weighed) {
      if (one.limit === null) continue;
      const limit = one.limit + one.extra;
      if (one.spent + one.next > limit) return { ok: false, cap: one.cap, limit, spent: one.spent };
      const share = limit === 0 ? 0 : one.spent / limit;
      if (share > (fullest?.share ?? 0)) fullest = { cap: one.cap, share };
    }
  }
  return { fullest };
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

/** What one turn took so far, with all that counts there: reservations of calls that go on included. */
export async function sumTurn(db: Db, scope: Scope, turn: TurnId): Promise<{ microUsd: number; tokens: number }> {
  const row = await db.query
    .selectFrom('usage')
    .select((eb) => [
      eb.fn.coalesce(eb.fn.sum<number>('cost_micro_usd'), eb.lit(0)).as('microUsd'),
      eb.fn.coalesce(eb.fn.sum<number>('input_tokens'), eb.lit(0)).as('input'),
      eb.fn.coalesce(eb.fn.sum<number>('output_tokens'), eb.lit(0)).as('output'),
      eb.fn.coalesce(eb.fn.sum<number>('cache_read_tokens'), eb.lit(0)).as('read'),
      eb.fn.coalesce(eb.fn.sum<number>('cache_write_tokens'), eb.lit(0)).as('written'),
    ])
    .where('turn_id', '=', turn)
    .where('person_id', '=', scope.person)
    .where('space_id', '=', scope.space)
    .executeTakeFirstOrThrow();
  return { microUsd: row.microUsd, tokens: row.input + row.output + row.read + row.written };
}
