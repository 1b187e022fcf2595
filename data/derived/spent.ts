// What was spent so far, kept in memory between calls: summing up a day's rows before each model call would take longer with each call.
// Right only while nobody but data/usage.ts writes to the table; after any other write, a rollback or an overlap it is read again.
import { sql } from 'kysely';
import type { PersonId, SpaceId, TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import { prepare } from '../query/prepared.ts';
import type { TableWrites } from '../query/table-writes.ts';

/** Millionths of a US dollar, and tokens in and out. */
export interface Amount {
  money: number;
  tokens: number;
}

/** A call's place in the sums: its person, its turn and when it was made. */
export interface Place {
  person: PersonId;
  space: SpaceId;
  /** A call outside of turns has spent nothing of its own before. */
  turn: TurnId | undefined;
  /** Start of the day that the day's sums count from, in ms since the epoch. */
  dayStart: number;
}

export type Sum = 'turn' | 'space_day' | 'person_day' | 'day';

export interface Spent {
  /** What stands in the table; to be asked within the transaction that relies on it. */
  read(query: Query, sum: Sum, place: Place): Promise<Amount>;
  /** To be called before a row is written; its functions after it, if that went well. */
  beginWrite(): {
    reserved(id: number, amount: Amount, place: Place): void;
    settled(id: number, amount: Amount): void;
  };
}

/** Sums kept; the longest unused go first. */
const MAX_SUMS = 1_000;
const perDatabase = new WeakMap<TableWrites, Spent>();

export function spentOf(db: Db): Spent {
  const known = perDatabase.get(db.writes);
  if (known) return known;
  const made = makeSpent(db.writes);
  perDatabase.set(db.writes, made);
  return made;
}

function makeSpent(writes: TableWrites): Spent {
  let sums = new Map<string, Amount>();
  /** Reservations of this process that are not settled yet. */
  const open = new Map<number, { amount: Amount; place: Place }>();
  /** Writes to the table that the sums have in them. */
  let counted = writes.count('usage');
  let dayStart = 0;
  /** Another one after each time that the sums were dropped. */
  let generation = 0;

  function drop(): void {
    sums = new Map();
    counted = writes.count('usage');
    generation++;
  }

  function add(more: Amount, place: Place, sign: 1 | -1): void {
    for (const sum of ['turn', 'space_day', 'person_day', 'day'] as const) {
      const known = sums.get(keyOf(sum, place));
      if (!known) continue;
      known.money += sign * more.money;
      known.tokens += sign * more.tokens;
    }
  }

  return {
    async read(query, sum, place) {
      if (counted !== writes.count('usage') || place.dayStart !== dayStart) drop();
      dayStart = place.dayStart;
      const key = keyOf(sum, place);
      const known = sums.get(key) ?? (await sumUp(query, sum, place));
      sums.delete(key);
      sums.set(key, known);
      for (const oldest of sums.keys()) {
        if (sums.size <= MAX_SUMS) break;
        sums.delete(oldest);
      }
      return { ...known };
    },
    beginWrite() {
      if (counted !== writes.count('usage')) drop();
      const mine = generation;
      // Dropped meanwhile: the next sum has this write in it, or the count tells that it has not.
      const isKnown = (place: Place | undefined) => mine === generation && place?.dayStart === dayStart;
      return {
        reserved(id, amount, place) {
          open.set(id, { amount, place });
          if (!isKnown(place)) return drop();
          counted++;
          add(amount, place, 1);
        },
        settled(id, amount) {
          const reservation = open.get(id);
          open.delete(id);
          if (!reservation || !isKnown(reservation.place)) return drop();
          counted++;
          add(reservation.amount, reservation.place, -1);
          add(amount, reservation.place, 1);
        },
      };
    },
  };
}

function keyOf(sum: Sum, { person, space, turn }: Place): string {
  switch (sum) {
    case 'turn':
      return ['turn', turn ?? '', space, person].join('\u001f');
    case 'space_day':
      return `space ${space}`;
    case 'person_day':
      return `person ${person}`;
    case 'day':
      return 'day';
  }
}

/** Columns that sum up an Amount. */
export const AMOUNT = [
  sql<number>`coalesce(sum(cost_micro_usd), 0)`.as('money'),
  sql<number>`coalesce(sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens), 0)`.as('tokens'),
] as const;

/** Asked anew in each turn. */
const sumOfTurn = prepare<{ turn: TurnId; space: SpaceId; person: PersonId }, Amount>((query, slots) =>
  query
    .selectFrom('usage')
    .where('turn_id', '=', slots.turn)
    .where('space_id', '=', slots.space)
    .where('person_id', '=', slots.person)
    .select(AMOUNT),
);

async function sumUp(query: Query, sum: Sum, { turn, space, person, dayStart }: Place): Promise<Amount> {
  if (sum === 'turn') {
    const { rows } = turn === undefined ? { rows: [] } : await sumOfTurn(query, { turn, space, person });
    return rows[0] ?? { money: 0, tokens: 0 };
  }
  const ofDay = query.selectFrom('usage').where('created_at', '>=', dayStart);
  const counted =
    sum === 'day'
      ? ofDay
      : sum === 'space_day'
        ? ofDay.where('space_id', '=', space)
        : ofDay.where('person_id', '=', person);
  return counted.select(AMOUNT).executeTakeFirstOrThrow();
}
