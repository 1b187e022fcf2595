// Files: uploaded first, then shared in one message. A shared file carries no metadata, so the ids are written down before it is shared;
// they tell later whether it was. https://docs.slack.dev/messaging/working-with-files, read 2026-11-21.
import { openAsBlob } from 'node:fs';
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { errorCodeOf, StatusError } from '../errors.ts';
import { isSlackUrl } from '../hosts.ts';
import { parseJson } from '../../transport/bodies.ts';
import { expectFile, safeFileName } from '../../transport/files.ts';
import type { RichTextBlock } from './blocks.ts';
import type { OutboundDeps } from './deps.ts';

const PREFIX = 'file.';
/** A message that is older is sent no more. */
const KEEP_MS = 3 * 24 * 3_600_000;
/** 50 MB at 1 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;
/** A share is visible a moment after the call that makes it has answered. */
const SHARE_WAITS_MS = [0, 150, 300, 600, 1_200, 2_400] as const;

export interface ShareRequest {
  key: string;
  channel: string;
  thread: string | undefined;
  files: readonly StoredFile[];
  /** Text of the message; only rich text is taken here. */
  comment: readonly RichTextBlock[];
  /** True when nothing of the message follows. */
  isWhole: boolean;
}

export interface Shared {
  id: MessageId;
  isWhole: boolean;
}

const recordSchema = z.object({
  at: z.number(),
  channel: z.string(),
  files: z.array(z.string()).min(1),
  isWhole: z.boolean(),
});
type UploadRecord = z.output<typeof recordSchema>;

/** Shares the files in one message and tells its id. */
export async function shareFiles(deps: OutboundDeps, request: ShareRequest, signal: AbortSignal): Promise<MessageId> {
  const ids: string[] = [];
  for (const file of request.files) ids.push(await uploadFile(deps, file, signal));
  const { key, channel, isWhole } = request;
  await writeRecord(deps, key, { at: deps.clock.now(), channel, files: ids, isWhole });
  const [first, ...others] = ids.map((id, i) => ({ id, title: safeFileName(request.files[i]?.name ?? 'file') }));
  if (first === undefined) throw new UnsendableError('bad_request', 'There is no file to send.');
  const where =
    request.thread === undefined
      ? { channel_id: request.channel }
      : { channel_id: request.channel, thread_ts: request.thread };
  const comment = request.comment.length > 0 ? { blocks: [...request.comment] } : {};
  await deps.api.call(
    (client) => client.files.completeUploadExternal({ files: [first, ...others], ...where, ...comment }),
    {
      signal,
    },
  );
  // It is out, also when its message cannot be named yet.
  return (await awaitShare(deps, { file: first.id, channel }, signal).catch(() => undefined)) ?? messageId(first.id);
}

/** The message that shares the files of `key`; undefined when they were not shared. Rejects when that cannot be found out. */
export async function findShared(deps: OutboundDeps, key: string): Promise<Shared | undefined> {
  const record = await readRecord(deps, key);
  const [first] = record?.files ?? [];
  if (!record || first === undefined) return undefined;
  const id = await awaitShare(deps, { file: first, channel: record.channel });
  return id && { id, isWhole: record.isWhole };
}

/** The message that shares a file; undefined when none does. */
async function awaitShare(
  deps: OutboundDeps,
  { file, channel }: { file: string; channel: string },
  signal?: AbortSignal,
): Promise<MessageId | undefined> {
  for (const waitMs of SHARE_WAITS_MS) {
    if (waitMs > 0) await deps.clock.sleep(waitMs, signal);
    try {
      const shared = await findShare(deps, file, channel, signal);
      if (shared) return shared;
    } catch (error) {
      // An upload that was never completed is no file.
      if (errorCodeOf(error) === 'file_not_found' || errorCodeOf(error) === 'file_deleted') return undefined;
      throw error;
    }
  }
  return undefined;
}

/** Forgets files of messages that are sent no more. */
export async function forgetOldUploads(deps: OutboundDeps): Promise<void> {
  const all = (await deps.cursor()?.list(PREFIX)) ?? new Map<string, string>();
  const old = [...all].filter(([, value]) => deps.clock.now() - (parseRecord(value)?.at ?? 0) > KEEP_MS);
  if (old.length > 0) await deps.cursor()?.update(Object.fromEntries(old.map(([key]) => [key, undefined])));
}

async function uploadFile(deps: OutboundDeps, file: StoredFile, signal: AbortSignal): Promise<string> {
  await expectFile(file);
  const body = await openAsBlob(file.path, { type: 'application/octet-stream' });
  const filename = safeFileName(file.name);
  const ticket = await deps.api.call((client) => client.files.getUploadURLExternal({ filename, length: body.size }), {
    signal,
  });
  const { upload_url: url, file_id: id } = ticket;
  if (url === undefined || id === undefined || !isSlackUrl(url, deps.apiRoot))
    throw new UnsendableError('unsupported', 'Slack gave no address of its own to upload to.');
  const deadline = { clock: systemClock, timeoutMs: UPLOAD_TIMEOUT_MS, parent: signal };
  const { status, ok } = await withDeadline(deadline, async (until) => {
    const response = await deps.fetch(url, { method: 'POST', body, signal: until, redirect: 'error' });
    await response.body?.cancel();
    return response;
  });
  if (!ok) throw new StatusError(status, 'upload');
  return id;
}

const sharesSchema = z.record(z.string(), z.record(z.string(), z.array(z.looseObject({ ts: z.string().optional() }))));

async function findShare(
  deps: OutboundDeps,
  file: string,
  channel: string,
  signal?: AbortSignal,
): Promise<MessageId | undefined> {
  const info = await deps.api.call((client) => client.files.info({ file }), { signal });
  const shares = sharesSchema.safeParse(info.file?.shares ?? {});
  if (!shares.success) return undefined;
  // By visibility (public, private), then by channel.
  const ts = Object.values(shares.data)
    .flatMap((channels) => channels[channel] ?? [])
    .at(-1)?.ts;
  return ts === undefined ? undefined : messageId(ts);
}

async function writeRecord(deps: OutboundDeps, key: string, record: UploadRecord): Promise<void> {
  await deps.cursor()?.set(`${PREFIX}${key}`, JSON.stringify(record));
}

async function readRecord(deps: OutboundDeps, key: string): Promise<UploadRecord | undefined> {
  return parseRecord((await deps.cursor()?.get(`${PREFIX}${key}`)) ?? '');
}

function parseRecord(value: string): UploadRecord | undefined {
  return recordSchema.safeParse(parseJson(value)).data;
}
