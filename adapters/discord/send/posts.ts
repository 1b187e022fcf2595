// Forum and media channels hold posts, not messages: what is sent to one without a thread becomes a post of its own,
// https://docs.discord.com/developers/resources/channel#start-thread-in-forum-or-media-channel, read 2026-11-21.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import type { DiscordApi } from '../api.ts';
import { CallError, unreadableAnswer } from '../errors.ts';
import { snowflakeTime } from '../snowflake.ts';
import { makeForm, type Piece } from './pieces.ts';

/** "1-100 character channel name". */
const MAX_NAME_CHARS = 100;
const CLOCK_TOLERANCE_MS = 30_000;

/** Discord refused a message because its channel holds posts. */
export function saysForum(error: unknown): boolean {
  return error instanceof CallError && (error.apiCode === 40058 || error.apiCode === 50008);
}

export interface PostOptions {
  forum: string;
  me: string;
  /** Time of an earlier attempt whose end is not known: posts have no nonce. */
  since: number | undefined;
  signal: AbortSignal;
}

/** Makes a post of `piece`, or finds the one that an earlier attempt made. Resolves with the id of post and message. Rejects with CallError. */
export async function createPost(api: DiscordApi, options: PostOptions, piece: Piece): Promise<string> {
  const { nonce: _, enforce_nonce: __, message_reference: ___, ...message } = piece.body;
  const name = preview((message.content ?? '').replace(/[*_~`#>|\\]/g, ''), MAX_NAME_CHARS) || 'New post';
  const found = options.since === undefined ? undefined : await findPost(api, options, { name, since: options.since });
  if (found !== undefined) return found;
  const body = { name, message };
  const answer = await api.run({
    method: 'POST',
    route: `/channels/${options.forum}/threads`,
    ...(piece.files.length > 0 ? { form: await makeForm(body, piece.files) } : { body }),
    signal: options.signal,
  });
  const post = z.looseObject({ id: z.string() }).safeParse(answer);
  if (!post.success) throw unreadableAnswer('a post');
  return post.data.id;
}

const forumSchema = z.looseObject({ guild_id: z.string() });
const threadList = z.looseObject({
  threads: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      parent_id: z.string().nullish(),
      owner_id: z.string().nullish(),
    }),
  ),
});

async function findPost(
  api: DiscordApi,
  { forum, me, signal }: PostOptions,
  wanted: { name: string; since: number },
): Promise<string | undefined> {
  const { guild_id: guild } = forumSchema.parse(await api.run({ method: 'GET', route: `/channels/${forum}`, signal }));
  const active = await api.run({ method: 'GET', route: `/guilds/${guild}/threads/active`, signal });
  return threadList
    .parse(active)
    .threads.find(
      (thread) =>
        thread.parent_id === forum &&
        thread.owner_id === me &&
        thread.name === wanted.name &&
        snowflakeTime(thread.id) > wanted.since - CLOCK_TOLERANCE_MS,
    )?.id;
}
