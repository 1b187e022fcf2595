// Opaque ids. Only the minter of an id may look inside it; everyone else compares and stores it.
declare const brand: unique symbol;
type Id<Kind extends string> = string & { readonly [brand]: Kind };

/** One login of ours on a platform (a bot, a mailbox). Minted by the adapter. */
export type AccountId = Id<'account'>;
/** A conversation as the platform names it. Minted by the adapter. */
export type ChatId = Id<'chat'>;
/** A thread or topic inside a chat. Minted by the adapter. */
export type ThreadId = Id<'thread'>;
/** A sender as the platform names it. Minted by the adapter. */
export type UserId = Id<'user'>;
/** A platform message. Minted by the adapter. */
export type MessageId = Id<'message'>;
/** A human known to Herald, over all of their platform accounts. Minted by data/. */
export type PersonId = Id<'person'>;
/** Who shares a memory: one person's private space, or one group. Minted by data/. */
export type SpaceId = Id<'space'>;
/** One conversation with the agent. Minted by data/. */
export type SessionId = Id<'session'>;
/** One run of the agent over one or more messages. Minted by data/. */
export type TurnId = Id<'turn'>;
/** A row of the inbox. Minted by data/. */
export type InboxId = Id<'inbox'>;

export const accountId = (raw: string): AccountId => raw as AccountId;
export const chatId = (raw: string): ChatId => raw as ChatId;
export const threadId = (raw: string): ThreadId => raw as ThreadId;
export const userId = (raw: string): UserId => raw as UserId;
export const messageId = (raw: string): MessageId => raw as MessageId;
export const personId = (raw: string): PersonId => raw as PersonId;
export const spaceId = (raw: string): SpaceId => raw as SpaceId;
export const sessionId = (raw: string): SessionId => raw as SessionId;
export const turnId = (raw: string): TurnId => raw as TurnId;
export const inboxId = (raw: string): InboxId => raw as InboxId;
