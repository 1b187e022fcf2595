// What data/process/review.ts finds over all people, as the agent may know it.
import type { SessionId } from '../../shared/ids.ts';
import type { Address, Role } from '../../shared/messages.ts';
import type { Scope } from '../scope.ts';
import type { ReviewCause } from './tables.ts';

export interface DueReview {
  scope: Scope;
  session: SessionId;
  role: Role;
  /** Where the conversation went on last. */
  address: Address;
  cause: ReviewCause;
  dueAt: number;
}

/** A space in which its person is to be told something. */
export interface UntoldPlace {
  scope: Scope;
  /** Of what waits there. */
  session: SessionId;
}
