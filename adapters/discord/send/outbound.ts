// Sends, edits and signs of life as calls of the API.
import { z } from 'zod';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { DiscordApi } from '../api.ts';
import { NotCalledError, partlySent, UnsendableError } from '../../transport/failures.ts';
import { CallError, explainFailure, unreadableAnswer } from '../errors.ts';
import { isSnowflake } from '../snowflake.ts';
import { findSent, type Attempts } from './attempts.ts';
import { ALLOWED_MENTIONS, makeForm, makePieces, makeRows, type Piece } from './pieces.ts';
import { createPost, saysForum } from './posts.ts';
import { renderWhole } from './render.ts';

/** A rate limit in the middle of a message of several pieces is waited for up to here, so that it need not stay half sent. */
const MAX_PIECE_WAIT_MS = 30_000;
const MAX_PIECE_ATTEMPTS = 4;
/** "Cannot reply without permission to read message history". */
const CANNOT_REPLY = 160002;

export interface OutboundDeps {
  api: DiscordApi;
  attempts: Attempts;
  redactor: Redactor;
  clock: Clock;
  /** Our own id. */
  me: string;
  linkPreviews: boolean;
  /** Whether the channel is known to hold posts instead of messages. */
  isForum(channel: string): boolean;
}

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  let since: number | undefined;
  try {
    const pieces = await makePieces(message, deps);
    if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
    since = await deps.attempts.begin(message.key);
    const target = { channel: channelOf(to), since, signal };
    for (const piece of pieces) ids.push(messageId(await sendPatiently(deps, target, { piece, ids })));
    deps.attempts.end(message.key);
    return { ok: true, ids };
  } catch (error) {
    const failure = explainFailure(error, deps.redactor);
    const isKnown = failure.reached === 'no' && since === undefined && ids.length === 0;
    if (isKnown) deps.attempts.end(message.key);
    return partlySent(ids, failure);
  }
}

interface Target {
  /** Changes to the new post when the first piece made one. */
  channel: string;
  since: number | undefined;
  signal: AbortSignal;
}

interface Turn {
  piece: Piece;
  ids: readonly MessageId[];
}

async function sendPatiently(deps: OutboundDeps, target: Target, turn: Turn): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendPiece(deps, target, turn);
    } catch (error) {
      if (error instanceof CallError && error.apiCode === CANNOT_REPLY && turn.piece.body.message_reference) {
        delete turn.piece.body.message_reference;
        continue;
      }
      const waitMs = error instanceof CallError && error.code === 'rate_limited' ? error.retryAfterMs : undefined;
      const isWorthWaiting = turn.ids.length > 0 && waitMs !== undefined && waitMs <= MAX_PIECE_WAIT_MS;
      if (!isWorthWaiting || attempt >= MAX_PIECE_ATTEMPTS) throw error;
      await deps.clock.sleep(waitMs, target.signal);
    }
  }
}

async function sendPiece(deps: OutboundDeps, target: Target, { piece, ids }: Turn): Promise<string> {
  const { api, me } = deps;
  const { channel, since, signal } = target;
  const isPost = ids.length === 0 && deps.isForum(channel);
  if (!isPost) {
    const found =
      since === undefined ? undefined : await findSent(api, { channel, me, since, taken: ids, signal }, piece);
    if (found !== undefined) return found;
    try {
      return await postMessage(api, target, piece);
    } catch (error) {
      if (ids.length > 0 || !saysForum(error)) throw error;
    }
  }
  const post = await createPost(api, { forum: channel, me, since, signal }, piece);
  target.channel = post;
  return post;
}

async function postMessage(api: DiscordApi, { channel, signal }: Target, { body, files }: Piece): Promise<string> {
  const answer = await api.run({
    method: 'POST',
    route: `/channels/${channel}/messages`,
    ...(files.length > 0 ? { form: await makeForm(body, files) } : { body }),
    signal,
  });
  const sent = z.looseObject({ id: z.string() }).safeParse(answer);
  if (sent.success) return sent.data.id;
  throw unreadableAnswer('a message');
}

/** Throws UnsendableError when the address is none of Discord's. */
function channelOf(to: Address): string {
  const channel: string = to.thread ?? to.chat;
  if (!isSnowflake(channel)) throw new UnsendableError('not_found', 'This is no channel of Discord.');
  return channel;
}

/** Where a message of ours is: a post's first message has the post's own id. */
function placeOf(deps: OutboundDeps, to: Address, id: MessageId): { channel: string; message: string } {
  if (!/^\d{1,20}$/.test(id)) throw new UnsendableError('not_found', 'This is no message of Discord.');
  const channel = channelOf(to);
  return { channel: deps.isForum(channel) ? id : channel, message: id };
}

export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const place = placeOf(deps, to, id);
    const body = {
      content: renderWhole(message.body, message.plain),
      components: makeRows(message.buttons),
      allowed_mentions: ALLOWED_MENTIONS,
    };
    await deps.api.run({
      method: 'PATCH',
      route: `/channels/${place.channel}/messages/${place.message}`,
      body,
      signal,
    });
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** Losses do not matter. */
export async function showTyping(deps: OutboundDeps, to: Address): Promise<void> {
  try {
    await deps.api.run({ method: 'POST', route: `/channels/${channelOf(to)}/typing` });
  } catch {
    // Shown or not, the answer comes.
  }
}

const messageReactions = z.looseObject({
  reactions: z
    .array(
      z.looseObject({
        me: z.boolean(),
        emoji: z.looseObject({ id: z.string().nullish(), name: z.string().nullish() }),
      }),
    )
    .optional(),
});

/** Leaves `emoji`, and no other, as our reaction. */
export async function setReaction(
  deps: OutboundDeps,
  to: Address,
  id: MessageId,
  emoji: string | undefined,
): Promise<SendResult> {
  try {
    const { channel, message } = placeOf(deps, to, id);
    const route = `/channels/${channel}/messages/${message}` as const;
    if (emoji !== undefined)
      await deps.api.run({ method: 'PUT', route: `${route}/reactions/${encodeURIComponent(emoji)}/@me` });
    const tidied = removeReactions(deps.api, route, emoji);
    // The new one is there; an old one beside it is no failure.
    await (emoji === undefined ? tidied : tidied.catch(() => undefined));
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** Rejects with CallError. */
async function removeReactions(api: DiscordApi, route: `/${string}`, kept: string | undefined): Promise<void> {
  const found = messageReactions.parse(await api.run({ method: 'GET', route }));
  for (const { me, emoji } of found.reactions ?? []) {
    const name = emoji.id ? `${emoji.name ?? '_'}:${emoji.id}` : emoji.name;
    if (!me || !name || name === kept) continue;
    await api.run({ method: 'DELETE', route: `${route}/reactions/${encodeURIComponent(name)}/@me` });
  }
}
