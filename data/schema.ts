// Table types, one to one with data/migrations. Times are milliseconds since the epoch, JSON columns are text.
import type { Generated } from 'kysely';
import type {
  AccountId,
  ChatId,
  MessageId,
  PersonId,
  SessionId,
  SpaceId,
  ThreadId,
  TurnId,
  UserId,
} from '../shared/ids.ts';
import type { ChatKind, Origin, Role } from '../shared/messages.ts';
import type { EvidenceTables } from './evidence/tables.ts';
import type { SkillTables } from './learning/tables.ts';
import type { MemoryTables } from './memory/tables.ts';
import type { VectorTables } from './memory/vector-tables.ts';
import type { PolicyTables } from './policy/tables.ts';
import type { ScheduleTables } from './schedule/tables.ts';
import type { ProfileTables } from './profile/tables.ts';
import type { ReviewTables } from './review/tables.ts';
import type { WorkTables } from './work/tables.ts';

/** received → queued → running → one of the end states; commands go from received to answered. */
export const INBOX_END_STATES = ['answered', 'merged', 'superseded', 'refused', 'expired', 'dead'] as const;
export type InboxEndState = (typeof INBOX_END_STATES)[number];
export type InboxState = 'received' | 'queued' | 'running' | InboxEndState;

/** pending → sending → one of the end states. uncertain: it may have arrived and nobody can tell. */
export const OUTBOX_END_STATES = ['sent', 'uncertain', 'expired', 'dead'] as const;
export type OutboxEndState = (typeof OUTBOX_END_STATES)[number];
export type OutboxState = 'pending' | 'sending' | OutboxEndState;

export type OutboxKind = 'answer' | 'notice' | 'command' | 'message';
export type TurnState = 'running' | 'done' | 'stopped' | 'failed' | 'quarantined';
export type MessageRole = 'user' | 'assistant' | 'tool' | 'summary';
export type MessageState = 'active' | 'undone' | 'compacted';
export type Effect = 'pure' | 'idempotent' | 'reversible' | 'once';
export type ApprovalChoice = 'once' | 'session' | 'always';
export type ApprovalState = 'pending' | 'allowed' | 'denied' | 'expired' | 'used';

/** thread is '' where an address has none, so that unique keys work. */
interface AddressColumns {
  platform: string;
  account: AccountId;
  chat: ChatId;
  thread: ThreadId | '';
  chat_kind: ChatKind;
}

export interface Tables
  extends
    MemoryTables,
    VectorTables,
    PolicyTables,
    ProfileTables,
    WorkTables,
    SkillTables,
    ReviewTables,
    EvidenceTables,
    ScheduleTables {
  persons: {
    id: PersonId;
    name: string;
    role: Role;
    created_at: number;
  };
  /** What a person chose for all of their chats; none: everything as the configuration says. */
  person_settings: {
    person_id: PersonId;
    /** JSON of PersonSettings. */
    settings: string;
  };
  identities: {
    platform: string;
    account: AccountId;
    user_id: UserId;
    person_id: PersonId;
    name: string;
    created_at: number;
  };
  pairing_codes: {
    id: string;
    kind: 'pair' | 'link' | 'owner';
    platform: string;
    account: AccountId | '';
    user_id: UserId | '';
    user_name: string;
    person_id: PersonId | null;
    /** Address of the DM to tell about the approval; JSON. */
    address: string | null;
    salt: Buffer;
    hash: Buffer;
    created_at: number;
    expires_at: number;
    used_at: number | null;
  };
  pairing_locks: {
    platform: string;
    /** approve: somebody approved a code wrongly · redeem: somebody on this platform sent a wrong link code. */
    purpose: 'approve' | 'redeem';
    failures: number;
    failed_at: number;
    locked_until: number;
  };
  spaces: {
    id: SpaceId;
    kind: 'person' | 'group';
    person_id: PersonId | null;
    title: string;
    session_id: SessionId | null;
    created_at: number;
  };
  sessions: {
    id: SessionId;
    space_id: SpaceId;
    person_id: PersonId;
    title: string | null;
    model: string | null;
    personality: string | null;
    created_at: number;
    updated_at: number;
    task_id: string | null;
  };
  chats: AddressColumns & {
    title: string;
    /** Set when this chat has a session of its own instead of its space's. */
    session_id: SessionId | null;
    /** JSON of ChatSettings. */
    settings: string;
    last_inbound_at: number;
  };
  messages: {
    id: Generated<number>;
    session_id: SessionId;
    space_id: SpaceId;
    turn_id: TurnId | null;
    role: MessageRole;
    author: string;
    text: string;
    tool_call_id: string | null;
    tool_name: string | null;
    tool_calls: string | null;
    reasoning: string | null;
    files: string | null;
    is_error: number;
    origin: Origin;
    state: MessageState;
    created_at: number;
    /** 1: an old tool result that the model sees as one line. */
    stubbed: Generated<number>;
  };
  inbox: AddressColumns & {
    seq: Generated<number>;
    message_id: MessageId;
    kind: 'message' | 'edit' | 'delete' | 'button';
    revision: string;
    user_id: UserId;
    /** JSON of the whole InboundMessage. */
    payload: string;
    state: InboxState;
    reason: string | null;
    person_id: PersonId | null;
    session_id: SessionId | null;
    turn_id: TurnId | null;
    merged_into: number | null;
    received_at: number;
    /** Not before: debounce of bursts. */
    due_at: number;
    updated_at: number;
  };
  turns: AddressColumns & {
    id: TurnId;
    session_id: SessionId;
    space_id: SpaceId;
    person_id: PersonId;
    state: TurnState;
    /** How often it was begun: 1 + crashes. */
    attempts: number;
    error_code: string | null;
    started_at: number;
    ended_at: number | null;
    task_id: string | null;
  };
  journal: {
    turn_id: TurnId;
    step_key: string;
    kind: 'model' | 'tool' | 'steer';
    state: 'started' | 'done';
    effect: Effect | null;
    payload: string;
    seq: number;
    created_at: number;
  };
  outbox: AddressColumns & {
    seq: Generated<number>;
    key: string;
    chat_key: string;
    turn_id: TurnId | null;
    person_id: PersonId | null;
    kind: OutboxKind;
    part: number;
    parts: number;
    /** Markdown of this part. */
    text: string;
    files: string;
    buttons: string;
    reply_to: MessageId | null;
    /** Replace this message of ours instead of sending a new one. */
    edit_of: MessageId | null;
    silent: number;
    plain: number;
    state: OutboxState;
    attempts: number;
    due_at: number;
    expires_at: number;
    sent_ids: string | null;
    error: string | null;
    created_at: number;
    updated_at: number;
  };
  cursors: {
    platform: string;
    account: string;
    key: string;
    value: string;
    updated_at: number;
  };
  approvals: {
    id: string;
    turn_id: TurnId;
    call_id: string;
    space_id: SpaceId;
    person_id: PersonId;
    chat_key: string;
    tool: string;
    arguments: string;
    digest: string;
    state: ApprovalState;
    decided_by: PersonId | null;
    reason: string | null;
    /** What the person was told about it. */
    why: string;
    /** JSON of ApprovalGrant: what may be allowed for longer. */
    grant_json: string | null;
    /** For how long it was allowed. */
    choice: ApprovalChoice | null;
    created_at: number;
    expires_at: number;
    decided_at: number | null;
  };
  usage: {
    id: Generated<number>;
    person_id: PersonId;
    space_id: SpaceId;
    session_id: SessionId | null;
    turn_id: TurnId | null;
    cause: string;
    provider: string;
    model: string;
    state: 'reserved' | 'final';
    input_tokens: number;
    output_tokens: number;
    cache_read_tokens: number;
    cache_write_tokens: number;
    reasoning_tokens: number;
    /** Millionths of a US dollar. */
    cost_micro_usd: number;
    /** 0 when the model's price is not known: cost is then 0 or an estimate of the reservation. */
    cost_known: number;
    created_at: number;
  };
  audit: {
    id: Generated<number>;
    at: number;
    actor: string;
    action: string;
    subject: string;
    detail: string;
  };
  search_state: {
    /** Last message that is in the search indexes. */
    through: number;
    /** First one; what is older waits. */
    since: number;
  };
  meta: {
    key: string;
    value: string;
  };
}
