// What happened over some time, in numbers: model calls, turns, tools, workers.
import { sql } from 'kysely';
import type { Db } from './db.ts';
import type { Scope } from './scope.ts';

export interface Span {
  /** ms since the epoch; the first counts, the last does not. */
  from: number;
  to: number;
}

export interface CallSums {
  /** Start of a quarter of an hour of UTC, in ms since the epoch: every time zone's days are made of such. */
  at: number;
  model: string;
  cause: string;
  calls: number;
  inputTokens: number;
  cachedTokens: number;
  outputTokens: number;
  microUsd: number;
  /** Calls whose price is not known. */
  unpriced: number;
}

const SLOT_MS = 15 * 60_000;

/** Model calls of the person, wherever they were made. */
export async function sumCalls(db: Db, scope: Scope, { from, to }: Span): Promise<readonly CallSums[]> {
  const slot = sql<number>`created_at / ${sql.lit(SLOT_MS)}`;
  const rows = await db.query
    .selectFrom('usage')
    .select((eb) => [
      slot.as('slot'),
      'model',
      'cause',
      eb.fn.countAll<number>().as('calls'),
      sql<number>`sum(input_tokens + cache_read_tokens + cache_write_tokens)`.as('inputTokens'),
      eb.fn.sum<number>('cache_read_tokens').as('cachedTokens'),
      eb.fn.sum<number>('output_tokens').as('outputTokens'),
      eb.fn.sum<number>('cost_micro_usd').as('microUsd'),
      sql<number>`sum(1 - cost_known)`.as('unpriced'),
    ])
    .where('person_id', '=', scope.person)
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .groupBy([slot, 'model', 'cause'])
    .orderBy(slot)
    .execute();
  return rows.map(({ slot: at, ...sums }) => ({ at: at * SLOT_MS, ...sums }));
}

export interface WorkSums {
  /** Turns that people began, by how they ended. */
  turns: Readonly<Record<string, number>>;
  conversations: number;
  /** Most used first. */
  tools: readonly { name: string; calls: number; failed: number }[];
  /** Workers by how they ended. */
  workers: Readonly<Record<string, number>>;
}

/** What was done in this space, by this person. */
export async function sumWork(db: Db, scope: Scope, { from, to }: Span): Promise<WorkSums> {
  // By way of the conversations that had something said in them: turns have no order by time of their own.
  const turns = db.query
    .selectFrom('sessions')
    .innerJoin('turns', 'turns.session_id', 'sessions.id')
    .where('sessions.space_id', '=', scope.space)
    .where('sessions.updated_at', '>=', from)
    .where('turns.person_id', '=', scope.person)
    .where('turns.started_at', '>=', from)
    .where('turns.started_at', '<', to);
  const ends = await turns
    .where('turns.task_id', 'is', null)
    .select((eb) => ['turns.state', eb.fn.countAll<number>().as('count')])
    .groupBy('turns.state')
    .execute();
  const sessions = await turns
    .where('turns.task_id', 'is', null)
    .select((eb) => eb.fn.count<number>('turns.session_id').distinct().as('count'))
    .executeTakeFirstOrThrow();
  const tools = await turns
    .innerJoin('messages', 'messages.turn_id', 'turns.id')
    .where('messages.role', '=', 'tool')
    .select((eb) => [
      'messages.tool_name',
      eb.fn.countAll<number>().as('calls'),
      eb.fn.sum<number>('messages.is_error').as('failed'),
    ])
    .groupBy('messages.tool_name')
    .orderBy('calls', 'desc')
    .orderBy('messages.tool_name')
    .limit(50)
    .execute();
  const workers = await db.query
    .selectFrom('tasks')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .groupBy('state')
    .execute();
  return {
    turns: Object.fromEntries(ends.map(({ state, count }) => [state, count])),
    conversations: sessions.count,
    tools: tools.map(({ tool_name, calls, failed }) => ({ name: tool_name ?? '', calls, failed })),
    workers: Object.fromEntries(workers.map(({ state, count }) => [state, count])),
  };
}

export interface LearnedSums {
  /** Skills that were written or changed from experience, and how the last change of each stands; newest first. */
  skills: readonly { skill: string; state: string }[];
  /** Entries of memory that are new. */
  memories: number;
}

/** What was learnt in this space. */
export async function sumLearned(db: Db, scope: Scope, { from, to }: Span): Promise<LearnedSums> {
  const revisions = await db.query
    .selectFrom('skill_revisions')
    .select(['skill', 'state'])
    .where('space_id', '=', scope.space)
    .where('author', 'in', ['agent', 'review'])
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  const memories = await db.query
    .selectFrom('memories')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('space_id', '=', scope.space)
    .where('state', '=', 'active')
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .executeTakeFirstOrThrow();
  return { skills: [...new Map(revisions.map((one) => [one.skill, one])).values()], memories: memories.count };
}

/** Runs of this person's jobs here that have ended, by state: once per job that had any, most first. */
export async function sumRuns(
  db: Db,
  scope: Scope,
  { from, to }: Span,
): Promise<readonly { job: string; state: string; runs: number; microUsd: number }[]> {
  const rows = await db.query
    .selectFrom('occurrences')
    .innerJoin('jobs', 'jobs.id', 'occurrences.job_id')
    .select((eb) => [
      'jobs.name as job',
      'occurrences.state',
      eb.fn.countAll<number>().as('runs'),
      eb.fn.sum<number>('occurrences.cost_micro_usd').as('microUsd'),
    ])
    .where('occurrences.space_id', '=', scope.space)
    .where('occurrences.person_id', '=', scope.person)
    .where('occurrences.ended_at', '>=', from)
    .where('occurrences.ended_at', '<', to)
    .groupBy(['jobs.id', 'occurrences.state'])
    .orderBy('runs', 'desc')
    .orderBy('jobs.name')
    .limit(50)
    .execute();
  return rows;
}
