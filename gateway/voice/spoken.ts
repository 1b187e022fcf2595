// What a person said by voice, as the text of their message: commands and our name are found in it as they are in typed text.
import type { InboxPayload, VoiceNote } from '../../data/inbox-payload.ts';
import type { AttachmentRef } from '../../shared/messages.ts';
import { namedCommand } from '../commands/match.ts';
import { commands } from '../commands/registry.ts';

/** What stands before a transcript, so that the model reads it as something heard. */
const VOICE_MARK = '[voice message]';
const AUDIO_MARK = '[words in an audio file, perhaps of somebody else]';

/** The attachments of a message that are to be heard; empty for most. */
export function audibleIn(
  { text, attachments }: Pick<InboxPayload, 'text' | 'attachments'>,
  chat: { isDm: boolean; audioSeconds: number },
): readonly AttachmentRef[] {
  return attachments.filter(({ kind, durationMs }) => {
    if (kind === 'voice') return true;
    if (kind !== 'audio') return false;
    const isShort = durationMs !== undefined && durationMs <= chat.audioSeconds * 1_000;
    return isShort || (chat.isDm && text.trim() === '');
  });
}

/** The payload with what was heard in its text. `payload.text` is what was typed: the caption, often nothing. */
export function withVoice(payload: InboxPayload, voice: VoiceNote, names: readonly string[]): InboxPayload {
  const caption = payload.text.trim();
  const isOwnWord = caption === '' && voice.by === 'voice' && voice.text !== undefined;
  const command = isOwnWord ? spokenCommand(withoutCall(voice.text ?? '', names)) : undefined;
  const said = command ?? describeVoice(voice);
  return { ...payload, voice, text: caption === '' ? said : `${payload.text.trimEnd()}\n${said}` };
}

function describeVoice({ by, text, problem }: VoiceNote): string {
  const mark = by === 'voice' ? VOICE_MARK : AUDIO_MARK;
  if (text === undefined)
    return `${mark.slice(0, -1)}, not transcribed; the sender was told why: ${problem ?? ''} The recording is attached.]`;
  return `${mark} ${text}${problem === undefined ? '' : `\n${mark.slice(0, -1)}, another one, not transcribed: ${problem}]`}`;
}

/** "slash", as engines write it. */
const SPOKEN_SLASH = /^(?:forward[\s-]+slash|slash|\/)[\s,.:;!-]*/i;
/** Most words that one command's name may be heard as, such as "who am I". */
const MAX_NAME_WORDS = 3;

/** "Slash stop." or "/stop!" as the command `/stop`; undefined for anything that names no command exactly. */
export function spokenCommand(text: string): string | undefined {
  const trimmed = text.trim();
  const slash = SPOKEN_SLASH.exec(trimmed);
  if (!slash) return undefined;
  const words = trimmed.slice(slash[0].length).split(/\s+/);
  for (let count = Math.min(MAX_NAME_WORDS, words.length); count >= 1; count--) {
    const name = words
      .slice(0, count)
      .join('')
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '');
    const command = name === '' ? undefined : namedCommand(name, commands);
    if (!command) continue;
    const args = words
      .slice(count)
      .join(' ')
      .replace(/[.!?,;…]+$/, '');
    return `/${command.name}${args === '' ? '' : ` ${args}`}`;
  }
  return undefined;
}

/** "Hey Herald, slash stop" without the call. */
function withoutCall(text: string, names: readonly string[]): string {
  const call = /^\s*(?:(?:hey|hi|hello|ok|okay)[\s,]+)?([\p{L}\p{N}]+(?:[ -][\p{L}\p{N}]+)?)[\s,.:;!-]+/iu.exec(text);
  const called = plainWords(call?.[1] ?? '');
  return call && names.some((name) => plainWords(name) === called) ? text.slice(call[0].length) : text;
}

/** Whether one of the names is in the text as a word (or words) of its own; case and accents do not count. */
export function namesUs(text: string, names: readonly string[]): boolean {
  const said = ` ${plainWords(text)} `;
  return names.some((name) => {
    const wanted = plainWords(name);
    return wanted !== '' && said.includes(` ${wanted} `);
  });
}

function plainWords(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
