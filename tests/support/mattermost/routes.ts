// The routes of API v4 that a bot uses, with the errors that the real server gives.
import { MAX_POST_RUNES, readBody, type ApiRequest } from './http.ts';
import type { Channel, Post, User, World } from './world.ts';

export class ApiError extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string) {
    super(`Refused: ${id}.`);
    this.status = status;
    this.id = id;
  }
}

const badUrl = () => new ApiError(400, 'api.context.invalid_url_param.app_error');
const forbidden = () => new ApiError(403, 'api.context.permissions.app_error');
const ID = '([a-z0-9]{26})';

interface Context {
  world: World;
  me: User;
  request: ApiRequest;
  /** What stood in the path's brackets. */
  ids: readonly string[];
}

type Handler = (context: Context) => unknown;

const ROUTES: readonly [pattern: RegExp, handler: Handler][] = [
  [/^GET \/users\/me$/, ({ me }) => me],
  [/^GET \/users\/me\/teams$/, ({ world }) => world.teams],
  [/^GET \/users\/me\/channels$/, ({ world, me }) => channelsOf(world, me).map(showChannel)],
  [
    new RegExp(`^GET /users/${ID}$`),
    ({ world, ids }) => world.users.get(ids[0] ?? '') ?? notFound('user.missing_account.const'),
  ],
  [new RegExp(`^GET /channels/${ID}$`), (context) => showChannel(channelOf(context, context.ids[0]))],
  [new RegExp(`^GET /channels/${ID}/posts$`), getPosts],
  [/^POST \/channels\/direct$/, createDirect],
  [/^POST \/posts$/, createPost],
  [new RegExp(`^GET /posts/${ID}$`), (context) => show(context.world, postOf(context))],
  [new RegExp(`^GET /posts/${ID}/thread$`), getThread],
  [new RegExp(`^PUT /posts/${ID}/patch$`), patchPost],
  [new RegExp(`^GET /posts/${ID}/reactions$`), ({ world, ids }) => listReactions(world, ids[0])],
  [/^POST \/reactions$/, addReaction],
  [new RegExp(`^DELETE /users/me/posts/${ID}/reactions/([a-z0-9_+-]+)$`), removeReaction],
  [/^POST \/users\/me\/typing$/, showTyping],
  [/^POST \/files$/, uploadFile],
];

export function answer(world: World, me: User, request: ApiRequest): unknown {
  for (const [pattern, handler] of ROUTES) {
    const match = pattern.exec(`${request.method} ${request.path}`);
    if (match) return handler({ world, me, request, ids: match.slice(1) });
  }
  throw /\/[^/]*[^a-z0-9/_-][^/]*|\/(?:posts|channels|users)\/[^/]+/.test(request.path)
    ? badUrl()
    : new ApiError(404, 'api.context.404.app_error');
}

function asText(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}

function notFound(id: string): never {
  throw new ApiError(404, id);
}

function channelsOf(world: World, me: User): readonly Channel[] {
  return [...world.channels.values()].filter((channel) => channel.members.has(me.id));
}

function showChannel(channel: Channel): unknown {
  return { ...channel, members: undefined };
}

/** Of a channel that is not there, the server says that it may not be seen. */
function channelOf({ world, me }: Context, id: unknown): Channel {
  const channel = world.channels.get(String(id));
  if (!channel?.members.has(me.id)) throw forbidden();
  return channel;
}

function postOf({ world, ids }: Context): Post {
  const post = world.posts.find((one) => one.id === ids[0] && one.delete_at === 0);
  return post ?? notFound('app.post.get.app_error');
}

function show(world: World, post: Post): unknown {
  return world.shown(post);
}

/** Newest first, with the posts that began their threads. */
function listOf(world: World, posts: readonly Post[]): unknown {
  const sorted = posts.toSorted((a, b) => b.create_at - a.create_at);
  return {
    order: sorted.map((post) => post.id),
    posts: Object.fromEntries(sorted.map((post) => [post.id, world.shown(post)])),
    next_post_id: '',
    prev_post_id: '',
  };
}

function getPosts(context: Context): unknown {
  const { world, request, ids } = context;
  const channel = channelOf(context, ids[0]);
  const all = world.posts.filter((post) => post.channel_id === channel.id);
  const since = Number(request.query.get('since') ?? 0);
  if (since > 0) {
    const changed = all.filter((post) => post.update_at > since).slice(0, 1_000);
    const roots = new Set(changed.map((post) => post.root_id));
    return listOf(world, [...changed, ...all.filter((post) => roots.has(post.id) && !changed.includes(post))]);
  }
  const size = Math.min(200, Number(request.query.get('per_page') ?? 60));
  const page = Number(request.query.get('page') ?? 0);
  const living = all.filter((post) => post.delete_at === 0).toSorted((a, b) => b.create_at - a.create_at);
  return listOf(world, living.slice(page * size, (page + 1) * size));
}

function getThread(context: Context): unknown {
  const { world } = context;
  const root = postOf(context);
  channelOf(context, root.channel_id);
  const replies = world.posts.filter((post) => post.root_id === root.id && post.delete_at === 0);
  return listOf(world, [root, ...replies]);
}

function createDirect({ world, me, request }: Context): unknown {
  const [one, two] = Array.isArray(request.json) ? request.json.map(String) : [];
  if (one !== me.id && two !== me.id) throw forbidden();
  if (!one || !two || !world.users.has(one) || !world.users.has(two))
    throw new ApiError(400, 'api.context.invalid_body_param.app_error');
  return showChannel(world.direct(one, two));
}

function createPost(context: Context): unknown {
  const { world, me } = context;
  const body = readBody(context.request);
  const channel = channelOf(context, body['channel_id']);
  if (channel.delete_at > 0) throw new ApiError(400, 'api.post.create_post.can_not_post_to_deleted.error');
  const pending = asText(body['pending_post_id']);
  const known = world.pendingPost(pending);
  if (known) return show(world, known);
  const message = asText(body['message']);
  if ([...message].length > MAX_POST_RUNES) throw new ApiError(400, 'model.post.is_valid.message_length.app_error');
  const root = asText(body['root_id']);
  const parent = world.posts.find((post) => post.id === root && post.delete_at === 0);
  if (root !== '' && (!parent || parent.channel_id !== channel.id || parent.root_id !== ''))
    throw new ApiError(400, 'api.post.create_post.root_id.app_error');
  const files = Array.isArray(body['file_ids']) ? body['file_ids'].map(String) : [];
  if (files.length > 10) throw new ApiError(400, 'model.post.is_valid.file_ids.app_error');
  if (message === '' && files.length === 0) throw new ApiError(400, 'api.context.invalid_body_param.app_error');
  const props = typeof body['props'] === 'object' && body['props'] !== null ? { ...body['props'] } : {};
  const post = world.post(me.id, channel, message, { root_id: root, file_ids: files, props });
  world.notePending(pending, post);
  return { status: 201, body: { ...world.shown(post), pending_post_id: pending } };
}

function patchPost(context: Context): unknown {
  const { world, me, request, ids } = context;
  const post = world.posts.find((one) => one.id === ids[0] && one.delete_at === 0);
  if (post?.user_id !== me.id) throw forbidden();
  const message = asText(readBody(request)['message'], post.message);
  if ([...message].length > MAX_POST_RUNES) throw new ApiError(400, 'model.post.is_valid.message_length.app_error');
  if (message !== post.message) world.edit(post, message);
  return show(world, post);
}

function listReactions(world: World, id: string | undefined): unknown {
  const found = world.reactions.filter((one) => one.post_id === id);
  return found.length === 0 ? null : found;
}

function addReaction({ world, me, request }: Context): unknown {
  const body = readBody(request);
  if (body['user_id'] !== me.id) throw forbidden();
  const post = world.posts.find((one) => one.id === body['post_id']);
  if (!post) throw forbidden();
  world.react(me.id, post, String(body['emoji_name']));
  return { status: 201, body };
}

function removeReaction({ world, me, ids }: Context): unknown {
  const post = world.posts.find((one) => one.id === ids[0]) ?? notFound('app.post.get.app_error');
  world.unreact(me.id, post, ids[1] ?? '');
  return { status: 'OK' };
}

function showTyping(context: Context): unknown {
  const channel = channelOf(context, readBody(context.request)['channel_id']);
  context.world.typing.set(channel.id, context.me.id);
  return { status: 'OK' };
}

function uploadFile(context: Context): unknown {
  const { world, me, request } = context;
  const channel = channelOf(context, request.query.get('channel_id'));
  const name = request.query.get('filename') ?? '';
  if (name === '' || request.raw.length === 0) throw new ApiError(400, 'api.file.upload_file.read_request.app_error');
  const file = world.upload(me.id, channel.id, { name, bytes: request.raw });
  return { status: 201, body: { file_infos: [{ ...file, bytes: undefined }], client_ids: [] } };
}
