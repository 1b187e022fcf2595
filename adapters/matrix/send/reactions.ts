// Reactions of ours: m.reaction events, taken back by a redaction (https://spec.matrix.org/v1.16/client-server-api/#event-annotations-and-reactions).
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { hasErrcode } from '../errors.ts';
import { isEventId } from '../ids.ts';
import { readEvent } from '../receive/event-schema.ts';
import type { MatrixApi } from '../api.ts';

const sentSchema = z.looseObject({ event_id: z.string().refine(isEventId) });
const chunkSchema = z.looseObject({ chunk: z.array(z.unknown()) });
/** Reactions of everybody to one message; ours is among the latest or not worth more pages. */
const PAGE = 100;

export interface Target {
  room: string;
  message: string;
  me: string;
  signal: AbortSignal;
}

/** Undefined takes ours back. Rejects as MatrixApi.run does. */
export async function replaceReaction(api: MatrixApi, target: Target, emoji: string | undefined): Promise<void> {
  for (const old of await listOwn(api, target)) await redact(api, target, old);
  if (emoji === undefined) return;
  const { room, message, signal } = target;
  const body = { 'm.relates_to': { rel_type: 'm.annotation', event_id: message, key: emoji } };
  const path = ['client', 'v3', 'rooms', room, 'send', 'm.reaction', randomUUID()];
  try {
    sentSchema.parse(await api.run({ method: 'PUT', path, body, signal }));
  } catch (error) {
    if (!hasErrcode(error, 'M_DUPLICATE_ANNOTATION')) throw error;
  }
}

async function listOwn(api: MatrixApi, { room, message, me, signal }: Target): Promise<readonly string[]> {
  const path = ['client', 'v1', 'rooms', room, 'relations', message, 'm.annotation', 'm.reaction'];
  const { chunk } = chunkSchema.parse(await api.run({ method: 'GET', path, query: { limit: String(PAGE) }, signal }));
  return chunk.flatMap((raw) => {
    const event = readEvent(raw);
    return event?.sender === me ? [event.event_id] : [];
  });
}

async function redact(api: MatrixApi, { room, signal }: Target, event: string): Promise<void> {
  const path = ['client', 'v3', 'rooms', room, 'redact', event, randomUUID()];
  await api.run({ method: 'PUT', path, body: {}, signal });
}
