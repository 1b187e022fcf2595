// Jobs and occurrences as they are stored. What their JSON columns hold is read by scheduler/stored.ts.
import type { Insertable, Selectable } from 'kysely';
import type { Origin } from '../../shared/messages.ts';
import type { Tables } from '../schema.ts';
import { newRowId } from '../row-id.ts';
import type { OccurrenceCause } from './tables.ts';

export type JobRow = Selectable<Tables['jobs']>;
export type OccurrenceRow = Selectable<Tables['occurrences']>;

/** What is stored of a job as text. */
export type JobTexts = Pick<
  JobRow,
  'name' | 'schedule' | 'work' | 'condition' | 'delivery' | 'permissions' | 'policy' | 'origin' | 'created_by'
>;

export interface NewOccurrence {
  scheduledAt: number;
  dueAt: number;
  cause: OccurrenceCause;
  triggerKey?: string | undefined;
  input?: { text: string; origin: Origin } | undefined;
}

/** An occurrence that waits for its time. */
export function occurrenceValues(
  job: Pick<JobRow, 'id' | 'space_id' | 'person_id'>,
  planned: NewOccurrence,
  now: number,
): Insertable<Tables['occurrences']> {
  return {
    id: newRowId(now),
    job_id: job.id,
    space_id: job.space_id,
    person_id: job.person_id,
    scheduled_at: planned.scheduledAt,
    due_at: planned.dueAt,
    next_at: planned.dueAt,
    cause: planned.cause,
    trigger_key: planned.triggerKey ?? null,
    state: 'planned',
    reason: null,
    failure: null,
    error_code: null,
    delivery: 'none',
    attempts: 0,
    failures: 0,
    interruptions: 0,
    lease_owner: null,
    lease_until: null,
    input: planned.input?.text ?? null,
    input_origin: planned.input?.origin ?? null,
    result: null,
    result_origin: null,
    files: null,
    cost_micro_usd: 0,
    tokens: 0,
    started_at: null,
    ended_at: null,
    created_at: now,
    updated_at: now,
  };
}
