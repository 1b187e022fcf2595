// What a skill is, and what others may ask of the library of skills. A skill is a folder with SKILL.md (agentskills.io); who it belongs to
// and what became of it are rows.
import type { Scope } from '../data/scope.ts';
import type { SessionId, TurnId } from '../shared/ids.ts';
import type { Origin } from '../shared/messages.ts';

/** As a revision: the read-only skill itself, whatever lies over it. */
export const READ_ONLY = 'read-only';

/** builtin: shipped with Herald · installed: from a hub · shared: a read-only folder of the configuration · own: of this space. */
export type SkillSource = 'builtin' | 'installed' | 'shared' | 'own';

/** community: foreign text until a person trusts it. */
export type SkillTrust = 'builtin' | 'trusted' | 'community' | 'own';

/** What is in force in one space, an overlay over a read-only skill applied. */
export interface SkillInfo {
  name: string;
  description: string;
  category: string | undefined;
  source: SkillSource;
  trust: SkillTrust;
  /** Id of the revision in force; undefined for a read-only skill without overlay. */
  revision: string | undefined;
  /** On trial: shown to some turns only, until there is evidence. */
  isTrial: boolean;
  /** Nobody but the person may change it. */
  frozen: boolean;
  /** Never archived, and always in the index. */
  pinned: boolean;
  archived: boolean;
  /** Words that say when it helps: description, tags, triggers. What the index is ranked by. */
  searchText: string;
}

export interface OpenSkill extends SkillInfo {
  /** Front matter as parsed; see skills/format.ts. */
  frontMatter: Readonly<Record<string, unknown>>;
  /** SKILL.md after its front matter. */
  body: string;
  /** Other files: path within the skill, with forward slashes, and size in bytes. */
  files: readonly { path: string; bytes: number }[];
  /** Whose words it is: foreign until trusted. */
  origin: Origin;
}

export type SkillAuthor = 'person' | 'agent' | 'review' | 'hub';

/** One step of a change; several are made together or not at all. */
export type SkillStep =
  | { action: 'create'; text: string; category?: string | undefined }
  | { action: 'patch'; old: string; new: string; path?: string | undefined; all?: boolean | undefined }
  | { action: 'edit'; text: string }
  | { action: 'delete'; absorbedInto?: string | undefined }
  | { action: 'write_file'; path: string; text: string }
  | { action: 'remove_file'; path: string };

export interface SkillChange {
  name: string;
  steps: readonly SkillStep[];
  author: SkillAuthor;
  /** Why, for people. */
  reason: string;
  /** Turns that it was learnt from. */
  turns: readonly TurnId[];
  session: SessionId | undefined;
  /** Words of others were read before it was written. */
  isForeign: boolean;
  /** proposed: waits for the person · trial: in force for some turns until there is evidence · active: in force. */
  as: 'proposed' | 'trial' | 'active';
}

/** proposed → trial or active or rejected; trial → active or rolled_back; active → superseded, rolled_back or archived. */
export type RevisionState = 'proposed' | 'trial' | 'active' | 'superseded' | 'rolled_back' | 'rejected' | 'archived';

export interface SkillRevision {
  id: string;
  skill: string;
  /** From 1, in the order in which they were made. */
  number: number;
  /** The revision that it changes; undefined: a read-only skill, or nothing. */
  parent: string | undefined;
  author: SkillAuthor;
  reason: string;
  turns: readonly TurnId[];
  isForeign: boolean;
  /** True for the revision that takes the skill away. */
  isDeletion: boolean;
  state: RevisionState;
  /** Findings of the guard, '' when there are none. */
  findings: string;
  createdAt: number;
  decidedAt: number | undefined;
}

/** All of one space. Rejects with AppError: `not_found`, `bad_input`, `not_allowed` (frozen, read-only). */
export interface SkillLibrary {
  list(scope: Scope): Promise<readonly SkillInfo[]>;
  /** What is in force, or one revision. */
  open(scope: Scope, name: string, revision?: string): Promise<OpenSkill | undefined>;
  readFile(scope: Scope, name: string, path: string, revision?: string): Promise<string>;
  /** Checks, scans and stores it: all steps or none. */
  change(scope: Scope, change: SkillChange): Promise<SkillRevision>;
  revisions(scope: Scope, name?: string): Promise<readonly SkillRevision[]>;
  /** Unified diff against its parent. */
  diff(scope: Scope, revision: string): Promise<string>;
  /** Puts a revision into another state; what is in force follows. */
  decide(scope: Scope, revision: string, state: Exclude<RevisionState, 'proposed'>, why: string): Promise<void>;
  /** Makes an earlier revision (or the read-only skill itself: undefined) the one in force. */
  rollback(scope: Scope, name: string, to: string | undefined, why: string): Promise<void>;
  mark(scope: Scope, name: string, marks: { frozen?: boolean; pinned?: boolean; archived?: boolean }): Promise<void>;
}
