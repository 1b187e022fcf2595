// The journal of a running turn: each model reply and each tool call is a row before the next step, so that a turn killed
// anywhere resumes with its finished steps replayed. Steps are readable only within the turn's own space.
import { AppError } from '../shared/errors.ts';
import type { SpaceId, TurnId } from '../shared/ids.ts';
import type { Db } from './db.ts';
import { prepare } from './query/prepared.ts';
import type { Effect, Tables } from './schema.ts';
import type { Scope } from './scope.ts';

export interface JournalStep {
  key: string;
  kind: Tables['journal']['kind'];
  /** started: begun, and not known to have ended. */
  state: 'started' | 'done';
  effect: Effect | undefined;
  /** JSON of the step's own shape (agent/journal.ts). */
  payload: string;
}

/** Steps of a turn in the order they were begun. */
export async function listSteps(db: Db, scope: Scope, turn: TurnId): Promise<readonly JournalStep[]> {
  const rows = await db.query
    .selectFrom('journal')
    .innerJoin('turns', 'turns.id', 'journal.turn_id')
    .selectAll('journal')
    .where('journal.turn_id', '=', turn)
    .where('turns.space_id', '=', scope.space)
    .orderBy('journal.seq')
    .execute();
  return rows.map((row) => ({
    key: row.step_key,
    kind: row.kind,
    state: row.state,
    effect: row.effect ?? undefined,
    payload: row.payload,
  }));
}

interface StepValues {
  turn: TurnId;
  space: SpaceId;
  key: string;
  kind: JournalStep['kind'];
  state: JournalStep['state'];
  effect: Effect | null;
  payload: string;
  now: number;
}

const insertStep = prepare<StepValues>((query, step) =>
  query
    .insertInto('journal')
    .columns(['turn_id', 'step_key', 'kind', 'state', 'effect', 'payload', 'seq', 'created_at'])
    .expression((eb) =>
      eb
        .selectFrom('turns')
        .select((inner) => [
          'turns.id as turn_id',
          step.key.as('step_key'),
          step.kind.as('kind'),
          step.state.as('state'),
          step.effect.as('effect'),
          step.payload.as('payload'),
          inner
            .selectFrom('journal')
            .where('journal.turn_id', '=', step.turn)
            .select((j) => j(j.fn.coalesce(j.fn.max('journal.seq'), j.lit(0)), '+', 1).as('seq'))
            .as('seq'),
          step.now.as('created_at'),
        ])
        .where('turns.id', '=', step.turn)
        .where('turns.space_id', '=', step.space)
        .where('turns.state', '=', 'running'),
    )
    .onConflict((conflict) =>
      conflict.columns(['turn_id', 'step_key']).doUpdateSet({ state: step.state, payload: step.payload }),
    ),
);

/**
 * Writes a step, or its new state and payload when the key is there already. Rejects with AppError `cancelled` when the turn is not running
 * in the scope's space (any more): then nothing was written, and nothing that follows from the step may be done.
 */
export async function writeStep(db: Db, scope: Scope, turn: TurnId, step: JournalStep): Promise<void> {
  const { key, kind, state, payload, effect = null } = step;
  const values = { turn, space: scope.space, key, kind, state, effect, payload, now: db.clock.now() };
  const { numAffectedRows } = await insertStep(db.query, values);
  if (numAffectedRows !== 1n) throw new AppError('cancelled', 'This turn has ended.');
}
