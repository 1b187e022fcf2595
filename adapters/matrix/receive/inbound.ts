// Content of a message → text, attachments and what it relates to. Pure.
import type { AttachmentRef, MediaKind } from '../../../shared/messages.ts';
import { makeSealedRef } from '../crypto/attachments.ts';
import { readMxc } from '../ids.ts';
import { readContent, type MatrixContent, type MatrixEvent } from './event-schema.ts';

export interface ReadMessage {
  /** Id of the message that this one replaces. */
  replaces: string | undefined;
  text: string;
  attachments: readonly AttachmentRef[];
  /** Id of the message that begins the thread. */
  thread: string | undefined;
  /** Id of the message that is answered. */
  replyTo: string | undefined;
  /** User ids that are named on purpose. */
  mentions: readonly string[];
  /** Sent by a program: people do not write notices. */
  isNotice: boolean;
}

/** Undefined: nothing that anybody said. */
export function readMessage({ type, content }: Pick<MatrixEvent, 'type' | 'content'>): ReadMessage | undefined {
  if (type !== 'm.room.message' && type !== 'm.sticker') return undefined;
  const whole = readContent(content);
  if (!whole) return undefined;
  const relation = whole['m.relates_to'];
  const replaces = relation?.rel_type === 'm.replace' ? relation.event_id : undefined;
  if (relation?.rel_type === 'm.replace' && replaces === undefined) return undefined;
  const shown = replaces === undefined ? whole : readContent(whole['m.new_content']);
  if (!shown) return undefined;
  const isThread = relation?.rel_type === 'm.thread';
  const reply = isThread && relation.is_falling_back === true ? undefined : relation?.['m.in_reply_to']?.event_id;
  const said = type === 'm.sticker' ? readSticker(shown) : readByType(shown, reply !== undefined);
  if (!said) return undefined;
  const named = shown['m.mentions']?.user_ids ?? [];
  return {
    ...said,
    replaces,
    thread: isThread ? relation.event_id : undefined,
    replyTo: reply,
    mentions: named.filter((user): user is string => typeof user === 'string'),
    isNotice: shown.msgtype === 'm.notice',
  };
}

type Said = Pick<ReadMessage, 'text' | 'attachments'>;

const MEDIA: Readonly<Record<string, MediaKind>> = {
  'm.image': 'image',
  'm.audio': 'audio',
  'm.video': 'video',
  'm.file': 'document',
};

function readByType(content: MatrixContent, isReply: boolean): Said | undefined {
  const { msgtype = '', body } = content;
  const kind = MEDIA[msgtype];
  if (kind) return readMedia(content, kind);
  const text = isReply ? withoutFallback(body) : body;
  switch (msgtype) {
    case 'm.text':
    case 'm.notice':
      return { text, attachments: [] };
    case 'm.emote':
      return { text: `* ${text}`, attachments: [] };
    case 'm.location':
      return { text: content.geo_uri === undefined ? text : `${text} (${content.geo_uri})`, attachments: [] };
    default:
      return undefined;
  }
}

/** With `filename`, a body that differs from it is a caption (#media-captions). */
function readMedia(content: MatrixContent, kind: MediaKind): Said | undefined {
  const { body, filename = body, info } = content;
  const ref = refOf(content);
  if (ref === undefined) return undefined;
  const isVoice = kind === 'audio' && content['org.matrix.msc3245.voice'] !== undefined;
  const attachment: AttachmentRef = {
    kind: isVoice ? 'voice' : kind,
    ref,
    name: filename,
    mime: info?.mimetype,
    bytes: info?.size,
    durationMs: info?.duration,
  };
  return { text: body === filename ? '' : body, attachments: [attachment] };
}

function readSticker(content: MatrixContent): Said | undefined {
  const { body, info } = content;
  const ref = refOf(content);
  if (ref === undefined) return undefined;
  return {
    text: '',
    attachments: [{ kind: 'sticker', ref, name: body, mime: info?.mimetype, bytes: info?.size }],
  };
}

/** In encrypted rooms a message has `file` instead of `url`. */
function refOf({ url = '', file }: MatrixContent): string | undefined {
  if (file) return makeSealedRef(file);
  return readMxc(url) ? url : undefined;
}

/** Clients before version 1.13 of the specification put the message that is answered in front, as lines with `> `. */
function withoutFallback(body: string): string {
  const lines = body.split('\n');
  if (!/^> (?:\* )?<@[^>\s]+>/.test(lines[0] ?? '')) return body;
  const end = lines.findIndex((line) => !line.startsWith('> ') && line !== '>');
  if (end < 0) return '';
  return lines.slice(lines[end] === '' ? end + 1 : end).join('\n');
}

/** Id of what a redaction takes away. */
export function readRedaction({ type, redacts, content }: MatrixEvent): string | undefined {
  if (type !== 'm.room.redaction') return undefined;
  const target = redacts ?? content['redacts'];
  return typeof target === 'string' ? target : undefined;
}

export interface Name {
  id: string;
  displayName: string | undefined;
}

/** Whether the text or its mentions name us, and the text without our name in front. */
export function readMention(
  { text, mentions }: Pick<ReadMessage, 'text' | 'mentions'>,
  us: Name,
): { isNamed: boolean; text: string } {
  const shown = us.displayName?.trim() ?? '';
  const local = us.id.slice(1, us.id.indexOf(':'));
  const names = [us.id, shown, local].filter((name) => name !== '').map(escapePattern);
  const front = new RegExp(
    `^\\s*@?(?:${names.join('|')})(?![\\p{L}\\p{N}_:.-]*[\\p{L}\\p{N}])\\s*[:,]?\\s+`,
    'iu',
  ).exec(text);
  const hasName =
    shown !== '' && new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(shown)}(?![\\p{L}\\p{N}])`, 'iu').test(text);
  const isNamed = mentions.includes(us.id) || text.includes(us.id) || hasName || front !== null;
  return { isNamed, text: isNamed && front ? text.slice(front[0].length) : text };
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}
