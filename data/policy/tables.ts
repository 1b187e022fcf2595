// Tables of the policy that holds what the agent does, one to one with data/migrations/0005-hands.ts.
import type { Generated } from 'kysely';
import type { PersonId, SessionId, SpaceId, TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';

export type LedgerKind = 'request' | 'decision' | 'execution' | 'result' | 'grant' | 'revocation';

export interface PolicyTables {
  /** Calls that a person has allowed for longer than once. */
  grants: {
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    /** Set when it ends with a session. */
    session_id: SessionId | null;
    tool: string;
    key: string;
    title: string;
    wide: number;
    approval_id: string;
    uses: number;
    created_at: number;
    used_at: number | null;
    revoked_at: number | null;
  };
  /** Standing rules of a person or group. */
  rules: {
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    /** As the person said it. */
    words: string;
    verdict: 'ask' | 'deny';
    /** JSON of RuleSpec. */
    spec: string;
    created_at: number;
    removed_at: number | null;
  };
  /** What was asked, decided, run and came of it: a chain of hashes, each signed. Never changed, never pruned. */
  ledger: {
    seq: number;
    at: number;
    kind: LedgerKind;
    space_id: SpaceId;
    person_id: PersonId;
    subject: string;
    body: string;
    prev: string;
    hash: string;
    signature: string;
  };
  /** What was added to caps of a day. */
  extensions: {
    id: Generated<number>;
    cap: 'turn' | 'space_day' | 'person_day' | 'day';
    space_id: SpaceId;
    person_id: PersonId;
    day_start: number;
    micro_usd: number;
    tokens: number;
    created_at: number;
  };
  /** Tool results that were too long for the conversation. */
  results: {
    id: string;
    space_id: SpaceId;
    person_id: PersonId;
    turn_id: TurnId;
    tool: string;
    origin: Origin;
    text: string;
    created_at: number;
  };
  /** Times in which commands wrote files that may hold words of others. */
  taints: {
    id: Generated<number>;
    space_id: SpaceId;
    from_at: number;
    to_at: number;
  };
}
