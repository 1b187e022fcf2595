// Table types of what is known of a person. Part of data/schema.ts.
import type { Generated } from 'kysely';
import type { PersonId, SessionId, TurnId } from '../../shared/ids.ts';

export type ClaimKind = 'preference' | 'skill' | 'goal' | 'style' | 'routine' | 'fact';
/** doubtful: as much speaks against it as for it · retracted: nobody holds it any more · corrected: the person said that it is wrong. */
export type ClaimState = 'active' | 'doubtful' | 'retracted' | 'corrected';

export interface ProfileTables {
  claims: {
    id: Generated<number>;
    person_id: PersonId;
    kind: ClaimKind;
    text: string;
    /** The text folded: a person has a claim once. */
    key: string;
    state: ClaimState;
    /** 1: the person's own word, which nothing but the person changes. */
    is_fixed: Generated<number>;
    /** Claim that stands instead of it. */
    replaced_by: number | null;
    created_at: number;
    seen_at: number;
    changed_at: number;
  };
  claim_evidence: {
    id: Generated<number>;
    claim_id: number;
    person_id: PersonId;
    /** Null for what the person said with a command. */
    message_id: number | null;
    turn_id: TurnId | null;
    side: 'for' | 'against';
    source: 'said' | 'corrected';
    quote: string;
    weight: number;
    platform: string | null;
    said_at: number;
    created_at: number;
  };
  profile_state: {
    person_id: PersonId;
    /** Last message that was looked at. */
    through: number;
  };
  profile_snapshots: {
    session_id: SessionId;
    person_id: PersonId;
    text: string;
    made_at: number;
  };
}
