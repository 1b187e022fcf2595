// The ledger of curation: what was noted, archived or proposed to be merged, and what was taken back of it.
import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { Db } from '../db.ts';
import type { Tables } from '../schema.ts';
import type { Scope } from '../scope.ts';
import type { CurationKind } from './tables.ts';

export interface CurationStep {
  id: number;
  kind: CurationKind;
  /** '' for the first look. */
  skill: string;
  /** The one that stays, for a merge. */
  other: string | undefined;
  /** Ids of revisions that it made. */
  revisions: readonly string[];
  why: string;
  at: number;
  undoneAt: number | undefined;
}

export async function addCurationStep(
  db: Db,
  scope: Scope,
  step: Pick<CurationStep, 'kind' | 'skill' | 'other' | 'revisions' | 'why'>,
): Promise<CurationStep> {
  const row = await db.query
    .insertInto('skill_curation')
    .values({
      space_id: scope.space,
      kind: step.kind,
      skill: step.skill,
      other: step.other ?? null,
      revisions: JSON.stringify(step.revisions),
      why: step.why,
      at: db.clock.now(),
      undone_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return stepOf(row);
}

/** Latest first. */
export async function listCurationSteps(db: Db, scope: Scope): Promise<readonly CurationStep[]> {
  const rows = await db.query
    .selectFrom('skill_curation')
    .selectAll()
    .where('space_id', '=', scope.space)
    .orderBy('id', 'desc')
    .execute();
  return rows.map(stepOf);
}

/** False when it is not there, or was taken back before. */
export async function markCurationUndone(db: Db, scope: Scope, id: number): Promise<boolean> {
  const result = await db.query
    .updateTable('skill_curation')
    .set({ undone_at: db.clock.now() })
    .where('space_id', '=', scope.space)
    .where('id', '=', id)
    .where('undone_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

const namesSchema = z.array(z.string());

function stepOf(row: Selectable<Tables['skill_curation']>): CurationStep {
  return {
    id: row.id,
    kind: row.kind,
    skill: row.skill,
    other: row.other ?? undefined,
    revisions: namesSchema.parse(JSON.parse(row.revisions)),
    why: row.why,
    at: row.at,
    undoneAt: row.undone_at ?? undefined,
  };
}
