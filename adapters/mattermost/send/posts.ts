// Messages as posts: sent, changed, and found again by the key that each carries in its props.
import { z } from 'zod';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { MattermostApi } from '../api.ts';
import { NotCalledError, partlySent, UnsendableError } from '../../transport/failures.ts';
import { ApiError, explainFailure } from '../errors.ts';
import { uploadFile } from '../files.ts';
import { ID, postSchema, readPosts } from '../schema.ts';
import { renderMessages, renderOne } from './render.ts';

/** Files of one post (PostFileidsMaxRunes = 300, at 29 for each; server/public/model/post.go, read 2026-11-21). */
const MAX_FILES = 10;
/** Messages are not sent any more when they are older. */
const LOOK_BACK_MS = 25 * 3_600_000;
const PAGE = 200;
const MAX_PAGES = 10;

export interface OutboundDeps {
  api: MattermostApi;
  redactor: Redactor;
  clock: Clock;
  /** Our user id; undefined before the server was reached for the first time. */
  botId(): string | undefined;
  /** We wrote in this thread. */
  onThread(root: string): void;
}

const createdSchema = z.looseObject({ id: z.string().regex(ID) });

/** Never rejects. */
export async function sendMessage(
  deps: OutboundDeps,
  { to, message }: { to: Address; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
    if (!ID.test(to.chat)) throw new UnsendableError('not_found', 'Mattermost has no such channel.');
    const texts = renderMessages(message.body, message.plain);
    const files: string[] = [];
    for (const file of message.files) files.push(await uploadFile(deps.api, { file, channel: to.chat, signal }));
    const parts = layOut(texts, files);
    if (parts.length === 0) throw new UnsendableError('bad_request', 'The message is empty.');
    for (const [i, part] of parts.entries()) {
      const props = { herald_key: message.key, ...(parts.length > 1 && { herald_part: `${i + 1}/${parts.length}` }) };
      ids.push(await createPost(deps, { to, ...part, props, pending: `${message.key}:${i}` }, signal));
    }
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(error, deps.redactor));
  }
}

interface Part {
  text: string;
  files: readonly string[];
}

/** Files hang on the last text; those for which it has no room follow. */
function layOut(texts: readonly string[], files: readonly string[]): readonly Part[] {
  const parts: Part[] = texts.map((text) => ({ text, files: [] }));
  for (let at = 0; at < files.length; at += MAX_FILES) {
    const some = files.slice(at, at + MAX_FILES);
    const text = at === 0 ? (parts.pop()?.text ?? '') : '';
    parts.push({ text, files: some });
  }
  return parts;
}

interface NewPost extends Part {
  to: Address;
  props: Readonly<Record<string, string>>;
  pending: string;
}

async function createPost(deps: OutboundDeps, post: NewPost, signal: AbortSignal): Promise<MessageId> {
  const { to } = post;
  const create = async (root: string) => {
    const botId = deps.botId();
    const body = {
      channel_id: to.chat,
      message: post.text,
      root_id: root,
      file_ids: post.files,
      props: post.props,
      // Of a send that is repeated at once, even while the first one still runs, the server makes one post.
      ...(botId !== undefined && { pending_post_id: `${botId}:${post.pending}${root === '' ? '' : ':thread'}` }),
    };
    const answer = await deps.api.call({ method: 'POST', path: '/posts', body, signal });
    return messageId(createdSchema.parse(answer.body).id);
  };
  const root = to.thread ?? '';
  if (root === '') return create('');
  try {
    const id = await create(root);
    deps.onThread(root);
    return id;
  } catch (error) {
    // The message that began the thread was deleted; the answer still has readers.
    if (error instanceof ApiError && error.status === 400 && /root_id/.test(error.id)) return create('');
    throw error;
  }
}

/** Never rejects. Idempotent. */
export async function editMessage(
  deps: OutboundDeps,
  { id, message }: { id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    if (!ID.test(id)) throw new UnsendableError('not_found', 'Mattermost has no such message.');
    const text = renderOne(message.body, message.plain);
    await deps.api.call({ method: 'PUT', path: `/posts/${id}/patch`, body: { message: text }, signal });
    return { ok: true, ids: [id] };
  } catch (error) {
    const isRefused = error instanceof ApiError && error.status === 403;
    // Of a post that is not there the server says that we may not change it.
    if (isRefused && (await isGone(deps, id, signal))) {
      const gone = new ApiError(404, error.id, 'the post is gone');
      return explainFailure(gone, deps.redactor);
    }
    return explainFailure(error, deps.redactor);
  }
}

async function isGone({ api }: OutboundDeps, id: MessageId, signal: AbortSignal): Promise<boolean> {
  try {
    await api.call({ path: `/posts/${id}`, signal });
    return false;
  } catch (error) {
    return error instanceof ApiError && error.status === 404;
  }
}

/** ok: it is there · undefined: it certainly is not · a failure: it cannot be known, or only some of it is there. Never rejects. */
export async function findMessage(deps: OutboundDeps, to: Address, key: string): Promise<SendResult | undefined> {
  try {
    const { ids, parts } = await findParts(deps, to, key);
    if (ids.length === 0) return undefined;
    if (ids.length >= parts) return { ok: true, ids };
    const cause = new Error(`Only ${ids.length} of ${parts} messages went out.`);
    return { ok: false, code: 'unreachable', reached: 'maybe', cause };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

async function findParts(
  { api, clock, botId }: OutboundDeps,
  to: Address,
  key: string,
): Promise<{ ids: readonly MessageId[]; parts: number }> {
  if (!ID.test(to.chat)) return { ids: [], parts: 1 };
  const oldest = clock.now() - LOOK_BACK_MS;
  const found = new Map<string, MessageId>();
  let parts = 1;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { page: String(page), per_page: String(PAGE) };
    const { posts, count } = readPosts((await api.call({ path: `/channels/${to.chat}/posts`, query })).body);
    for (const raw of posts) {
      const { id, user_id: author, props } = postSchema.parse(raw);
      // Anybody can put our key into the props of a post of theirs.
      if (props['herald_key'] !== key || (botId() !== undefined && author !== botId())) continue;
      const part = typeof props['herald_part'] === 'string' ? props['herald_part'] : '1/1';
      found.set(part, messageId(id));
      parts = Math.max(1, Number(part.split('/')[1]) || 1);
    }
    if (count < PAGE || found.size >= parts || (posts[0]?.create_at ?? 0) < oldest) {
      const order = [...found].toSorted(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
      return { ids: order.map(([, id]) => id), parts };
    }
  }
  if (found.size > 0) return { ids: [...found.values()], parts };
  throw new UnsendableError('bad_request', 'There are too many messages in the chat to find one of ours.');
}
