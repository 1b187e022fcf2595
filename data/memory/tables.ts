// Tables of what is remembered, one to one with data/migrations/0006-memory.ts and 0014-forgettings.ts. Part of data/schema.ts.
import type { Generated } from 'kysely';
import type { PersonId, SessionId, SpaceId, TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';

/** memory: what the agent noted · user: who the person is. */
export type MemoryTarget = 'memory' | 'user';
/** core: in each prompt · archive: found when it fits. */
export type MemoryPlace = 'core' | 'archive';
/**
 * pending: words of others that wait for a person's yes · blocked: it would steer the agent · superseded: taken out or replaced. What is
 * forgotten has no row any more.
 */
export type MemoryState = 'active' | 'pending' | 'blocked' | 'superseded';
/** Who made it: a person by command, the agent in a turn, the look back at one, or a person's hand in the file. */
export type MemoryAuthor = 'person' | 'agent' | 'review' | 'file';

/** all: whatever a service knows of a person or group · session, turn, memory: what it was told of one. */
export type ForgettingKind = 'all' | 'session' | 'turn' | 'memory';

export interface MemoryTables {
  /** What services outside are yet to forget. */
  forgettings: {
    id: Generated<number>;
    space_id: SpaceId;
    person_id: PersonId;
    /** As the configuration calls it. */
    service: string;
    kind: ForgettingKind;
    /** Id of what it is; '' for all. */
    ref: string;
    attempts: Generated<number>;
    due_at: number;
    created_at: number;
  };
  memories: {
    id: Generated<number>;
    space_id: SpaceId;
    person_id: PersonId;
    target: MemoryTarget;
    place: MemoryPlace;
    state: MemoryState;
    text: string;
    /** Equal for texts that differ in case, accents and punctuation only. */
    fold: string;
    /** Why it is blocked. */
    reason: string | null;
    /** The entry that stands in its place. */
    replaced_by: number | null;
    author: MemoryAuthor;
    origin: Origin;
    turn_id: TurnId | null;
    session_id: SessionId | null;
    /** Who said that words of others may stay. */
    approved_by: PersonId | null;
    created_at: number;
    updated_at: number;
    /** How often it was of use, and when last; not versioned. */
    uses: Generated<number>;
    used_at: number | null;
  };
  /** Changes that belong together, and are undone together. */
  memory_batches: {
    seq: Generated<number>;
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    author: MemoryAuthor;
    origin: Origin;
    turn_id: TurnId | null;
    session_id: SessionId | null;
    /** In words, for people. */
    title: string;
    /** The batch that this one undid. */
    undoes: string | null;
    undone_by: string | null;
    created_at: number;
  };
  memory_versions: {
    id: Generated<number>;
    batch_id: string;
    space_id: SpaceId;
    memory_id: number;
    /** JSON of the row; null: there was none. */
    before: string | null;
    after: string | null;
  };
  /** What the system prompt of a session says, so that it stays the same throughout. */
  memory_snapshots: {
    session_id: SessionId;
    space_id: SpaceId;
    text: string;
    /** JSON of what stood in it. */
    entries: string;
    created_at: number;
  };
  /** The files as they were last written: what differs from that was written by a person. */
  memory_files: {
    space_id: SpaceId;
    target: MemoryTarget;
    content: string;
  };
}
