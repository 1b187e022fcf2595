// Work that the agent hands to workers of its own. A worker has a session and a turn of its own, whose journal lets it go on after a crash.
import type { Selectable } from 'kysely';
import { sessionId, turnId, type SessionId, type TurnId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { Db, Query } from '../db.ts';
import { addressColumns, storedAddress } from '../process/chats.ts';
import { makeKeeper } from '../query/keep.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { TaskState } from './tables.ts';

export interface Task {
  id: string;
  /** Turn that the whole tree began in. */
  root: TurnId;
  parent: string | undefined;
  /** Session and turn that asked for it; of a job, names that stand for them. */
  session: SessionId;
  turn: TurnId;
  own: { session: SessionId; turn: TurnId } | undefined;
  name: string;
  preset: string;
  goal: string;
  /** JSON; agent/subagents reads it. */
  spec: string;
  depth: number;
  state: TaskState;
  background: boolean;
  result: string | undefined;
  told: boolean;
  attempts: number;
  createdAt: number;
  endedAt: number | undefined;
}

export interface NewTask extends Pick<
  Task,
  'root' | 'parent' | 'session' | 'turn' | 'name' | 'preset' | 'goal' | 'spec' | 'depth' | 'background'
> {
  /** Unique in the turn that asks: a replay of the call finds the task of the first time. */
  key: string;
  address: Address;
}

/** The task of this key: a new one, or the one that an earlier start of the same turn made. */
export async function addTask(db: Db, scope: Scope, task: NewTask): Promise<Task> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const known = await own(trx, scope).where('turn_id', '=', task.turn).where('key', '=', task.key).executeTakeFirst();
    if (known) return taskOf(known);
    const row = await trx
      .insertInto('tasks')
      .values({
        id: newRowId(now),
        root_id: task.root,
        parent_id: task.parent ?? null,
        key: task.key,
        space_id: scope.space,
        person_id: scope.person,
        session_id: task.session,
        turn_id: task.turn,
        own_session_id: null,
        own_turn_id: null,
        address: JSON.stringify(task.address),
        name: task.name,
        preset: task.preset,
        goal: task.goal,
        spec: task.spec,
        depth: task.depth,
        state: 'waiting',
        result: null,
        told: 0,
        background: task.background ? 1 : 0,
        steering: '[]',
        attempts: 0,
        created_at: now,
        ended_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return taskOf(row);
  });
}

/** The task that was made under this key by this turn, or for this job. */
export async function findTask(db: Db, scope: Scope, made: { turn: TurnId; key: string }): Promise<Task | undefined> {
  const row = await own(db.query, scope)
    .where('turn_id', '=', made.turn)
    .where('key', '=', made.key)
    .executeTakeFirst();
  return row && taskOf(row);
}

export async function getTask(db: Db, scope: Scope, id: string): Promise<Task | undefined> {
  const row = await own(db.query, scope).where('id', '=', id).executeTakeFirst();
  return row && taskOf(row);
}

/** Of one session, or all of this person here; newest first. */
export async function listTasks(
  db: Db,
  scope: Scope,
  filter: { session?: SessionId; root?: TurnId; limit: number },
): Promise<readonly Task[]> {
  let query = own(db.query, scope).orderBy('id', 'desc').limit(filter.limit);
  if (filter.session !== undefined) query = query.where('session_id', '=', filter.session);
  if (filter.root !== undefined) query = query.where('root_id', '=', filter.root);
  return (await query.execute()).map(taskOf);
}

const keptLive = makeKeeper<readonly Task[]>('tasks');

/** Those of one session that have not ended, newest first, at most 20. */
export async function listLiveTasks(db: Db, scope: Scope, session: SessionId): Promise<readonly Task[]> {
  return keptLive(db, `${scope.space} ${scope.person} ${session}`, async () => {
    const rows = await own(db.query, scope)
      .where('session_id', '=', session)
      .where('state', 'in', ['waiting', 'running'])
      .orderBy('id', 'desc')
      .limit(20)
      .execute();
    return rows.map(taskOf);
  });
}

/**
 * waiting or running → running, with session and turn of its own: made at the first time, found again after a crash. Undefined when it has
 * ended. The place is that of the turn that asked.
 */
export async function beginTask(db: Db, scope: Scope, id: string): Promise<Task | undefined> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const row = await own(trx, scope)
      .where('id', '=', id)
      .where('state', 'in', ['waiting', 'running'])
      .executeTakeFirst();
    if (!row) return undefined;
    const place = taskOf(row).own ?? (await makePlace(trx, scope, row, now));
    const begun = await trx
      .updateTable('tasks')
      .set((eb) => ({
        state: 'running',
        attempts: eb('attempts', '+', 1),
        own_session_id: place.session,
        own_turn_id: place.turn,
      }))
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .returningAll()
      .executeTakeFirstOrThrow();
    return taskOf(begun);
  });
}

async function makePlace(
  trx: Query,
  scope: Scope,
  row: Selectable<Tables['tasks']>,
  now: number,
): Promise<{ session: SessionId; turn: TurnId }> {
  const session = sessionId(newRowId(now));
  const turn = turnId(newRowId(now));
  await trx
    .insertInto('sessions')
    .values({
      id: session,
      space_id: scope.space,
      person_id: scope.person,
      title: null,
      model: null,
      personality: null,
      created_at: now,
      updated_at: now,
      task_id: row.id,
    })
    .execute();
  const asking = await trx
    .selectFrom('turns')
    .select(['platform', 'account', 'chat', 'thread', 'chat_kind'])
    .where('id', '=', row.turn_id)
    .where('space_id', '=', scope.space)
    .executeTakeFirst();
  await trx
    .insertInto('turns')
    .values({
      ...(asking ?? addressColumns(storedAddress.parse(JSON.parse(row.address)))),
      id: turn,
      session_id: session,
      space_id: scope.space,
      person_id: scope.person,
      state: 'running',
      attempts: 1,
      error_code: null,
      started_at: now,
      ended_at: null,
      task_id: row.id,
    })
    .execute();
  return { session, turn };
}

/** Of a task that no turn asked for. */
/** Ends a task that runs, with what it came to; its journal has done its work. False when it had ended. */
export async function endTask(
  db: Db,
  scope: Scope,
  id: string,
  end: { state: Exclude<TaskState, 'waiting' | 'running'>; result: string },
): Promise<boolean> {
  const now = db.clock.now();
  return db.query.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('tasks')
      .set({ state: end.state, result: end.result, ended_at: now })
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .where('person_id', '=', scope.person)
      .where('state', 'in', ['waiting', 'running'])
      .returning('own_turn_id')
      .executeTakeFirst();
    if (!row) return false;
    if (row.own_turn_id !== null) {
      const state = end.state === 'done' ? 'done' : end.state === 'failed' ? 'failed' : 'stopped';
      await trx.updateTable('turns').set({ state, ended_at: now }).where('id', '=', row.own_turn_id).execute();
      await trx.deleteFrom('journal').where('turn_id', '=', row.own_turn_id).execute();
    }
    return true;
  });
}

/** Notes that whoever asked has the result. */
export async function markTaskTold(db: Db, scope: Scope, id: string): Promise<void> {
  await db.query
    .updateTable('tasks')
    .set({ told: 1 })
    .where('id', '=', id)
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person)
    .execute();
}

/** Says something to a worker that has not ended; it reads it after its next step. False when there is no such one. */
export async function steerTask(db: Db, scope: Scope, id: string, text: string): Promise<boolean> {
  return db.query.transaction().execute(async (trx) => {
    const row = await own(trx, scope)
      .where('id', '=', id)
      .where('state', 'in', ['waiting', 'running'])
      .executeTakeFirst();
    if (!row) return false;
    const steering = JSON.stringify([...readSteering(row.steering), text]);
    await trx.updateTable('tasks').set({ steering }).where('id', '=', id).where('space_id', '=', scope.space).execute();
    return true;
  });
}

/** What was said to a worker since; it is in the journal of its turn from then on, as step `stepKey`. */
export async function takeSteering(
  db: Db,
  scope: Scope,
  id: string,
  { stepKey, payload }: { stepKey: string; payload(texts: readonly string[]): string },
): Promise<readonly string[]> {
  return db.query.transaction().execute(async (trx) => {
    const row = await own(trx, scope).where('id', '=', id).where('state', '=', 'running').executeTakeFirst();
    const texts = row ? readSteering(row.steering) : [];
    if (!row || row.own_turn_id === null || texts.length === 0) return [];
    await trx.updateTable('tasks').set({ steering: '[]' }).where('id', '=', id).execute();
    const last = await trx
      .selectFrom('journal')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('turn_id', '=', row.own_turn_id)
      .executeTakeFirst();
    await trx
      .insertInto('journal')
      .values({
        turn_id: row.own_turn_id,
        step_key: stepKey,
        kind: 'steer',
        state: 'done',
        effect: null,
        payload: payload(texts),
        seq: (last?.seq ?? 0) + 1,
        created_at: db.clock.now(),
      })
      .execute();
    return texts;
  });
}

function readSteering(json: string): readonly string[] {
  const parsed: unknown = JSON.parse(json);
  return Array.isArray(parsed) ? parsed.filter((text) => typeof text === 'string') : [];
}

/** Tasks are their person's own, in a group too. */
function own(query: Query, scope: Scope) {
  return query
    .selectFrom('tasks')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('person_id', '=', scope.person);
}

function taskOf(row: Selectable<Tables['tasks']>): Task {
  return {
    id: row.id,
    root: turnId(row.root_id),
    parent: row.parent_id ?? undefined,
    session: row.session_id,
    turn: row.turn_id,
    own:
      row.own_session_id === null || row.own_turn_id === null
        ? undefined
        : { session: row.own_session_id, turn: row.own_turn_id },
    name: row.name,
    preset: row.preset,
    goal: row.goal,
    spec: row.spec,
    depth: row.depth,
    state: row.state,
    background: row.background === 1,
    result: row.result ?? undefined,
    told: row.told === 1,
    attempts: row.attempts,
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
  };
}
