// One connection's worth of receiving. Of each channel, what was missed is taken before what comes live; a session that ends is followed
// by another one that fetches again what this one did not store.
import { chatId } from '../../../shared/ids.ts';
import type { MattermostApi } from '../api.ts';
import { describe, isPassing } from '../errors.ts';
import { channelSchema, postSchema, type Channel, type Frame, type Post } from '../schema.ts';
import { parseJson } from '../../transport/bodies.ts';
import { fetchHistory } from './history.ts';
import { isDirect } from './inbound.ts';
import { makeLanes } from '../../transport/lanes.ts';
import type { Progress } from './progress.ts';
import { keepTrying, type Receiver, type ReceiverDeps } from './receiver.ts';

/** Nodes of a cluster may tell of posts out of order; what is taken twice is known to the inbox. */
const OVERLAP_MS = 10_000;

/** More waits only when nothing can be stored; what comes then is fetched from the history later. */
const MAX_WAITING = 5_000;

export interface SessionDeps extends Pick<ReceiverDeps, 'host' | 'directory' | 'redactor' | 'clock' | 'signal'> {
  api: MattermostApi;
  progress: Progress;
  receiver: Receiver;
  /** Ids of the teams whose channels are read; undefined: all. */
  teams: ReadonlySet<string> | undefined;
  /** The server's time now. */
  serverNow(): number;
  /** Too much waits: this session must end. */
  onOverflow(): void;
}

export interface Session {
  /** We listen: looks through all channels. Resolves when that is done or the session ended. Never rejects. */
  catchUp(): Promise<void>;
  takeEvent(frame: Frame): void;
  /** Everything up to `at` (the server's time) was heard. Counts once nothing waits and nothing is missing. */
  noteAlive(at: number): Promise<void>;
  /** Resolves when nothing of the session runs any more. */
  settle(): Promise<void>;
}

const KINDS = { posted: 'message', post_edited: 'edit', post_deleted: 'delete' } as const;

export function makeSession(deps: SessionDeps): Session {
  const { host, directory, receiver, progress } = deps;
  /** By channel: resolves when what was missed there is taken. */
  const covered = new Map<string, Promise<void>>();
  let isCaughtUp = false;
  const warn = (message: string, error: unknown) => {
    if (!deps.signal.aborted) host.log.warn({ problem: describe(error, deps.redactor).message }, message);
  };
  const lanes = makeLanes();
  const add = (channel: string, task: () => Promise<void>): boolean => {
    const hasRoom = lanes.waiting() < MAX_WAITING;
    if (hasRoom) lanes.run(channel, task).catch((error: unknown) => warn('a post could not be taken', error));
    else deps.onOverflow();
    return hasRoom;
  };

  /** What was missed in a channel gets in line once, before anything else of it. */
  function cover(id: string): Promise<void> {
    const known = covered.get(id);
    if (known) return known;
    const { promise, resolve } = Promise.withResolvers<void>();
    covered.set(id, promise);
    const fill = () => fillChannel(deps, id).catch((error: unknown) => giveUp(deps, id, error));
    if (!add(id, () => fill().finally(resolve))) resolve();
    return promise;
  }

  function isOfTeam(channel: Channel): boolean {
    return channel.team_id === '' || deps.teams === undefined || deps.teams.has(channel.team_id);
  }

  async function takePost(post: Post, kind: 'message' | 'edit' | 'delete'): Promise<void> {
    const channel = await keepTrying(deps, () => directory.channel(post.channel_id));
    if (!channel || !isOfTeam(channel)) return;
    await receiver.take(post, kind, channel);
    await advance(deps, post.channel_id, lastChange(post));
  }

  async function listChannels(): Promise<readonly Channel[]> {
    const { body } = await keepTrying(deps, () => deps.api.call({ path: '/users/me/channels', signal: deps.signal }));
    if (!Array.isArray(body)) throw new Error('The list of channels cannot be read.');
    return body.flatMap((raw: unknown) => channelSchema.safeParse(raw).data ?? []);
  }

  return {
    async catchUp() {
      try {
        const channels = (await listChannels()).filter((channel) => channel.delete_at === 0 && isOfTeam(channel));
        for (const channel of channels) directory.noteChannel(channel);
        const ids = new Set(channels.map(({ id }) => id));
        for (const id of progress.channels()) if (!ids.has(id) && !covered.has(id)) await progress.forget(id);
        // People who wrote to us alone wait for an answer.
        for (const { id } of channels.toSorted((a, b) => Number(isDirect(b)) - Number(isDirect(a)))) {
          if (deps.signal.aborted) return;
          await cover(id);
        }
        isCaughtUp = !deps.signal.aborted;
      } catch (error) {
        warn('channels could not be listed', error);
      }
    },
    takeEvent({ event, data }) {
      if (event !== 'posted' && event !== 'post_edited' && event !== 'post_deleted') return;
      const post = postSchema.safeParse(parseJson(data['post'])).data;
      if (!post) return host.log.debug({ event }, 'an event could not be read');
      void cover(post.channel_id);
      add(post.channel_id, () => takePost(post, KINDS[event]));
    },
    async noteAlive(at) {
      if (!isCaughtUp || lanes.waiting() > 0 || deps.signal.aborted) return;
      await progress
        .advanceAll(at - OVERLAP_MS)
        .catch((error: unknown) => warn('how far was read could not be saved', error));
    },
    settle: () => lanes.settle(),
  };
}

/** Also what is left out counts as done. A failure to save only means that it is taken again. */
async function advance({ progress, host }: SessionDeps, channel: string, at: number): Promise<void> {
  await progress.advance(channel, at).catch(() => host.log.warn({}, 'how far was read could not be saved'));
}

async function fillChannel(deps: SessionDeps, id: string): Promise<void> {
  const { progress, receiver, host, signal } = deps;
  const channel = await keepTrying(deps, () => deps.directory.channel(id));
  if (!channel || (deps.teams && channel.team_id !== '' && !deps.teams.has(channel.team_id))) return;
  const fresh = Math.max(progress.reached(id), progress.beganAt);
  const since = Math.max(fresh - OVERLAP_MS, progress.beganAt);
  const { maxMessages, maxAgeMs } = host.backfill;
  const request = { channel: id, since, enough: maxMessages, isOfUse: receiver.isOfUse, signal };
  const history = await keepTrying(deps, () => fetchHistory(deps.api, request));
  const isWanted = (post: Post) => post.delete_at === 0 && receiver.isOfUse(post);
  const isNew = (post: Post) => post.create_at > fresh && isWanted(post);

  const oldest = deps.serverNow() - maxAgeMs;
  const inTime = history.posts.filter((post) => isNew(post) && post.create_at >= oldest);
  const kept = new Set(inTime.slice(-maxMessages).map((post) => post.id));
  const missed = history.posts.filter((post) => isNew(post) && !kept.has(post.id)).length;
  if (missed > 0 || history.isCut) {
    const first = history.posts.find((post) => kept.has(post.id))?.create_at;
    await host.gap({
      since: fresh,
      until: first ?? deps.serverNow(),
      chat: { id: chatId(id), kind: isDirect(channel) ? 'dm' : 'group' },
      ...(!history.isCut && { missed }),
      reason: 'limit',
    });
  }
  for (const post of history.posts) {
    await takeChange(deps, { post, channel, since, fresh, isKept: kept.has(post.id) });
    // Not by the time of an edit or a deletion: later posts may be older than that, and are not stored yet.
    if (post.create_at > fresh) await advance(deps, id, post.create_at);
  }
  await advance(deps, id, Math.max(0, ...history.posts.map(lastChange)));
}

interface Change {
  post: Post;
  channel: Channel;
  /** From here on it was asked for; what is older than `fresh` should be stored already. */
  since: number;
  fresh: number;
  isKept: boolean;
}

async function takeChange({ receiver }: SessionDeps, change: Change): Promise<void> {
  const { post, channel, since, fresh } = change;
  const isEdited = post.edit_at > fresh;
  if (post.original_id !== '') return;
  if (post.delete_at > 0) {
    // What came and went meanwhile was never told.
    if (post.create_at <= fresh && post.delete_at > fresh) await receiver.take(post, 'delete', channel);
  } else if (change.isKept || (post.create_at > since && post.create_at <= fresh)) {
    const outcome = await receiver.take(post, 'message', channel);
    // Stored before it was edited, so the edit is what is new.
    if (outcome === 'duplicate' && isEdited) await receiver.take(post, 'edit', channel);
  } else if (post.create_at <= since && isEdited) await receiver.take(post, 'edit', channel);
}

function lastChange(post: Post): number {
  return Math.max(post.create_at, post.edit_at, post.delete_at);
}

async function giveUp(
  { host, progress, redactor, signal }: SessionDeps,
  channel: string,
  error: unknown,
): Promise<void> {
  if (signal.aborted || isPassing(error)) throw error;
  host.log.warn({ channel, problem: describe(error, redactor).message }, 'the history of a channel cannot be read');
  await progress.forget(channel).catch(() => undefined);
}
