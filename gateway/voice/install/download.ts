// Downloads one large file: goes on where an earlier attempt stopped, and keeps only what has the right checksum.
import { createHash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ensureDir, fileError } from '../../../data/files.ts';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';

export interface Download {
  url: string;
  /** Where it goes; `<file>.part` holds what there is of it until it is whole. */
  file: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** When it is known beforehand. */
  bytes?: number | undefined;
  clock: Clock;
  fetch: typeof fetch;
  signal: AbortSignal;
  onProgress(done: number, total: number | undefined): void;
}

/** Attempts without a single byte between them. */
const MAX_ATTEMPTS = 5;
const RETRY_MS = 2_000;
/** A connection over which nothing comes for so long is dead. */
const STALL_MS = 60_000;
/** Left free on the disk. */
const SPARE_BYTES = 64 * 1_048_576;

/**
 * Resolves when the whole file is there: 'present' when it was before. Rejects with AppError `model_unreachable` (what was loaded stays,
 * and the next call goes on from there), `model_not_found`, `model_protocol` for another file than was meant (it is deleted), `disk_full`,
 * and with the reason of `signal`.
 */
export async function download(input: Download): Promise<'downloaded' | 'present'> {
  ensureDir(path.dirname(input.file));
  if (await hasChecksum(input.file, input.sha256)) {
    // What was installed last is used.
    const now = input.clock.now() / 1_000;
    await fs.utimes(input.file, now, now);
    return 'present';
  }
  const part = `${input.file}.part`;
  for (let attempt = 1; ;) {
    const before = await sizeOf(part);
    try {
      if (await fetchRest(input, part)) break;
    } catch (error) {
      if (input.signal.aborted) throw abortReason(input.signal);
      if (error instanceof AppError && !error.retryable) throw error;
      attempt = (await sizeOf(part)) > before ? 1 : attempt + 1;
      if (attempt > MAX_ATTEMPTS) throw unreachable(input.url, error);
      await input.clock.sleep(RETRY_MS, input.signal);
    }
  }
  if (!(await hasChecksum(part, input.sha256))) {
    await fs.rm(part, { force: true });
    throw anotherFile(input.url, 'its checksum is another one');
  }
  await fs.rename(part, input.file);
  return 'downloaded';
}

/** True when the part is as long as the whole; false when it was useless and is gone. */
async function fetchRest(input: Download, part: string): Promise<boolean> {
  const have = await sizeOf(part);
  if (have > 0 && have === input.bytes) return true;
  return withDeadline({ clock: input.clock, parent: input.signal }, (signal, abort) =>
    fetchFrom(input, { part, have, signal, stalled: () => abort(new DOMException('stalled', 'TimeoutError')) }),
  );
}

interface Attempt {
  part: string;
  /** Bytes that are there. */
  have: number;
  signal: AbortSignal;
  /** Ends the attempt. */
  stalled(): void;
}

async function fetchFrom(input: Download, { part, have, signal, stalled }: Attempt): Promise<boolean> {
  const response = await input.fetch(input.url, { signal, headers: have > 0 ? { range: `bytes=${have}-` } : {} });
  if (response.status === 416) {
    await fs.rm(part, { force: true });
    return false;
  }
  checkStatus(response, input.url);
  const isRest =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`) === true;
  const start = isRest ? have : 0;
  const length = Number(response.headers.get('content-length') ?? NaN);
  const total = Number.isFinite(length) ? start + length : input.bytes;
  if (input.bytes !== undefined && total !== undefined && total !== input.bytes) {
    await response.body?.cancel();
    throw anotherFile(input.url, `it has ${total} bytes instead of ${input.bytes}`);
  }
  await checkSpace(input.file, (total ?? 0) - start);
  let at = start;
  let cancelStall = () => {};
  const watch = () => {
    cancelStall();
    cancelStall = input.clock.after(STALL_MS, stalled);
  };
  await using out = await fs.open(part, isRest ? 'a' : 'w', 0o600);
  const body: ReadableStream<Uint8Array> | null = response.body;
  try {
    watch();
    for await (const chunk of body ?? []) {
      watch();
      await out.write(chunk);
      at += chunk.byteLength;
      if (input.bytes !== undefined && at > input.bytes) throw anotherFile(input.url, 'it is too long');
      input.onProgress(at, total);
    }
    await out.sync();
  } catch (error) {
    const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    throw isFull ? fileError(error, part) : error;
  } finally {
    cancelStall();
  }
  if (total !== undefined && at < total)
    throw new AppError('model_unreachable', 'The connection broke.', { retryable: true });
  return true;
}

function checkStatus({ status }: Response, url: string): void {
  if (status === 200 || status === 206) return;
  if (status === 429 || status >= 500)
    throw new AppError('model_unreachable', `${hostOf(url)} is busy.`, { retryable: true });
  throw new AppError('model_not_found', `${hostOf(url)} has no such file (status ${status}): ${url}`);
}

async function checkSpace(file: string, needed: number): Promise<void> {
  const { bavail, bsize } = await fs.statfs(path.dirname(file));
  const free = bavail * bsize;
  if (free >= needed + SPARE_BYTES) return;
  const mb = (bytes: number) => Math.ceil(bytes / 1_048_576);
  throw new AppError(
    'disk_full',
    `The file needs ${mb(needed)} MB, and ${path.dirname(file)} has ${mb(free)} MB left.`,
  );
}

export async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function hasChecksum(file: string, sha256: string): Promise<boolean> {
  return (await sizeOf(file)) > 0 && (await checksumOf(file)) === sha256;
}

async function sizeOf(file: string): Promise<number> {
  return (await fs.stat(file).catch(() => undefined))?.size ?? 0;
}

function anotherFile(url: string, why: string): AppError {
  return new AppError('model_protocol', `${url} is not the file that it should be: ${why}. Nothing was installed.`);
}

function unreachable(url: string, cause: unknown): AppError {
  const message = `${hostOf(url)} could not be reached. What was loaded is kept: the same command goes on from there.`;
  return new AppError('model_unreachable', message, { retryable: true, cause });
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
