// A message of ours as the contents of events, https://spec.matrix.org/v1.16/client-server-api/#instant-messaging, read 2026-11-21.
import type { StoredFile } from '../../../shared/messages.ts';
import type { OutboundMessage } from '../../contract.ts';
import { plainText } from '../../markdown.ts';
import { MAX_CONTENT_BYTES } from '../capabilities.ts';
import type { EncryptedFile } from '../crypto/attachments.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { renderHtml } from './render.ts';

export type Content = Readonly<Record<string, unknown>>;

export interface Relation {
  thread: string | undefined;
  replyTo: string | undefined;
  /** Who wrote what is answered: they are named, so that it reaches them in a busy room. */
  author: string | undefined;
}

const NO_RELATION: Relation = { thread: undefined, replyTo: undefined, author: undefined };

/** Undefined when the message has no text. Throws UnsendableError when it cannot fit. */
export function makeText(message: OutboundMessage, relation: Relation = NO_RELATION): Content | undefined {
  const body = plainText(message.body);
  if (body.trim() === '') return undefined;
  // Notices ring nobody's phone by the default push rules.
  const content = { msgtype: message.silent ? 'm.notice' : 'm.text', body };
  return fit(content, message, relation);
}

export interface UploadedFile {
  file: StoredFile;
  /** Where it lies: in an encrypted room with what opens it. */
  at: { url: string } | { file: EncryptedFile };
}

/** The text, when there is one, goes with the file as its caption. */
export function makeFile(
  { file, at }: UploadedFile,
  message: OutboundMessage | undefined,
  relation: Relation,
): Content {
  const caption = message ? plainText(message.body) : '';
  const { name, mime, bytes } = file;
  const content = {
    msgtype: MSGTYPES[file.kind],
    body: caption.trim() === '' ? name : caption,
    filename: name,
    ...at,
    info: { mimetype: mime, size: bytes },
    ...(file.kind === 'voice' && { 'org.matrix.msc3245.voice': {} }),
  };
  return caption.trim() === '' || !message ? related(content, relation) : fit(content, message, relation);
}

export function makeSticker({ file, at }: UploadedFile, relation: Relation): Content {
  return related({ body: file.name, ...at, info: { mimetype: file.mime, size: file.bytes } }, relation);
}

const MSGTYPES = {
  image: 'm.image',
  audio: 'm.audio',
  voice: 'm.audio',
  video: 'm.video',
  document: 'm.file',
  sticker: 'm.image',
} as const;

/** Replaces the text of `id`. Clients that know no edits show the outer text. */
export function makeEdit(id: string, message: OutboundMessage): Content {
  const inner = makeText(message);
  if (!inner) throw new UnsendableError('bad_request', 'An edit needs a text.');
  const edit = {
    msgtype: inner['msgtype'],
    body: `* ${plainText(message.body)}`,
    'm.mentions': {},
    'm.new_content': inner,
    'm.relates_to': { rel_type: 'm.replace', event_id: id },
  };
  const short = { ...edit, body: '* This message was edited.' };
  const { formatted_body: _html, format: _format, ...bare } = inner;
  for (const content of [edit, short, { ...short, 'm.new_content': bare }]) if (isSmall(content)) return content;
  throw tooLong();
}

function fit(content: Content, message: OutboundMessage, relation: Relation): Content {
  const html = message.plain ? undefined : renderHtml(message.body);
  const formatted =
    html === undefined ? content : { ...content, format: 'org.matrix.custom.html', formatted_body: html };
  const whole = related(formatted, relation);
  if (isSmall(whole)) return whole;
  const bare = related(content, relation);
  if (isSmall(bare)) return bare;
  throw tooLong();
}

function tooLong(): UnsendableError {
  return new UnsendableError('too_long', 'The text does not fit in one event.');
}

function isSmall(content: Content): boolean {
  return Buffer.byteLength(JSON.stringify(content)) <= MAX_CONTENT_BYTES;
}

/** `m.mentions` is always there, so that no name in the text rings anybody (#user-and-room-mentions). */
function related(content: Content, { thread, replyTo, author }: Relation): Content {
  const reply = replyTo ?? thread;
  const relation =
    reply === undefined
      ? undefined
      : {
          ...(thread !== undefined && {
            rel_type: 'm.thread',
            event_id: thread,
            is_falling_back: replyTo === undefined,
          }),
          'm.in_reply_to': { event_id: reply },
        };
  return {
    ...content,
    'm.mentions': author === undefined ? {} : { user_ids: [author] },
    ...(relation && { 'm.relates_to': relation }),
  };
}
