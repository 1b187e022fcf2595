// Text of a message as a person meant it: without the mention that addressed us, with the targets of links that hide them.
import { FORWARD_MARK } from '../../shared/messages.ts';
import type { TelegramEntity, TelegramMessage, TelegramOrigin } from './update-schema.ts';

/** Ourselves. */
export interface Bot {
  id: number;
  username: string;
}

export interface ReadText {
  text: string;
  /** True when the text itself names us: @mention, mention by id, or a command with our name. */
  isAddressed: boolean;
}

interface Cut {
  from: number;
  to: number;
  insert: string;
}

/** `hasFiles`: what is forwarded may have no text at all, and a voice message speaks for its first sender as a text does. */
export function readText(message: TelegramMessage, bot: Bot, hasFiles: boolean): ReadText {
  const raw = message.text ?? message.caption ?? describeOther(message);
  const entities = (message.text === undefined ? message.caption_entities : message.entities) ?? [];
  const cuts: Cut[] = [];
  let isAddressed = false;
  // Offsets and lengths are UTF-16 code units (https://core.telegram.org/bots/api#messageentity), as JavaScript's are.
  for (const entity of entities) {
    const to = entity.offset + entity.length;
    const name = raw.slice(entity.offset, to);
    if (entity.type === 'text_link' && entity.url && entity.url !== name)
      cuts.push({ from: to, to, insert: ` (${entity.url})` });
    if (!namesUs(entity, name, bot)) continue;
    isAddressed = true;
    const from = entity.type === 'bot_command' ? entity.offset + name.indexOf('@') : entity.offset;
    cuts.push(entity.type === 'bot_command' ? { from, to, insert: '' } : widenCut(raw, from, to));
  }
  const text = applyCuts(raw, cuts);
  const origin = message.forward_origin && describeOrigin(message.forward_origin);
  // A forwarded text speaks for somebody else, and must not be taken for a command of the sender.
  if (!origin || (text === '' && !hasFiles)) return { text, isAddressed };
  return { text: `${FORWARD_MARK}${origin}:${text === '' ? '' : `\n${text}`}`, isAddressed };
}

function namesUs(entity: TelegramEntity, name: string, bot: Bot): boolean {
  switch (entity.type) {
    case 'mention':
      return name.toLowerCase() === `@${bot.username.toLowerCase()}`;
    case 'text_mention':
      return entity.user?.id === bot.id;
    case 'bot_command':
      return name.toLowerCase().endsWith(`@${bot.username.toLowerCase()}`);
    default:
      return false;
  }
}

/** A mention at either end goes with the white space and punctuation that set it off; one inside a sentence is a part of it. */
function widenCut(text: string, from: number, to: number): Cut {
  const before = text.slice(0, from);
  const after = text.slice(to);
  if (before.trim() === '') return { from: 0, to: to + (/^[\s,:;–—-]*/.exec(after)?.[0].length ?? 0), insert: '' };
  const trailing = /^[\s.!?]*$/.exec(after);
  if (trailing) return { from: before.search(/[\s,]*$/), to, insert: '' };
  return { from, to: from, insert: '' };
}

function applyCuts(text: string, cuts: readonly Cut[]): string {
  let out = '';
  let at = 0;
  for (const cut of cuts.toSorted((a, b) => a.from - b.from)) {
    if (cut.from < at) continue;
    out += text.slice(at, cut.from) + cut.insert;
    at = cut.to;
  }
  return out + text.slice(at);
}

function describeOrigin(origin: TelegramOrigin): string {
  const user = origin.sender_user;
  if (user) return [user.first_name, user.last_name].filter(Boolean).join(' ');
  return origin.sender_user_name ?? origin.chat?.title ?? origin.sender_chat?.title ?? 'somebody';
}

/** Things that have no text and are no file, but that a person sends to be understood. */
function describeOther(message: TelegramMessage): string {
  const { location, contact } = message;
  if (location) return `Location: ${location.latitude}, ${location.longitude}`;
  if (contact)
    return `Contact: ${[contact.first_name, contact.last_name].filter(Boolean).join(' ')}, ${contact.phone_number}`;
  return '';
}
