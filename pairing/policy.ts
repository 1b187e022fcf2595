// Who may talk to the agent and which commands they may use. Pure decisions; the default is closed. Carried out and recorded by
// gateway/authorize.ts.
import type { Person } from '../data/process/people.ts';
import type { ChatId, UserId } from '../shared/ids.ts';
import type { ChatKind, Role } from '../shared/messages.ts';

/** allowlist: only chats named in the configuration · open: any group chat · disabled: none. Senders are checked in all of them. */
export type GroupPolicy = 'allowlist' | 'open' | 'disabled';

/** What the configuration says about one platform. */
export interface AccessPolicy {
  /**
   * Senders who count as paired. An entry is the platform's user id, compared exactly; or `@name`, the user name, compared without
   * case. A bare word never matches a user name, since anybody may choose one that looks like another's id.
   */
  allowedUsers: readonly string[];
  allowAllUsers: boolean;
  groupPolicy: GroupPolicy;
  /** Chat ids, compared exactly. */
  allowedChats: readonly string[];
  /** In groups, only what names or answers us. */
  requireMention: boolean;
  unauthorizedDm: 'code' | 'ignore';
}

export interface AccessRequest {
  /** Whom the sender's account belongs to; undefined when nobody was paired or linked with it. */
  person: Person | undefined;
  chatKind: ChatKind;
  chat: ChatId;
  user: UserId;
  /** As the platform gives it, with or without `@`. */
  username?: string | undefined;
  /** The text names us or answers us; always true in a DM. */
  addressed: boolean;
  /** The sender is a bot. */
  bot: boolean;
  /** Somebody vouches that the sender is who the message says. */
  verified: boolean;
  policy: AccessPolicy;
}

export type AccessRefusal =
  /** Bots are never answered: two of them would talk for ever. */
  | 'bot'
  /** Anybody could have written this in the sender's name. */
  | 'unverified'
  | 'group_disabled'
  | 'group_not_allowed'
  | 'not_addressed'
  | 'unpaired_group'
  /** A DM of somebody unknown, where the configuration says to ignore them. */
  | 'unpaired_dm';

export type AccessDecision =
  /** `person` of the request may talk. */
  | { allowed: true; kind: 'allow' }
  /** The configuration allows the sender: make them a member, then let them talk. */
  | { allowed: true; kind: 'admit' }
  /** Not yet: a DM of somebody unknown, who gets a pairing code. */
  | { allowed: false; kind: 'offer_code'; reason: 'unpaired_dm' }
  | { allowed: false; kind: 'refuse'; reason: AccessRefusal };

/** Whether a message may be answered. Nothing of it may be opened, transcribed or shown to a model before this says so. */
export function decideAccess(request: AccessRequest): AccessDecision {
  if (request.bot) return refuse('bot');
  if (!request.verified) return refuse('unverified');
  const isListed = request.policy.allowAllUsers || isAllowedUser(request);
  if (request.chatKind === 'dm') {
    if (request.person) return { allowed: true, kind: 'allow' };
    if (isListed) return { allowed: true, kind: 'admit' };
    if (request.policy.unauthorizedDm === 'ignore') return refuse('unpaired_dm');
    return { allowed: false, kind: 'offer_code', reason: 'unpaired_dm' };
  }
  const group = decideGroup(request);
  if (group !== undefined) return refuse(group);
  if (request.person) return { allowed: true, kind: 'allow' };
  return isListed ? { allowed: true, kind: 'admit' } : refuse('unpaired_group');
}

function decideGroup({ policy, chat, addressed }: AccessRequest): AccessRefusal | undefined {
  if (policy.groupPolicy === 'disabled') return 'group_disabled';
  if (policy.groupPolicy === 'allowlist' && !policy.allowedChats.includes(chat)) return 'group_not_allowed';
  return policy.requireMention && !addressed ? 'not_addressed' : undefined;
}

function isAllowedUser({ policy, user, username }: AccessRequest): boolean {
  if (policy.allowedUsers.includes(user)) return true;
  const name = username?.replace(/^@/, '').toLowerCase() ?? '';
  return name !== '' && policy.allowedUsers.some((entry) => entry.toLowerCase() === `@${name}`);
}

function refuse(reason: AccessRefusal): AccessDecision {
  return { allowed: false, kind: 'refuse', reason };
}

const RANK: Readonly<Record<Role, number>> = { owner: 3, admin: 2, member: 1, guest: 0 };

/** Whether `role` is `least` or stands above it: owner > admin > member > guest. */
export function hasRole(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}

export type CommandDecision = { allowed: true } | { allowed: false; reason: 'role' };

/** Whether somebody of `role` may use a command that asks for `least`. */
export function canUseCommand(role: Role, least: Role): CommandDecision {
  return hasRole(role, least) ? { allowed: true } : { allowed: false, reason: 'role' };
}
