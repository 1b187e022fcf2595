// Table types of work in hand: what is to do, what is asked, what workers do. Part of data/schema.ts.
import type { PersonId, SessionId, SpaceId, TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';

export type QuestionState = 'open' | 'answered' | 'declined' | 'expired' | 'closed';
export type TaskState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

export interface WorkTables {
  todos: {
    session_id: SessionId;
    space_id: SpaceId;
    /** JSON of TodoItem[]. */
    items: string;
    updated_at: number;
  };
  /** What a person is asked in the middle of a turn. */
  questions: {
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    turn_id: TurnId;
    /** Of the call that asks; unique in its turn. */
    key: string;
    chat_key: string;
    /** Who wants to know, when it is not Herald itself. */
    asker: string | null;
    /** JSON of string[]. */
    choices: string;
    multi: number;
    can_decline: number;
    /** closed: whoever asked does not wait any more. */
    state: QuestionState;
    /** JSON of string[]. */
    answer: string | null;
    /** Whose words the answer is. */
    origin: Origin | null;
    created_at: number;
    expires_at: number;
    ended_at: number | null;
  };
  /** Work that the agent handed to a worker of its own. */
  tasks: {
    id: string;
    /** First of its tree. */
    root_id: string;
    parent_id: string | null;
    /** Of the call that made it; unique in its turn, so that a replay makes it once. */
    key: string;
    space_id: SpaceId;
    person_id: PersonId;
    session_id: SessionId;
    turn_id: TurnId;
    /** Of the worker itself, once it has begun. */
    own_session_id: SessionId | null;
    own_turn_id: TurnId | null;
    /** JSON of the Address that the turn answers. */
    address: string;
    name: string;
    preset: string;
    goal: string;
    /** JSON of TaskSpec. */
    spec: string;
    depth: number;
    state: TaskState;
    result: string | null;
    /** Whether whoever asked has been given the result. */
    told: number;
    /** Goes on when the turn that made it has ended. */
    background: number;
    /** JSON of string[]: what a person said to it that it has not read. */
    steering: string;
    attempts: number;
    created_at: number;
    ended_at: number | null;
  };
  /** What the workers of one tree of tasks share. */
  cells: {
    root_id: string;
    key: string;
    space_id: SpaceId;
    type: string;
    value: string;
    version: number;
    author: string;
    origin: Origin;
    holder: string | null;
    lease_until: number | null;
    updated_at: number;
  };
}
