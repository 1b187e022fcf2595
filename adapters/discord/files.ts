// Files of inbound messages. Addresses of attachments are signed and expire, so the message is asked for a fresh one when its file is
// opened (https://docs.discord.com/developers/reference#signed-attachment-cdn-urls, read 2026-11-21).
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { AttachmentRef } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import type { DiscordApi } from './api.ts';
import { toAppError } from './errors.ts';
import { DEFAULT_API_ROOT, type DiscordSettings } from './settings.ts';

/** Hosts from which Discord serves files; nothing else is fetched, whatever a message says. */
const HOSTS = ['cdn.discordapp.com', 'media.discordapp.net'];
/** Where stickers that are GIFs are served, https://docs.discord.com/developers/reference#image-formatting. */
const MEDIA_ROOT = 'https://media.discordapp.net';
const GONE = 'Discord does not have this file any more.';

export interface FilesDeps {
  api: DiscordApi;
  settings: DiscordSettings;
  fetch: typeof fetch;
  redactor: Redactor;
}

export function attachmentRef(channel: string, message: string, attachment: string): string {
  return `${channel}/${message}/${attachment}`;
}

export function stickerRef(sticker: string, extension: string): string {
  return `sticker/${sticker}.${extension}`;
}

/** Opens the file. Rejects with AppError. */
export async function openFile(
  deps: FilesDeps,
  { ref }: AttachmentRef,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const sticker = /^sticker\/(\d{1,20}\.(png|json|gif))$/.exec(ref);
  const [, channel, message, attachment] = /^(\d{1,20})\/(\d{1,20})\/(\d{1,20})$/.exec(ref) ?? [];
  if (sticker?.[1]) return download(deps, stickerAddress(deps.settings, sticker[1]), signal);
  if (!channel || !message || !attachment) throw new AppError('not_found', GONE);
  const url = await findAddress(deps, { channel, message, attachment }, signal);
  return download(deps, url, signal);
}

function stickerAddress({ cdn_root: root, api_root: api }: DiscordSettings, file: string): URL {
  const isMedia = file.endsWith('.gif') && api === DEFAULT_API_ROOT;
  return new URL(`${isMedia ? MEDIA_ROOT : root}/stickers/${file}`);
}

const holder = { attachments: z.array(z.looseObject({ id: z.string(), url: z.url() })).default([]) };
const messageFiles = z.looseObject({
  ...holder,
  message_snapshots: z.array(z.looseObject({ message: z.looseObject(holder) })).default([]),
});

async function findAddress(
  { api, settings, redactor }: FilesDeps,
  { channel, message, attachment }: { channel: string; message: string; attachment: string },
  signal: AbortSignal,
): Promise<URL> {
  let answer: unknown;
  try {
    answer = await api.run({ method: 'GET', route: `/channels/${channel}/messages/${message}`, signal });
  } catch (error) {
    throw toAppError(error, redactor);
  }
  const found = messageFiles.safeParse(answer);
  const files = found.success
    ? [...found.data.attachments, ...found.data.message_snapshots.flatMap((snapshot) => snapshot.message.attachments)]
    : [];
  const address = files.find((file) => file.id === attachment)?.url;
  if (address === undefined) throw new AppError('not_found', GONE);
  const url = new URL(address);
  const isOwn = url.protocol === 'https:' && HOSTS.includes(url.host);
  if (!isOwn && url.origin !== new URL(settings.cdn_root).origin)
    throw new AppError('not_allowed', 'This file is not on a server of Discord and is not fetched.');
  return url;
}

async function download(deps: FilesDeps, url: URL, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    // Without the token: the address itself is the permission.
    response = await deps.fetch(url, { signal, redirect: 'error' });
  } catch (error) {
    throw toAppError(error, deps.redactor);
  }
  if (response.ok && response.body) return response.body;
  await response.body?.cancel();
  if (response.status === 404) throw new AppError('not_found', GONE);
  throw new AppError(
    'platform_unreachable',
    `Discord did not give the file (status ${response.status}). Send it again.`,
    { retryable: true },
  );
}
