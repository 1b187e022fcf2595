// Turns with what came of them, and the skills that they used. Idempotent by turn: a turn that is recorded again is as it was recorded last.
import { sql, type Selectable } from 'kysely';
import { z } from 'zod';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Db, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { TurnOutcome } from './tables.ts';

/** Families that a new turn is compared with: those used last. */
const MAX_FAMILIES = 500;

export interface TaskFamily {
  id: string;
  /** Digests of the words of its first request. */
  words: readonly string[];
  tools: readonly string[];
}

export interface SkillUse {
  skill: string;
  /** Undefined for a read-only skill as it came. */
  revision: string | undefined;
  /** asked: by `/skill-name` · viewed: the agent read it. */
  how: 'viewed' | 'asked';
}

export interface TurnRecord {
  turn: TurnId;
  session: SessionId;
  family: string;
  outcome: TurnOutcome;
  settled: boolean;
  steps: number;
  toolErrors: number;
  denials: number;
  /** ms since the epoch: its end. */
  at: number;
  uses: readonly SkillUse[];
}

export interface RecordedTurn extends TurnRecord {
  microUsd: number;
  costKnown: boolean;
  tokens: number;
  durationMs: number;
}

/** Kinds of tasks of this space, used last first. */
export async function listFamilies(db: Db, scope: Scope): Promise<readonly TaskFamily[]> {
  const rows = await db.query
    .selectFrom('task_families')
    .select(['id', 'words', 'tools'])
    .where('space_id', '=', scope.space)
    .orderBy('used_at', 'desc')
    .limit(MAX_FAMILIES)
    .execute();
  return rows.map(({ id, words, tools }) => ({ id, words: parseNames(words), tools: parseNames(tools) }));
}

/** Makes a family and returns its id. */
export async function addFamily(db: Db, scope: Scope, family: Omit<TaskFamily, 'id'>): Promise<string> {
  const now = db.clock.now();
  const id = newRowId(now);
  await db.query
    .insertInto('task_families')
    .values({
      id,
      space_id: scope.space,
      words: JSON.stringify(family.words),
      tools: JSON.stringify(family.tools),
      created_at: now,
      used_at: now,
    })
    .execute();
  return id;
}

/** Writes it down with what the turn has cost so far. False, and nothing written, when the turn is not of this space. */
export async function recordTurn(db: Db, scope: Scope, record: TurnRecord): Promise<boolean> {
  return db.query.transaction().execute(async (trx) => {
    const own = await trx
      .selectFrom('turns')
      .select(['started_at', 'ended_at'])
      .where('id', '=', record.turn)
      .where('session_id', '=', record.session)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    if (!own) return false;
    await trx.deleteFrom('task_turns').where('turn_id', '=', record.turn).execute();
    await trx
      .insertInto('task_turns')
      .values({
        turn_id: record.turn,
        space_id: scope.space,
        person_id: scope.person,
        session_id: record.session,
        family_id: record.family,
        outcome: record.outcome,
        settled: record.settled ? 1 : 0,
        ...(await spentBy(trx, scope, record.turn)),
        steps: record.steps,
        tool_errors: record.toolErrors,
        denials: record.denials,
        duration_ms: Math.max(0, (own.ended_at ?? record.at) - own.started_at),
        at: record.at,
      })
      .execute();
    for (const use of record.uses)
      await trx
        .insertInto('skill_uses')
        .values({
          turn_id: record.turn,
          space_id: scope.space,
          skill: use.skill,
          revision: use.revision ?? '',
          how: use.how,
        })
        .execute();
    await trx
      .updateTable('task_families')
      .set({ used_at: record.at })
      .where('id', '=', record.family)
      .where('space_id', '=', scope.space)
      .execute();
    return true;
  });
}

async function spentBy(
  trx: Query,
  scope: Scope,
  turn: TurnId,
): Promise<Pick<Tables['task_turns'], 'micro_usd' | 'tokens' | 'cost_known'>> {
  const row = await trx
    .selectFrom('usage')
    .select((eb) => [
      eb.fn.sum<number | null>('cost_micro_usd').as('money'),
      eb.fn.min<number | null>('cost_known').as('known'),
      sql<number | null>`sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)`.as('tokens'),
    ])
    .where('turn_id', '=', turn)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  return { micro_usd: row?.money ?? 0, tokens: row?.tokens ?? 0, cost_known: row?.known ?? 0 };
}

const keepIsAny = makeKeeper<boolean>('task_turns');

/** What was recorded of a session last, `except` left out; undefined when nothing was. */
export async function lastRecorded(
  db: Db,
  scope: Scope,
  at: { session: SessionId; except?: TurnId | undefined },
): Promise<{ turn: TurnId; outcome: TurnOutcome; settled: boolean } | undefined> {
  const isAny = await keepIsAny(db, `${scope.space}\u001f${at.session}`, async () => {
    const rows = await db.query
      .selectFrom('task_turns')
      .select('turn_id')
      .where('space_id', '=', scope.space)
      .where('session_id', '=', at.session)
      .limit(1)
      .execute();
    return rows.length > 0;
  });
  if (!isAny) return undefined;
  let rows = db.query
    .selectFrom('task_turns')
    .select(['turn_id', 'outcome', 'settled'])
    .where('space_id', '=', scope.space)
    .where('session_id', '=', at.session);
  if (at.except !== undefined) rows = rows.where('turn_id', '<', at.except);
  const row = await rows.orderBy('turn_id', 'desc').limit(1).executeTakeFirst();
  return row && { turn: row.turn_id, outcome: row.outcome, settled: row.settled === 1 };
}

/** Skills that earlier turns of the same session used in tasks of this kind, as they used them last. */
export async function usedBefore(
  db: Db,
  scope: Scope,
  at: { session: SessionId; family: string; turn: TurnId },
): Promise<readonly SkillUse[]> {
  const rows = await db.query
    .selectFrom('skill_uses')
    .innerJoin('task_turns', 'task_turns.turn_id', 'skill_uses.turn_id')
    .select(['skill_uses.skill', 'skill_uses.revision', 'skill_uses.how'])
    .where('task_turns.space_id', '=', scope.space)
    .where('task_turns.session_id', '=', at.session)
    .where('task_turns.family_id', '=', at.family)
    .where('task_turns.turn_id', '<', at.turn)
    .orderBy('task_turns.turn_id')
    .execute();
  const last = new Map(rows.map((row) => [row.skill, row]));
  return [...last.values()].map(({ skill, revision, how }) => ({
    skill,
    revision: revision === '' ? undefined : revision,
    how,
  }));
}

/** Says anew what came of a turn; nothing more is expected about it. */
export async function settleTurn(db: Db, scope: Scope, turn: TurnId, outcome: TurnOutcome): Promise<void> {
  await db.query
    .updateTable('task_turns')
    .set({ outcome, settled: 1 })
    .where('space_id', '=', scope.space)
    .where('turn_id', '=', turn)
    .execute();
}

/** What the person took back (`/undo`, `/retry`) was not what they wanted. Returns how many turns that changed. */
export async function markTakenBack(db: Db, scope: Scope): Promise<number> {
  const result = await db.query
    .updateTable('task_turns')
    .set({ outcome: 'corrected', settled: 1 })
    .where('space_id', '=', scope.space)
    .where('outcome', 'in', ['verified', 'done'])
    .where('turn_id', 'in', (eb) =>
      eb
        .selectFrom('messages')
        .select((one) => one.ref('messages.turn_id').$notNull().as('turn'))
        .where('messages.space_id', '=', scope.space)
        .where('messages.state', '=', 'undone')
        .where('messages.turn_id', 'is not', null)
        .whereRef('messages.turn_id', '=', 'task_turns.turn_id'),
    )
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Turns of every kind of task in which a skill was used, with it and without, oldest first; no older than `since`. */
export async function listTurnsAround(
  db: Db,
  scope: Scope,
  around: { skill: string; since: number },
): Promise<readonly RecordedTurn[]> {
  const rows = await db.query
    .selectFrom('task_turns')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('at', '>=', around.since)
    .where('family_id', 'in', (eb) =>
      eb
        .selectFrom('skill_uses')
        .innerJoin('task_turns as used', 'used.turn_id', 'skill_uses.turn_id')
        .select('used.family_id')
        .where('skill_uses.space_id', '=', scope.space)
        .where('skill_uses.skill', '=', around.skill),
    )
    .orderBy('at')
    .orderBy('turn_id')
    .execute();
  const uses = await usesOf(
    db,
    scope,
    rows.map(({ turn_id }) => turn_id),
  );
  return rows.map((row) => recordedTurn(row, uses.get(row.turn_id) ?? []));
}

const USES_AT_A_TIME = 500;

async function usesOf(
  db: Db,
  scope: Scope,
  turns: readonly TurnId[],
): Promise<ReadonlyMap<TurnId, readonly SkillUse[]>> {
  const found = new Map<TurnId, SkillUse[]>();
  for (let from = 0; from < turns.length; from += USES_AT_A_TIME) {
    const rows = await db.query
      .selectFrom('skill_uses')
      .select(['turn_id', 'skill', 'revision', 'how'])
      .where('space_id', '=', scope.space)
      .where('turn_id', 'in', turns.slice(from, from + USES_AT_A_TIME))
      .execute();
    for (const { turn_id, skill, revision, how } of rows) {
      const known = found.get(turn_id) ?? [];
      known.push({ skill, revision: revision === '' ? undefined : revision, how });
      found.set(turn_id, known);
    }
  }
  return found;
}

/** Names of skills that were ever used in tasks of the same kinds as these turns. */
export async function skillsAround(db: Db, scope: Scope, turns: readonly TurnId[]): Promise<readonly string[]> {
  if (turns.length === 0) return [];
  const rows = await db.query
    .selectFrom('skill_uses')
    .innerJoin('task_turns', 'task_turns.turn_id', 'skill_uses.turn_id')
    .select('skill_uses.skill')
    .distinct()
    .where('skill_uses.space_id', '=', scope.space)
    .where('task_turns.family_id', 'in', (eb) =>
      eb
        .selectFrom('task_turns as around')
        .select('around.family_id')
        .where('around.space_id', '=', scope.space)
        .where('around.turn_id', 'in', turns),
    )
    .orderBy('skill_uses.skill')
    .execute();
  return rows.map(({ skill }) => skill);
}

/** Names of skills that were used in this space, each with the time of its last use. */
export async function listUsedSkills(
  db: Db,
  scope: Scope,
): Promise<readonly { skill: string; usedAt: number; uses: number }[]> {
  return db.query
    .selectFrom('skill_uses')
    .innerJoin('task_turns', 'task_turns.turn_id', 'skill_uses.turn_id')
    .select((eb) => [
      'skill_uses.skill as skill',
      eb.fn.max<number>('task_turns.at').as('usedAt'),
      eb.fn.countAll<number>().as('uses'),
    ])
    .where('skill_uses.space_id', '=', scope.space)
    .groupBy('skill_uses.skill')
    .orderBy('skill_uses.skill')
    .execute();
}

function recordedTurn(row: Selectable<Tables['task_turns']>, uses: readonly SkillUse[]): RecordedTurn {
  return {
    turn: row.turn_id,
    session: row.session_id,
    family: row.family_id,
    outcome: row.outcome,
    settled: row.settled === 1,
    steps: row.steps,
    toolErrors: row.tool_errors,
    denials: row.denials,
    durationMs: row.duration_ms,
    at: row.at,
    uses,
    microUsd: row.micro_usd,
    costKnown: row.cost_known === 1,
    tokens: row.tokens,
  };
}

const namesSchema = z.array(z.string());

function parseNames(json: string): readonly string[] {
  return namesSchema.parse(JSON.parse(json));
}
