// File ids of local chats. An id is the file's description, sealed with a key of this installation and bound to one chat: it
// survives restarts without a table, cannot be guessed or changed, and tells nobody where the file lies on disk.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { chatId, type ChatId } from '../../shared/ids.ts';
import { MEDIA_KINDS, type StoredFile } from '../../shared/messages.ts';
import type { AdapterHost } from '../contract.ts';
import type { ChatFile } from './protocol.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

const sealedFile = z.object({
  kind: z.enum(MEDIA_KINDS),
  path: z.string().min(1),
  name: z.string(),
  mime: z.string(),
  bytes: z.number(),
});

// Types that a browser shows without running anything in them. Everything else is a download.
const SHOWN_INLINE = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|text\/plain)$/;

export interface FileSeal {
  /** The file as clients of `chat` see it. Same file, same id. */
  seal(chat: ChatId, file: StoredFile): ChatFile;
  /** The file behind an id, or undefined when the id was not made here for `chat`. */
  unseal(chat: ChatId, id: string): StoredFile | undefined;
  /** The file behind what `refOf` made. */
  unsealRef(ref: string): StoredFile | undefined;
}

/** An id with its chat, for AttachmentRef.ref: the core opens files without saying where they came from. */
export function refOf(chat: ChatId, id: string): string {
  return `${chat}/${id}`;
}

/** A random key of this account, made once and kept under `name` in the account's cursors. 32 bytes. */
export async function loadKey(cursor: AdapterHost['cursor'], name: string): Promise<Buffer> {
  const stored = Buffer.from((await cursor.get(name)) ?? '', 'base64url');
  if (stored.length === 32) return stored;
  const key = randomBytes(32);
  await cursor.set(name, key.toString('base64url'));
  return key;
}

export function makeFileSeal(key: Buffer): FileSeal {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', key, '', use, 32));
  const cipherKey = derive('herald file cipher');
  const ivKey = derive('herald file iv');
  const seal: FileSeal = {
    seal(chat, { kind, path, name, mime, bytes }) {
      const plain = JSON.stringify({ kind, path, name, mime, bytes });
      // The iv comes from the content, so that an image keeps its address and the browser its cached copy.
      const iv = createHmac('sha256', ivKey).update(`${chat}\0${plain}`).digest().subarray(0, IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, iv).setAAD(Buffer.from(chat));
      const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return { id: sealed.toString('base64url'), kind, name, mime, bytes };
    },
    unseal(chat, id) {
      const raw = Buffer.from(id, 'base64url');
      if (raw.length <= IV_BYTES + TAG_BYTES) return undefined;
      try {
        const cipher = createDecipheriv('aes-256-gcm', cipherKey, raw.subarray(0, IV_BYTES), {
          authTagLength: TAG_BYTES,
        });
        cipher.setAAD(Buffer.from(chat)).setAuthTag(raw.subarray(-TAG_BYTES));
        const plain = Buffer.concat([cipher.update(raw.subarray(IV_BYTES, -TAG_BYTES)), cipher.final()]);
        return sealedFile.parse(JSON.parse(plain.toString('utf8')));
      } catch {
        return undefined;
      }
    },
    unsealRef(ref) {
      const cut = ref.lastIndexOf('/');
      return cut === -1 ? undefined : seal.unseal(chatId(ref.slice(0, cut)), ref.slice(cut + 1));
    },
  };
  return seal;
}

/** The bytes of a stored file. Rejects with AppError `not_found`. */
export async function readStored(file: StoredFile, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const handle = await openFile(file.path).catch((cause: unknown) => {
    throw new AppError('not_found', `The file ${file.name} is no longer kept here. Send it again.`, { cause });
  });
  return Readable.toWeb(createReadStream(file.path, { fd: handle, signal }));
}

/** The answer to GET files/<id>. Nothing in it can run in the page's origin. Rejects with AppError `not_found`. */
export async function fileAnswer(file: StoredFile, request: Request): Promise<Response> {
  const inline = SHOWN_INLINE.test(file.mime);
  return new Response(await readStored(file, request.signal), {
    headers: {
      'content-type': !inline
        ? 'application/octet-stream'
        : file.mime === 'text/plain'
          ? 'text/plain; charset=utf-8'
          : file.mime,
      'content-disposition': contentDisposition(inline ? 'inline' : 'attachment', file.name),
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      'cache-control': 'private, max-age=86400, immutable',
    },
  });
}

/** RFC 6266: an ASCII name for old clients, the real one percent-encoded. */
export function contentDisposition(type: 'inline' | 'attachment', name: string): string {
  const safe = cleanName(name);
  const ascii = safe.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(safe).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${type}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

/** A file name without folders and control characters, at most 120 characters. 'file' when nothing is left. */
export function cleanName(name: string): string {
  const base = name.toWellFormed().split(/[/\\]/).at(-1) ?? '';
  // oxlint-disable-next-line no-control-regex
  const clean = base.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').trim();
  return clean === '' || /^\.+$/.test(clean) ? 'file' : clean.slice(-120).toWellFormed();
}
