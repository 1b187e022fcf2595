// Messages from the command line to the owner's own paired chats, through the outbox like everything else. They need the gateway:
// a text that was refused because nothing ran must never go out hours later.
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { getChat, listDmChats } from '../../data/process/chats.ts';
import { getOutboxByKey } from '../../data/process/outbox.ts';
import { AppError } from '../../shared/errors.ts';
import type { Address, StoredFile } from '../../shared/messages.ts';
import { defineOperation, requireActions, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

/** One million characters: far above what anybody reads in a chat, far below what hurts the process. */
const MAX_TEXT = 1_000_000;
const outboxState = z.enum(['pending', 'sending', 'sent', 'uncertain', 'expired', 'dead']);

export const sendOperations = {
  targets: defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.array(
      z.object({ target: z.string(), platform: z.string(), title: z.string(), lastInboundAt: z.number() }),
    ),
    needsGateway: false,
    async run(context, input) {
      const targets = await listTargets(context, input.person);
      return targets.map(({ target, address, title, lastInboundAt }) => ({
        target,
        platform: address.platform,
        title,
        lastInboundAt,
      }));
    },
  }),
  send: defineOperation({
    input: z
      .strictObject({
        person: personInput,
        /** Platform, platform:chat or title of one of the person's chats; the chat they last wrote in when left out. */
        to: z.string().trim().min(1).max(512).optional(),
        text: z.string().max(MAX_TEXT),
        /** Absolute path of a file that this machine can read. */
        file: z.string().refine(path.isAbsolute, 'an absolute path').optional(),
      })
      .refine((input) => input.text.trim() !== '' || input.file !== undefined, 'neither text nor file'),
    output: z.object({ key: z.string(), target: z.string() }),
    needsGateway: true,
    async run(context, input) {
      const actions = requireActions(context);
      const target = pickTarget(await listTargets(context, input.person), input.to);
      const files = input.file === undefined ? [] : [await storeFile(context, input.file)];
      const key = await actions.post(target.address, input.text, { kind: 'message', files });
      return { key, target: target.target };
    },
  }),
  delivery: defineOperation({
    input: z.strictObject({ key: z.string().min(1).max(64) }),
    /** State of each part, in order. */
    output: z.object({ parts: z.array(z.object({ state: outboxState, error: z.string().optional() })) }),
    needsGateway: true,
    async run(context, { key }) {
      const first = await getOutboxByKey(context.db, `${key}.1`);
      if (!first) throw new AppError('not_found', 'Nothing was sent under this key.');
      const parts = [first];
      for (let part = 2; part <= first.parts; part++) {
        const row = await getOutboxByKey(context.db, `${key}.${part}`);
        if (row) parts.push(row);
      }
      return { parts: parts.map(({ state, error }) => ({ state, error })) };
    },
  }),
};

interface Target {
  target: string;
  address: Address;
  title: string;
  lastInboundAt: number;
}

/** The person's own direct chats, the one they last wrote in first. */
async function listTargets(context: ControlContext, wanted: string | undefined): Promise<readonly Target[]> {
  const person = await resolvePerson(context, wanted, 'send');
  const targets: Target[] = [];
  for (const { address, lastInboundAt } of await listDmChats(context.db, person.id)) {
    const chat = await getChat(context.db, address);
    const thread = address.thread === undefined ? '' : `:${address.thread}`;
    targets.push({
      target: `${address.platform}:${address.chat}${thread}`,
      address,
      title: chat?.title ?? '',
      lastInboundAt,
    });
  }
  return targets;
}

function pickTarget(targets: readonly Target[], wanted: string | undefined): Target {
  const lower = wanted?.toLowerCase();
  const found =
    wanted === undefined
      ? targets[0]
      : (targets.find((entry) => entry.target === wanted) ??
        targets.find((entry) => entry.address.platform === lower) ??
        targets.find((entry) => entry.title !== '' && entry.title.toLowerCase() === lower));
  if (found) return found;
  const known = targets.slice(0, 10).map((entry) => entry.target);
  throw new AppError(
    'not_found',
    known.length === 0
      ? 'There is no chat to send to yet: write to Herald once from the chat that shall get messages.'
      : `${wanted ?? 'That'} is not one of the paired chats. Known: ${known.join(', ')}.`,
  );
}

async function storeFile(context: ControlContext, file: string): Promise<StoredFile> {
  if (!context.storeUpload) throw new AppError('not_allowed', 'This gateway takes no files.');
  const info = await stat(file).catch(() => undefined);
  if (!info?.isFile()) throw new AppError('not_found', `${file} is not a file that the gateway can read.`);
  const blob = await openAsBlob(file);
  return context.storeUpload(path.basename(file), mimeOf(file), blob.stream());
}

/** Enough for platforms to choose between photo, audio, video and document; IANA names (https://www.iana.org/assignments/media-types, read 2026-11-21). */
const MIME: ReadonlyMap<string, string> = new Map([
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.mp3', 'audio/mpeg'],
  ['.m4a', 'audio/mp4'],
  ['.ogg', 'audio/ogg'],
  ['.oga', 'audio/ogg'],
  ['.wav', 'audio/wav'],
  ['.mp4', 'video/mp4'],
  ['.webm', 'video/webm'],
  ['.pdf', 'application/pdf'],
  ['.json', 'application/json'],
  ['.txt', 'text/plain'],
  ['.log', 'text/plain'],
  ['.md', 'text/markdown'],
  ['.csv', 'text/csv'],
]);

function mimeOf(file: string): string {
  return MIME.get(path.extname(file).toLowerCase()) ?? 'application/octet-stream';
}
