// Presses of buttons and slash commands → InboundMessage. Pure.
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, threadId, userId, type AccountId } from '../../../shared/ids.ts';
import { isDirect, type InboundResult } from './messages.ts';
import type { SlackPress, SlackSlash } from './schema.ts';
import { readText, type TextContext } from './text.ts';

export interface InteractionContext extends TextContext {
  account: AccountId;
  /** Time of reading, in ms since the epoch: a slash command has none of its own. */
  now: number;
  commands: ReadonlySet<string>;
}

/** The command that stands for all of them; the others are named after it, since names are shared with all apps of a workspace. */
export const MAIN_COMMAND = '/herald';

export function readPress(press: SlackPress, context: InteractionContext): InboundResult {
  const { container, channel, user } = press;
  const action = press.actions.find((one) => one.type === 'button');
  if (container.type !== 'message' || container.message_ts === undefined || !action || action.value === undefined)
    return { kind: 'ignored', reason: 'press of something that is no button of a message' };
  const place = { channel: channel.id };
  return {
    kind: 'message',
    message: {
      kind: 'button',
      account: context.account,
      chat: chatId(channel.id),
      chatKind: isDirect(place) ? 'dm' : 'group',
      thread: container.thread_ts === undefined ? undefined : threadId(container.thread_ts),
      // A redelivery has the same time of the press.
      id: messageId(`${container.message_ts}:${action.action_ts}:${action.action_id}`),
      revision: '',
      sender: { id: userId(user.id), username: user.username ?? user.name, bot: false },
      sentAt: Math.floor(Number(action.action_ts) * 1_000),
      text: '',
      attachments: [],
      addressed: true,
      button: { data: action.value, message: messageId(container.message_ts) },
    },
  };
}

/** `chat`: where it is answered. */
export function readSlash(slash: SlackSlash, chat: string, context: InteractionContext): InboundMessage {
  return {
    kind: 'message',
    account: context.account,
    chat: chatId(chat),
    chatKind: isDirect({ channel: chat }) ? 'dm' : 'group',
    // Slack sends none in threads.
    thread: undefined,
    id: messageId(slash.trigger_id),
    revision: '',
    sender: { id: userId(slash.user_id), username: slash.user_name, bot: false },
    sentAt: context.now,
    text: slashText(slash.command, readText(slash.text ?? '', context).text.trim(), context.commands),
    attachments: [],
    addressed: true,
  };
}

/** "/herald new idea" and "/herald-new idea" are "/new idea"; "/herald how are you?" is said to us; "/other x" is our "/other x". */
function slashText(command: string, text: string, commands: ReadonlySet<string>): string {
  const name = command.toLowerCase();
  if (name !== MAIN_COMMAND) {
    const own = name.startsWith(`${MAIN_COMMAND}-`) ? `/${name.slice(MAIN_COMMAND.length + 1)}` : name;
    return `${own} ${text}`.trim();
  }
  if (text === '') return '/help';
  const first = /^\/?([a-z][a-z0-9_-]*)(?=\s|$)/i.exec(text)?.[1]?.toLowerCase();
  const isCommand = first !== undefined && commands.has(first);
  return isCommand && !text.startsWith('/') ? `/${text}` : text;
}
