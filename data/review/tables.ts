// Tables of looking back (migration 0010).
import type { Generated } from 'kysely';
import type { PersonId, SessionId, SpaceId, TurnId } from '../../shared/ids.ts';

/** turns: enough was said · idle: nothing was said for a while · compress: history becomes a summary · left: the person went on elsewhere. */
export type ReviewCause = 'turns' | 'idle' | 'compress' | 'left';

/** cut: it was broken off, and is made again. */
export type ReviewState = 'running' | 'done' | 'failed' | 'cut';

export interface ReviewTables {
  review_marks: {
    session_id: SessionId;
    space_id: SpaceId;
    /** Who spoke last: their budget pays. */
    person_id: PersonId;
    /** Last message that was looked at; 0 before the first. */
    through_id: number;
    /** Null: nothing to look at. */
    due_at: number | null;
    /** It waits until then whatever `due_at` says: for a budget, or after a failure. */
    not_before: number;
    cause: ReviewCause | null;
    /** Begun and not ended: crashes. */
    attempts: number;
    failures: number;
    updated_at: number;
  };
  reviews: {
    id: Generated<number>;
    space_id: SpaceId;
    person_id: PersonId;
    session_id: SessionId;
    from_id: number;
    through_id: number;
    cause: ReviewCause;
    state: ReviewState;
    kept: number;
    pending: number;
    drafts: number;
    /** For people: what came of it, or why nothing did. */
    detail: string;
    started_at: number;
    ended_at: number | null;
  };
  review_patterns: {
    turn_id: TurnId;
    space_id: SpaceId;
    session_id: SessionId;
    steps: string;
    created_at: number;
  };
  review_news: {
    key: string;
    space_id: SpaceId;
    person_id: PersonId;
    session_id: SessionId;
    kind: 'skill' | 'memory';
    skill: string | null;
    text: string;
    created_at: number;
    told_at: number | null;
  };
}
