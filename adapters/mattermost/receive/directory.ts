// Names of people, kinds of channels, and who began a thread: asked for when needed and kept for a while.
import type { Clock } from '../../../shared/clock.ts';
import type { MattermostApi } from '../api.ts';
import { isPassing } from '../errors.ts';
import { channelSchema, readPosts, userSchema, type Channel, type User } from '../schema.ts';
import { nameOf, type Thread } from './inbound.ts';

const MAX_KEPT = 2_000;
const KEEP_MS = 3_600_000;
/** Replies of a thread that are looked through for one of ours. */
const THREAD_PAGE = 200;

export interface Directory {
  /** Undefined when the server does not tell. Never rejects. */
  user(id: string): Promise<User | undefined>;
  /** Undefined when there is none that we may see. Rejects when the server cannot be asked. */
  channel(id: string): Promise<Channel | undefined>;
  noteChannel(channel: Channel): void;
  /** Undefined when it is gone. Rejects when the server cannot be asked. */
  thread(root: string): Promise<Thread | undefined>;
  /** We wrote in this thread. */
  joinThread(root: string): void;
  /** A message was changed or deleted: what is known of its thread may be wrong. */
  forgetThread(root: string): void;
}

interface Deps {
  api: MattermostApi;
  clock: Clock;
  botId(): string;
  signal: AbortSignal;
}

export function makeDirectory({ api, clock, botId, signal }: Deps): Directory {
  const users = makeCache<User>(clock);
  const channels = makeCache<Channel>(clock);
  const threads = makeCache<Thread>(clock);
  const joined = makeCache<true>(clock);

  async function user(id: string): Promise<User | undefined> {
    const known = users.get(id);
    if (known) return known;
    try {
      const found = userSchema.parse((await api.call({ path: `/users/${id}`, signal })).body);
      users.set(id, found);
      return found;
    } catch {
      return undefined;
    }
  }

  async function askThread(root: string): Promise<Thread | undefined> {
    const query = { perPage: String(THREAD_PAGE), direction: 'down' };
    const { body } = await api.call({ path: `/posts/${root}/thread`, query, signal });
    const { posts } = readPosts(body);
    const first = posts.find((post) => post.id === root);
    if (!first) return undefined;
    const author = await user(first.user_id);
    return {
      text: first.message,
      author: author && nameOf(author),
      isOurs: first.user_id === botId(),
      isJoined: posts.some((post) => post.user_id === botId()),
    };
  }

  return {
    user,
    async channel(id) {
      const known = channels.get(id);
      if (known) return known;
      try {
        const found = channelSchema.safeParse((await api.call({ path: `/channels/${id}`, signal })).body).data;
        if (found) channels.set(id, found);
        return found;
      } catch (error) {
        if (isPassing(error)) throw error;
        return undefined;
      }
    },
    noteChannel: (channel) => channels.set(channel.id, channel),
    async thread(root) {
      let thread = threads.get(root);
      if (!thread) {
        try {
          thread = await askThread(root);
        } catch (error) {
          if (isPassing(error)) throw error;
        }
        if (thread) threads.set(root, thread);
      }
      return thread && { ...thread, isJoined: thread.isJoined || joined.get(root) === true };
    },
    joinThread: (root) => joined.set(root, true),
    forgetThread: (root) => threads.delete(root),
  };
}

interface Cache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
}

/** Values of the last hour, the oldest leave first. */
function makeCache<Value>(clock: Clock): Cache<Value> {
  const kept = new Map<string, { value: Value; at: number }>();
  return {
    get(key) {
      const entry = kept.get(key);
      return entry && clock.now() - entry.at < KEEP_MS ? entry.value : undefined;
    },
    set(key, value) {
      kept.delete(key);
      kept.set(key, { value, at: clock.now() });
      const oldest = kept.size > MAX_KEPT ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
    },
    delete: (key) => void kept.delete(key),
  };
}
