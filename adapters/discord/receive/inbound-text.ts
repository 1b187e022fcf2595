// Text of a message as a person meant it: without the mention that addressed us, with names for the ids that Discord puts into it
// (https://docs.discord.com/developers/reference#message-formatting, read 2026-11-21).
import { FORWARD_MARK } from '../../../shared/messages.ts';
import type { Directory } from './directory.ts';
import type { DiscordMessage } from './schema.ts';

export interface ReadText {
  text: string;
  /** True when the text itself names us or our role. */
  isAddressed: boolean;
}

export interface Naming {
  /** Our own id. */
  me: string;
  directory: Directory;
  guild: string | undefined;
}

export function readText(message: DiscordMessage, naming: Naming): ReadText {
  const { me, directory, guild } = naming;
  const snapshot = message.message_snapshots?.[0]?.message;
  if (message.message_reference?.type === 1 && snapshot) {
    // A forwarded text speaks for somebody else, whom Discord does not name, and must not be taken for a command of the sender.
    const text = nameIds(snapshot.content, message, naming);
    // So does a forwarded voice message, which has no text.
    const isEmpty = text === '' && snapshot.attachments.length === 0;
    return { text: isEmpty ? '' : `${FORWARD_MARK}somebody:\n${text}`.trimEnd(), isAddressed: false };
  }
  const isAddressed =
    (message.mentions ?? []).some((user) => user.id === me) ||
    (message.mention_roles ?? []).some((role) => directory.isOwnRole(guild, role));
  const named = nameIds(cutOwnMentions(message.content, naming), message, naming);
  return { text: named === '' && message.poll ? describePoll(message.poll) : named, isAddressed };
}

/**
 * A mention of ours at either end goes with the white space and punctuation that set it off; one inside a sentence is a part of it. Takes
 * time linear in the length of the text.
 */
function cutOwnMentions(text: string, { me, directory, guild }: Naming): string {
  const isOurs = ([, kind, id = '']: RegExpExecArray) => (kind === '@&' ? directory.isOwnRole(guild, id) : id === me);
  const leading = /\s*<(@[!&]?)(\d{1,20})>[\s,:;–—-]*/y;
  let start = 0;
  for (let match = leading.exec(text); match && isOurs(match); match = leading.exec(text)) start = leading.lastIndex;

  const trailing = /<(@[!&]?)(\d{1,20})>([\s.!?]*)/y;
  let end = text.length;
  let tail = '';
  for (let at = text.lastIndexOf('<'); at >= start && at >= 0; at = text.lastIndexOf('<', end - 1)) {
    trailing.lastIndex = at;
    const match = trailing.exec(text);
    // What stands behind it must be nothing but its punctuation.
    if (!match || trailing.lastIndex < end || !isOurs(match)) break;
    tail = (match[3] ?? '').trim() + tail;
    end = at;
    while (end > start && /[\s,]/.test(text[end - 1] ?? '')) end--;
    if (end === start) break;
  }
  return text.slice(start, end) + tail;
}

/** Mentions of people, roles and channels, emoji, commands, times. */
const IDS =
  /<(?:(@[!&]?|#)(\d{1,20})|a?(:\w{1,64}:)\d{1,20}|(\/[^:<>]{1,100}):\d{1,20}|t:(-?\d{1,13})(?::[tTdDfFsSR])?)>/g;

function nameIds(text: string, message: DiscordMessage, naming: Naming): string {
  let out = '';
  let at = 0;
  for (const match of text.matchAll(IDS)) {
    const [whole, kind, id, emoji, command, time] = match;
    const name =
      kind !== undefined && id !== undefined
        ? nameOf(kind, id, message, naming)
        : (emoji ?? command ?? describeTime(Number(time)));
    out += text.slice(at, match.index) + (name ?? whole);
    at = match.index + whole.length;
  }
  return out + text.slice(at);
}

function nameOf(kind: string, id: string, message: DiscordMessage, { directory, guild }: Naming): string {
  if (kind === '#') return `#${directory.channelName(id) ?? id}`;
  if (kind === '@&') return `@${directory.roleName(guild, id) ?? id}`;
  const user = message.mentions?.find((one) => one.id === id);
  return `@${user?.global_name ?? user?.username ?? id}`;
}

function describeTime(seconds: number): string | undefined {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? undefined : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function describePoll(poll: NonNullable<DiscordMessage['poll']>): string {
  const answers = poll.answers.map((answer) => `- ${answer.poll_media.text ?? ''}`);
  return [`Poll: ${poll.question.text ?? ''}`, ...answers].join('\n');
}
