// Table types of skills. Part of data/schema.ts.
import type { SessionId, SpaceId, TurnId, PersonId } from '../../shared/ids.ts';

export type SkillAuthorRow = 'person' | 'agent' | 'review' | 'hub';
export type SkillRevisionState =
  | 'proposed'
  | 'trial'
  | 'active'
  | 'superseded'
  | 'rolled_back'
  | 'rejected'
  | 'archived';

export interface SkillTables {
  skill_revisions: {
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    skill: string;
    /** From 1 within its skill and space. */
    number: number;
    /** Null: made from a read-only skill, or from nothing. */
    parent_id: string | null;
    author: SkillAuthorRow;
    reason: string;
    /** JSON of TurnId[]. */
    turns: string;
    session_id: SessionId | null;
    is_foreign: number;
    is_deletion: number;
    category: string | null;
    /** community: it holds text of a community skill. */
    trust: 'own' | 'community';
    state: SkillRevisionState;
    findings: string;
    created_at: number;
    decided_at: number | null;
    decided_why: string;
  };
  skill_blobs: {
    space_id: SpaceId;
    /** SHA-256 of the content, hex. */
    hash: string;
    content: Buffer;
  };
  /** All files of a revision, SKILL.md too. */
  skill_files: {
    revision_id: string;
    space_id: SpaceId;
    path: string;
    hash: string;
    bytes: number;
  };
  skill_marks: {
    space_id: SpaceId;
    skill: string;
    frozen: number;
    pinned: number;
    archived: number;
    updated_at: number;
  };
  /** Skills whose text a conversation has been given, the last time each. */
  skill_loads: {
    session_id: SessionId;
    space_id: SpaceId;
    skill: string;
    revision_id: string | null;
    turn_id: TurnId | null;
    loaded_at: number;
  };
}
