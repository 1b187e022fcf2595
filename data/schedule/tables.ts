// Table types of jobs and their occurrences. Part of data/schema.ts.
import type { PersonId, SpaceId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';

export type JobRowState = 'active' | 'paused' | 'done' | 'removed';
export type OccurrenceState =
  | 'planned'
  | 'claimed'
  | 'running'
  | 'done'
  | 'failed'
  | 'interrupted'
  | 'skipped'
  | 'missed';
export type OccurrenceDelivery = 'none' | 'pending' | 'sent' | 'uncertain' | 'failed' | 'silent';
export type OccurrenceCause = 'schedule' | 'manual' | 'trigger';

export type TriggerKind = 'hook' | 'file' | 'process' | 'message';

export interface ScheduleTables {
  jobs: {
    id: string;
    name: string;
    space_id: SpaceId;
    person_id: PersonId;
    state: JobRowState;
    state_reason: string | null;
    /** JSON; scheduler/stored.ts reads these. */
    schedule: string;
    work: string;
    condition: string | null;
    delivery: string;
    permissions: string;
    policy: string;
    /** JSON of the Address where it was made. */
    origin: string;
    created_by: string;
    /** Failures in a row. */
    failures: number;
    alerted_at: number | null;
    created_at: number;
    updated_at: number;
  };
  occurrences: {
    id: string;
    job_id: string;
    space_id: SpaceId;
    person_id: PersonId;
    /** The instant that names it: unique in its job. */
    scheduled_at: number;
    /** After quiet hours and jitter. */
    due_at: number;
    /** When a runner looks at it; null: it has ended, or one works on it. */
    next_at: number | null;
    cause: OccurrenceCause;
    trigger_key: string | null;
    state: OccurrenceState;
    reason: string | null;
    failure: string | null;
    error_code: string | null;
    delivery: OccurrenceDelivery;
    attempts: number;
    failures: number;
    interruptions: number;
    lease_owner: string | null;
    lease_until: number | null;
    input: string | null;
    input_origin: Origin | null;
    result: string | null;
    result_origin: Origin | null;
    /** JSON of StoredFile[]. */
    files: string | null;
    cost_micro_usd: number;
    tokens: number;
    started_at: number | null;
    ended_at: number | null;
    created_at: number;
    updated_at: number;
  };
  /** What begins a job beside the time. */
  triggers: {
    id: string;
    job_id: string;
    space_id: SpaceId;
    person_id: PersonId;
    kind: TriggerKind;
    /** JSON; gateway/triggers reads it. */
    spec: string;
    /** Of a webhook: what its posts are signed with. */
    secret: string | null;
    /** Of a file: what it was like when it was looked at last. */
    mark: string | null;
    /** How often it has begun a run. */
    fired: number;
    fired_at: number | null;
    created_at: number;
    removed_at: number | null;
  };
}
