// Conversations with the agent. A space has one current session; older ones stay readable and searchable.
import { sql, type Selectable } from 'kysely';
import { AppError } from '../shared/errors.ts';
import { sessionId, type SessionId } from '../shared/ids.ts';
import type { PersonId, SpaceId } from '../shared/ids.ts';
import type { Db, Query } from './db.ts';
import { prepare } from './query/prepared.ts';
import { newRowId } from './row-id.ts';
import type { Tables } from './schema.ts';
import type { Scope } from './scope.ts';

export interface Session {
  id: SessionId;
  space: SpaceId;
  person: PersonId;
  title: string | undefined;
  model: string | undefined;
  personality: string | undefined;
  createdAt: number;
  updatedAt: number;
}

/** Starts a session in the scope's space; it becomes the current one unless `detached`. */
export async function createSession(
  db: Db,
  scope: Scope,
  options: { detached?: boolean; like?: Session } = {},
): Promise<Session> {
  const now = db.clock.now();
  const session: Session = {
    id: sessionId(newRowId(now)),
    space: scope.space,
    person: scope.person,
    title: undefined,
    model: options.like?.model,
    personality: options.like?.personality,
    createdAt: now,
    updatedAt: now,
  };
  await db.query.transaction().execute(async (trx) => {
    await trx
      .insertInto('sessions')
      .values({
        id: session.id,
        space_id: session.space,
        person_id: session.person,
        title: null,
        model: session.model ?? null,
        personality: session.personality ?? null,
        created_at: now,
        updated_at: now,
      })
      .execute();
    if (!options.detached)
      await trx.updateTable('spaces').set({ session_id: session.id }).where('id', '=', scope.space).execute();
  });
  return session;
}

const selectCurrent = prepare<{ space: SpaceId }, Selectable<Tables['sessions']>>((query, { space }) =>
  query
    .selectFrom('spaces')
    .innerJoin('sessions', 'sessions.id', 'spaces.session_id')
    .selectAll('sessions')
    .where('spaces.id', '=', space)
    .where('sessions.space_id', '=', space),
);

/** The space's current session; undefined before the first. */
export async function currentSession(db: Db, scope: Scope): Promise<Session | undefined> {
  const { rows } = await selectCurrent(db.query, { space: scope.space });
  return rows[0] && sessionOf(rows[0]);
}

const selectSession = prepare<{ id: SessionId; space: SpaceId }, Selectable<Tables['sessions']>>(
  (query, { id, space }) => query.selectFrom('sessions').selectAll().where('id', '=', id).where('space_id', '=', space),
);

export async function getSession(db: Db, scope: Scope, id: SessionId): Promise<Session | undefined> {
  const { rows } = await selectSession(db.query, { id, space: scope.space });
  return rows[0] && sessionOf(rows[0]);
}

/** Latest first. */
export async function listSessions(
  db: Db,
  scope: Scope,
  limit: number,
): Promise<readonly (Session & { messages: number; opening: string })[]> {
  const rows = await db.query
    .selectFrom('sessions')
    .selectAll()
    .select((eb) => [
      eb
        .selectFrom('messages')
        .whereRef('messages.session_id', '=', 'sessions.id')
        .select((inner) => inner.fn.countAll<number>().as('count'))
        .as('messages'),
      eb
        .selectFrom('messages')
        .whereRef('messages.session_id', '=', 'sessions.id')
        .where('role', '=', 'user')
        .orderBy('id')
        .limit(1)
        .select('text')
        .as('opening'),
    ])
    .where('space_id', '=', scope.space)
    .where('task_id', 'is', null)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...sessionOf(row), messages: row.messages ?? 0, opening: row.opening ?? '' }));
}

/** Finds by id, exact title, or unique prefix of either, in the scope's space only. */
export async function findSessions(db: Db, scope: Scope, text: string): Promise<readonly Session[]> {
  const rows = await db.query
    .selectFrom('sessions')
    .selectAll()
    .where('space_id', '=', scope.space)
    .where('task_id', 'is', null)
    .orderBy('updated_at', 'desc')
    .execute();
  const wanted = text.toLowerCase();
  const named = rows.map((row) => ({ row, names: [row.id.toLowerCase(), row.title?.toLowerCase() ?? ''] }));
  const exact = named.filter(({ names }) => names.includes(wanted));
  const found = exact.length > 0 ? exact : named.filter(({ names }) => names.some((name) => name.startsWith(wanted)));
  return found.map(({ row }) => sessionOf(row));
}

/** Makes an existing session of the space its current one. False when it is not there. */
export async function switchSession(db: Db, scope: Scope, id: SessionId): Promise<boolean> {
  const result = await db.query
    .updateTable('spaces')
    .set({ session_id: id })
    .where('id', '=', scope.space)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('sessions')
          .select('sessions.id')
          .where('sessions.id', '=', id)
          .where('sessions.space_id', '=', scope.space),
      ),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Changes what is given; null takes a value away. False when the session is not there or the title is taken. */
export async function changeSession(
  db: Db,
  scope: Scope,
  id: SessionId,
  change: { title?: string | null; model?: string | null; personality?: string | null },
): Promise<boolean> {
  return db.query.transaction().execute(async (trx) => {
    if (typeof change.title === 'string') {
      const taken = await trx
        .selectFrom('sessions')
        .select('id')
        .where('space_id', '=', scope.space)
        .where('title', '=', change.title)
        .where('id', '<>', id)
        .executeTakeFirst();
      if (taken) return false;
    }
    const result = await trx
      .updateTable('sessions')
      .set({ ...change, updated_at: db.clock.now() })
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  });
}

/**
 * Deletes a session with all of its messages. False when it is not there. Rejects with AppError `not_allowed` while messages wait in it or
 * a turn runs: their answers would have no place to go.
 */
export async function deleteSession(db: Db, scope: Scope, id: SessionId): Promise<boolean> {
  return db.query.transaction().execute(async (trx) => {
    if (await isBusy(trx, scope, id))
      throw new AppError(
        'not_allowed',
        'Something is still being answered in that session. `/stop` it first. Nothing was deleted.',
      );
    await trx
      .updateTable('spaces')
      .set({ session_id: null })
      .where('id', '=', scope.space)
      .where('session_id', '=', id)
      .execute();
    const result = await trx
      .deleteFrom('sessions')
      .where('id', '=', id)
      .where('space_id', '=', scope.space)
      .executeTakeFirst();
    return result.numDeletedRows === 1n;
  });
}

/** The turn and the rows say which session they belong to; only those of the scope's own count. */
async function isBusy(trx: Query, scope: Scope, id: SessionId): Promise<boolean> {
  const turn = await trx
    .selectFrom('turns')
    .select('id')
    .where('session_id', '=', id)
    .where('space_id', '=', scope.space)
    .where(sql<boolean>`state = 'running'`)
    .limit(1)
    .executeTakeFirst();
  if (turn) return true;
  const waiting = await trx
    .selectFrom('inbox')
    .innerJoin('sessions', 'sessions.id', 'inbox.session_id')
    .select('inbox.seq')
    .where('inbox.session_id', '=', id)
    .where('sessions.space_id', '=', scope.space)
    .where(sql<boolean>`inbox.state in ('received','queued','running')`)
    .limit(1)
    .executeTakeFirst();
  return waiting !== undefined;
}

function sessionOf(row: Selectable<Tables['sessions']>): Session {
  return {
    id: row.id,
    space: row.space_id,
    person: row.person_id,
    title: row.title ?? undefined,
    model: row.model ?? undefined,
    personality: row.personality ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
