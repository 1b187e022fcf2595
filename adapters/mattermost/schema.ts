// What we read of the server's answers and events; loose, since servers of all ages add and leave out fields.
import { z } from 'zod';

/** Ids are 26 letters and digits (model.NewId); also what may stand in a path. */
export const ID = /^[a-z0-9]{26}$/;
const id = z.string().regex(ID);
/** Milliseconds since the epoch; 0: never. */
const time = z.number().nonnegative().catch(0);

export const postSchema = z.looseObject({
  id,
  channel_id: id,
  user_id: id,
  root_id: z.union([id, z.literal('')]).catch(''),
  /** Of an earlier version of an edited post: that post. */
  original_id: z.string().catch(''),
  create_at: z.number().positive(),
  edit_at: time,
  delete_at: time,
  type: z.string().catch(''),
  message: z.string(),
  props: z.record(z.string(), z.unknown()).catch({}),
  file_ids: z.array(z.unknown()).catch([]),
  metadata: z
    .looseObject({ files: z.array(z.unknown()).catch([]), embeds: z.array(z.unknown()).catch([]) })
    .catch({ files: [], embeds: [] }),
});
export type Post = z.output<typeof postSchema>;

export const postsSchema = z.looseObject({
  /** Newest first. */
  order: z.array(z.string()).nullish(),
  posts: z.record(z.string(), z.unknown()).nullish(),
});

/** Another post whose link is in the text, when everybody here may read it (PreviewPost, server/public/model/post.go). */
export const permalinkSchema = z.looseObject({
  type: z.literal('permalink'),
  data: z.looseObject({ post_id: id, post: z.looseObject({ user_id: id, message: z.string() }) }),
});

export const fileSchema = z.looseObject({
  id,
  name: z.string().optional().catch(undefined),
  mime_type: z.string().optional().catch(undefined),
  size: z.number().nonnegative().optional().catch(undefined),
});

export const userSchema = z.looseObject({
  id,
  username: z.string().min(1),
  nickname: z.string().catch(''),
  first_name: z.string().catch(''),
  last_name: z.string().catch(''),
  is_bot: z.boolean().catch(false),
});
export type User = z.output<typeof userSchema>;

export const channelSchema = z.looseObject({
  id,
  /** D: direct · G: group message · O, P: public or private channel. */
  type: z.string(),
  display_name: z.string().catch(''),
  team_id: z.string().catch(''),
  delete_at: time,
});
export type Channel = z.output<typeof channelSchema>;

export const frameSchema = z.looseObject({
  event: z.string(),
  data: z.record(z.string(), z.unknown()).catch({}),
  seq: z.number().int().nonnegative().optional(),
});
export type Frame = z.output<typeof frameSchema>;

/** Answer to something that we sent over the socket. */
export const replySchema = z.looseObject({
  status: z.string(),
  seq_reply: z.number(),
  error: z.looseObject({ id: z.string().catch(''), message: z.string().catch('') }).optional(),
});

/** All posts of an answer that can be understood, oldest first. */
export function readPosts(body: unknown): { posts: readonly Post[]; count: number } {
  const list = postsSchema.safeParse(body).data;
  const order = list?.order ?? [];
  const posts = order.toReversed().flatMap((key) => {
    const post = postSchema.safeParse(list?.posts?.[key]);
    return post.success ? [post.data] : [];
  });
  return { posts: posts.toSorted((a, b) => a.create_at - b.create_at), count: order.length };
}
