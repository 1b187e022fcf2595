// Takes posts, live or fetched, to the core: complete with names and threads, again and again until they are stored.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { describe, isPassing } from '../errors.ts';
import type { Channel, Post } from '../schema.ts';
import type { MattermostSettings } from '../settings.ts';
import type { Directory } from './directory.ts';
import { readPost, readShared, reasonToIgnore, type InboundContext } from './inbound.ts';

const RETRY_BACKOFF = { baseMs: 200, maxMs: 30_000 };

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  bot: { id: string; username: string };
  settings: Pick<MattermostSettings, 'reply_in_thread' | 'follow_threads'>;
  directory: Directory;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

export type Outcome = 'new' | 'duplicate' | 'ignored';

export interface Receiver {
  /** Resolves when it is on disk, or nothing for us. Rejects only when the signal aborts first. */
  take(post: Post, kind: 'message' | 'edit' | 'delete', channel: Channel): Promise<Outcome>;
  /** As far as the post alone tells. */
  isOfUse(post: Post): boolean;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, directory, settings, bot } = deps;

  async function readContext(post: Post, channel: Channel): Promise<InboundContext> {
    const shared = readShared(post);
    return {
      account: deps.account,
      bot,
      channel,
      sender: await directory.user(post.user_id),
      thread: post.root_id === '' ? undefined : await directory.thread(post.root_id),
      sharedAuthor: shared && (await directory.user(shared.authorId)),
      replyInThread: settings.reply_in_thread,
      followThreads: settings.follow_threads,
    };
  }

  return {
    isOfUse: (post) => reasonToIgnore(post, bot.id) === undefined,
    async take(post, kind, channel) {
      if (kind !== 'message') directory.forgetThread(post.id);
      if (post.user_id === bot.id && post.root_id !== '') directory.joinThread(post.root_id);
      if (reasonToIgnore(post, bot.id) !== undefined) return 'ignored';
      return keepTrying(deps, async () => {
        const read = readPost(post, kind, await readContext(post, channel));
        if (read.kind === 'message') return host.receive(read.message);
        host.log.debug({ post: post.id, reason: read.reason }, 'a post was left out');
        return 'ignored';
      });
    },
  };
}

type Trying = Pick<ReceiverDeps, 'host' | 'redactor' | 'clock' | 'signal'>;

/** Runs `work` until it succeeds or fails for good. Rejects then, or when the signal aborts. */
export async function keepTrying<Value>(deps: Trying, work: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    deps.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (deps.signal.aborted || !isPassing(error)) throw error;
      deps.host.log.warn({ attempt, problem: describe(error, deps.redactor).message }, 'taking a post is tried again');
      const hint = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs ?? 0) : 0;
      await deps.clock.sleep(Math.max(hint, backoffMs(attempt, RETRY_BACKOFF)), deps.signal);
    }
  }
}
