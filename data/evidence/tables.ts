// What skills are judged by: each turn with what came of it, which skills it used, turns that were gone through again, steps of curation.
import type { Generated } from 'kysely';
import type { PersonId, SessionId, SpaceId, TurnId } from '../../shared/ids.ts';

/**
 * verified: what the skill says to check was run and worked, or the person said that it is right · done: answered, and nobody complained ·
 * corrected: the person said that it was wrong, or took it back · failed: the turn ended with an error · abandoned: stopped, or no answer.
 */
export const TURN_OUTCOMES = ['verified', 'done', 'corrected', 'failed', 'abandoned'] as const;
export type TurnOutcome = (typeof TURN_OUTCOMES)[number];

/** noted: the first look at a space, from which on unused skills grow old. */
export type CurationKind = 'noted' | 'stale' | 'archive' | 'merge';

export interface EvidenceTables {
  /** Tasks of one kind. Words are kept as digests: enough to compare, not to read. */
  task_families: {
    id: string;
    space_id: SpaceId;
    /** JSON of string[]. */
    words: string;
    /** JSON of string[]: names of the tools that its first turn called. */
    tools: string;
    created_at: number;
    used_at: number;
  };
  task_turns: {
    turn_id: TurnId;
    space_id: SpaceId;
    person_id: PersonId;
    session_id: SessionId;
    family_id: string;
    outcome: TurnOutcome;
    /** 1: the person has gone on since, so nothing more is heard about it. */
    settled: number;
    micro_usd: number;
    /** 0 when the price of a call is not known. */
    cost_known: number;
    tokens: number;
    /** Replies of the model. */
    steps: number;
    tool_errors: number;
    /** Calls that the policy or the person refused, after a skill was read where one was. */
    denials: number;
    duration_ms: number;
    at: number;
  };
  skill_uses: {
    turn_id: TurnId;
    space_id: SpaceId;
    skill: string;
    /** '' for a read-only skill as it came. */
    revision: string;
    how: 'viewed' | 'asked';
  };
  skill_replays: {
    revision: string;
    turn_id: TurnId;
    space_id: SpaceId;
    skill: string;
    /** JSON of ReplayRun, of the turn with the skill and without. */
    with_run: string;
    without_run: string;
    at: number;
  };
  skill_curation: {
    id: Generated<number>;
    space_id: SpaceId;
    kind: CurationKind;
    skill: string;
    /** The one that stays, for a merge. */
    other: string | null;
    /** JSON of string[]: revisions that the step made. */
    revisions: string;
    why: string;
    at: number;
    undone_at: number | null;
  };
}
