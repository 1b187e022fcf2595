// Files under $HERALD_HOME/files: what people send (fetched after they are authorized) and what is sent to them.
import { createWriteStream, promises as fs } from 'node:fs';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ulid } from 'ulid';
import type { Adapter } from '../../adapters/contract.ts';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { AttachmentRef, MediaKind, StoredFile } from '../../shared/messages.ts';
import { takePrefix } from '../../shared/text.ts';

export interface FileStore {
  /** Fetches the attachments of a message; each is fetched once, also over restarts. Problems come back as text for the model. */
  fetchAll(
    row: InboxRow,
    adapter: Adapter | undefined,
    signal: AbortSignal,
  ): Promise<{ files: readonly StoredFile[]; problems: readonly string[] }>;
  /** One of them, at its place in the list. Rejects with AppError, or with the reason of `signal`. */
  fetch(row: InboxRow, index: number, adapter: Adapter | undefined, signal: AbortSignal): Promise<StoredFile>;
  /** Keeps a stream as a file. Throws AppError `bad_input` when it is too large. */
  keep(name: string, mime: string, body: ReadableStream<Uint8Array>): Promise<StoredFile>;
  /** Text is kept as a document, whatever it is. */
  keepContent(name: string, mime: string, content: string | Uint8Array): Promise<StoredFile>;
  /** The whole of a text that is too long for a chat. One file per key, however often it is asked for; blocks until it is on disk. */
  keepWhole(key: string, text: string): StoredFile;
}

/** Of a text that goes out as a file. */
const WHOLE_MIME = 'text/markdown';

export function makeFileStore(input: { home: string; clock: Clock; maxBytes: number }): FileStore {
  const root = path.join(input.home, 'files');
  ensureDir(root);
  const { maxBytes } = input;

  async function fetchOne(
    ref: AttachmentRef,
    target: string,
    adapter: Adapter,
    signal: AbortSignal,
  ): Promise<StoredFile> {
    const name = safeName(ref.name ?? ref.kind);
    const file = path.join(root, `${target}-${name}`);
    const known = await fs.stat(file).catch(() => undefined);
    if (!known) {
      if (ref.bytes !== undefined && ref.bytes > maxBytes) throw tooLarge(maxBytes);
      await save(await adapter.open(ref, signal), file, maxBytes, signal);
    }
    const { size } = known ?? (await fs.stat(file));
    return { kind: ref.kind, path: file, name, mime: ref.mime ?? 'application/octet-stream', bytes: size };
  }

  const fetch: FileStore['fetch'] = async (row, index, adapter, signal) => {
    const ref = row.payload.attachments[index];
    if (!ref) throw new AppError('not_found', 'there is no such file');
    if (!adapter) throw new AppError('platform_unreachable', 'the platform is not connected');
    return fetchOne(ref, `in-${row.id}-${index}`, adapter, signal);
  };

  return {
    fetch,
    async fetchAll(row, adapter, signal) {
      const files: StoredFile[] = [];
      const problems: string[] = [];
      for (const [index, ref] of row.payload.attachments.entries()) {
        try {
          files.push(await fetch(row, index, adapter, signal));
        } catch (error) {
          if (signal.aborted) throw error;
          problems.push(
            `[${ref.kind}${ref.name ? ` ${ref.name}` : ''} could not be fetched: ${asAppError(error).publicMessage}]`,
          );
        }
      }
      return { files, problems };
    },
    async keep(name, mime, body) {
      const safe = safeName(name);
      const file = path.join(root, `${ulid(input.clock.now())}-${safe}`);
      await save(body, file, maxBytes, undefined);
      const { size } = await fs.stat(file);
      return { kind: mediaKindOf(mime), path: file, name: safe, mime, bytes: size };
    },
    async keepContent(name, mime, content) {
      const safe = safeName(name);
      const file = path.join(root, `${ulid(input.clock.now())}-${safe}`);
      writeFileAtomic(file, content);
      const kind = typeof content === 'string' ? 'document' : mediaKindOf(mime);
      return { kind, path: file, name: safe, mime, bytes: Buffer.byteLength(content) };
    },
    keepWhole(key, text) {
      const file = path.join(root, `out-${safeName(key)}.md`);
      writeFileAtomic(file, text);
      return { kind: 'document', path: file, name: 'answer.md', mime: WHOLE_MIME, bytes: Buffer.byteLength(text) };
    },
  };
}

async function save(
  body: ReadableStream<Uint8Array>,
  file: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const temporary = `${file}.part`;
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) done(tooLarge(maxBytes));
      else done(null, chunk);
    },
  });
  try {
    const out = createWriteStream(temporary, { mode: 0o600, flush: true });
    await pipeline(Readable.fromWeb(body), limit, out, signal ? { signal } : {});
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw code === 'ENOSPC' ? fileError(error, file) : error;
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('bad_input', `the file is larger than the limit of ${Math.floor(maxBytes / 1_048_576)} MB`);
}

/** File systems take names of 255 bytes; the rest is for what is put before and behind. */
const MAX_NAME_BYTES = 160;

/** A file name without folders, control characters or a leading dot; at most 100 characters and 160 bytes, its ending kept. */
export function safeName(name: string): string {
  const base = path
    .basename(name.replaceAll('\\', '/'))
    .replace(/[^\p{L}\p{N}._ -]+/gu, '_')
    .replace(/^\.+/, '')
    .trim();
  const ending = takePrefix(path.extname(base), 12, 'utf16');
  const stem = takePrefix(path.basename(base, path.extname(base)), 100 - ending.length, 'utf16');
  return `${takePrefix(stem, MAX_NAME_BYTES - Buffer.byteLength(ending), 'utf8-byte')}${ending}` || 'file';
}

function mediaKindOf(mime: string): MediaKind {
  const top = mime.split('/', 1)[0];
  if (top === 'image' || top === 'audio' || top === 'video') return top;
  return 'document';
}
