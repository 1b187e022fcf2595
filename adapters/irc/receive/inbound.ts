// Events of the client library → messages. Pure. Notices are not read: RFC 2812 forbids answering them, so that bots do not talk to
// each other for ever. Of CTCP only ACTION is read.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AccountId } from '../../../shared/ids.ts';
import { chatId, messageId } from '../../../shared/ids.ts';
import type { InboundMessage } from '../../contract.ts';
import { personIds } from '../addresses.ts';

/** Clients cut a long text somewhere above this, so more may follow. */
const PARTIAL_FROM_BYTES = 340;

const eventSchema = z.looseObject({
  nick: z.string().max(200),
  target: z.string().max(300),
  message: z.string(),
  from_server: z.boolean().optional(),
  /** Services account of the sender, when the server tells accounts and there is one. */
  account: z.string().max(100).optional(),
  /** When the server says so, ms since the epoch. */
  time: z.number().optional(),
  tags: z.record(z.string(), z.string()).default({}),
  batch: z.looseObject({ type: z.string() }).optional(),
});

export interface InboundContext {
  account: AccountId;
  now: number;
  /** Our nick. */
  me: string;
  /** Takes a nick for a person when there is no account. */
  trustNicks: boolean;
  lower(name: string): string;
  isChannel(name: string): boolean;
  /** For servers that give messages neither id nor time. */
  mintId(): string;
}

export type Reading =
  | {
      kind: 'message';
      message: InboundMessage;
      /** Nick of the sender, to which answers go. */
      nick: string;
      isHistory: boolean;
    }
  | { kind: 'ignored'; reason: string };

export function readEvent(type: 'privmsg' | 'action', payload: unknown, context: InboundContext): Reading {
  const parsed = eventSchema.safeParse(payload);
  if (!parsed.success) return { kind: 'ignored', reason: 'unexpected form' };
  const event = parsed.data;
  const { lower, me } = context;
  if (event.from_server || event.nick === '') return { kind: 'ignored', reason: 'sent by a server' };
  if (lower(event.nick) === lower(me)) return { kind: 'ignored', reason: 'our own message' };
  const isChannel = context.isChannel(event.target);
  if (!isChannel && lower(event.target) !== lower(me)) return { kind: 'ignored', reason: 'for somebody else' };
  const said = stripFormatting(event.message);
  if (said.trim() === '') return { kind: 'ignored', reason: 'empty' };
  const { text, isNamed } = isChannel ? readMention(said, me) : { text: said, isNamed: true };
  const sender = readSender(event, context);
  return {
    kind: 'message',
    nick: event.nick,
    isHistory: event.batch?.type === 'chathistory',
    message: {
      kind: 'message',
      account: context.account,
      chat: isChannel ? chatId(lower(event.target)) : sender.chat,
      chatKind: isChannel ? 'group' : 'dm',
      ...(isChannel && { chatTitle: event.target }),
      id: messageId(event.tags['msgid'] ?? makeId(event) ?? context.mintId()),
      revision: '',
      sender: sender.sender,
      sentAt: event.time ?? context.now,
      text: type === 'action' ? `* ${event.nick} ${text}` : text,
      attachments: [],
      addressed: isNamed,
      ...(Buffer.byteLength(event.message) >= PARTIAL_FROM_BYTES && { partial: true }),
    },
  };
}

type IrcEvent = z.output<typeof eventSchema>;

/** Played back, a line has the same time; without an id of its own it is known again by that and by what it says. */
function makeId({ time, nick, target, message }: IrcEvent): string | undefined {
  if (time === undefined) return undefined;
  const hash = createHash('sha256')
    .update(JSON.stringify([nick, target, message]))
    .digest('base64url');
  return `${time}-${hash.slice(0, 20)}`;
}

function readSender(
  { account, nick, tags }: IrcEvent,
  { lower, trustNicks }: InboundContext,
): { sender: InboundMessage['sender']; chat: InboundMessage['chat'] } {
  const bot = 'bot' in tags || 'draft/bot' in tags;
  // Some servers say that nobody is logged in with a star or a zero.
  const isKnown = account !== undefined && !['', '*', '0'].includes(account);
  const { user, chat } = isKnown ? personIds('account', lower(account)) : personIds('nick', lower(nick));
  const sender = { id: user, name: nick, bot, verified: isKnown || trustNicks };
  // Only an account's name is worth comparing with a list of users.
  return { sender: isKnown ? { ...sender, username: lower(account) } : sender, chat };
}

/** A nick's own characters; what is not among them ends it. */
const NICK_SIGN = '[A-Za-z0-9_\\[\\]\\\\`^{}|-]';

/** "herald: hello", "hello herald", "@herald, hello"; a nick in front is taken off. */
function readMention(text: string, me: string): { text: string; isNamed: boolean } {
  const nick = me.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const front = new RegExp(`^\\s*@?${nick}(?:[:,]\\s*|\\s+|$)`, 'i').exec(text);
  if (front) return { text: text.slice(front[0].length) || text, isNamed: true };
  return { text, isNamed: new RegExp(`(?<!${NICK_SIGN})${nick}(?!${NICK_SIGN})`, 'i').test(text) };
}

/** Colours (their numbers are plain text otherwise), bold and the like. https://modern.ircdocs.horse/formatting, read 2026-11-21. */
export function stripFormatting(text: string): string {
  return text.replace(FORMATTING, '');
}

const FORMATTING =
  // oxlint-disable-next-line no-control-regex
  /\u0003(?:\d{1,2}(?:,\d{1,2})?)?|\u0004(?:[0-9a-fA-F]{6})?|[\u0002\u000f\u0011\u0016\u001d\u001e\u001f]/g;
