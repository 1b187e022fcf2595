// The REST routes that Herald uses, with Discord's own refusals. Each gets the ids of its path.
import { ApiError, invalidForm, type ApiRequest } from './http.ts';
import { checkMessage, makeDraft } from './message-form.ts';
import { channelObject, FORUM, messageObject, userObject, type Channel, type Json, type Message } from './objects.ts';
import type { Interaction, World } from './world.ts';

type Handler = (world: World, request: ApiRequest, ids: readonly string[]) => unknown;

export interface Route {
  method: string;
  pattern: RegExp;
  /** Works with the token of an interaction instead of the bot's. */
  isOpen?: boolean;
  handle: Handler;
}

const ID = String.raw`(\d{1,20})`;

function route(method: string, path: string, handle: Handler): Route {
  return { method, pattern: new RegExp(`^${path.replaceAll(':id', ID).replaceAll(':text', '([^/]+)')}$`), handle };
}

export const ROUTES: readonly Route[] = [
  route('GET', '/users/@me', (world) => ({
    ...userObject(world.bot),
    mfa_enabled: false,
    locale: 'en-US',
    verified: true,
    email: null,
  })),
  route('GET', '/applications/@me', applicationObject),
  route('POST', '/users/@me/channels', openDm),
  route('GET', '/channels/:id', (world, _, [channel]) => channelObject(needChannel(world, channel))),
  route('GET', '/channels/:id/messages', listMessages),
  route('POST', '/channels/:id/messages', createMessage),
  route('GET', '/channels/:id/messages/:id', (world, _, [channel, message]) => {
    const found = needMessage(world, channel, message);
    return messageObject(found.message, world.contextOf(found.channel));
  }),
  route('PATCH', '/channels/:id/messages/:id', editMessage),
  route('PUT', '/channels/:id/messages/:id/reactions/:text/@me', (world, _, ids) => react(world, ids, true)),
  route('DELETE', '/channels/:id/messages/:id/reactions/:text/@me', (world, _, ids) => react(world, ids, false)),
  route('POST', '/channels/:id/typing', (world, _, [channel]) => {
    world.typing.push({ channel: needChannel(world, channel).id, atMs: Date.now() });
  }),
  route('POST', '/channels/:id/threads', createPost),
  route('GET', '/guilds/:id/threads/active', (world, _, [guild]) => ({
    threads: world.activeThreads(guild ?? '').map(channelObject),
    members: [],
    has_more: false,
  })),
  route('PUT', '/applications/:id/commands', publishCommands),
  { ...route('POST', '/interactions/:id/:text/callback', answerInteraction), isOpen: true },
  { ...route('DELETE', '/webhooks/:id/:text/messages/@original', deleteAnswer), isOpen: true },
];

function applicationObject(world: World): Json {
  return {
    id: world.application,
    name: world.bot.username,
    icon: null,
    description: '',
    type: null,
    verify_key: '0'.repeat(64),
    flags: 1 << 19,
    flags_new: String(1 << 19),
    redirect_uris: [],
    interactions_endpoint_url: null,
    role_connections_verification_url: null,
    owner: userObject(world.bot),
    approximate_guild_count: world.guilds.size,
    approximate_user_install_count: 0,
    approximate_user_authorization_count: 0,
    explicit_content_filter: 0,
    team: null,
    eligible_oauth2_scopes: [],
  };
}

function needChannel(world: World, id: string | undefined): Channel {
  const channel = world.channels.get(id ?? '');
  if (!channel) throw new ApiError(404, 10003, 'Unknown Channel');
  return channel;
}

function needMessage(world: World, channelId?: string, id?: string): { channel: Channel; message: Message } {
  const channel = needChannel(world, channelId);
  const message = channel.messages.get(id ?? '');
  if (!message) throw new ApiError(404, 10008, 'Unknown Message');
  return { channel, message };
}

function openDm(world: World, { json }: ApiRequest): Json {
  const user = world.users.get(String(json['recipient_id']));
  if (!user) throw invalidForm('recipient_id', 'USER_DOES_NOT_EXIST', 'Unknown user.');
  return channelObject(world.dmOf(user));
}

function listMessages(world: World, { query }: ApiRequest, [id]: readonly string[]): readonly Json[] {
  const channel = needChannel(world, id);
  const limit = Number(query.get('limit') ?? 50);
  if (!(limit >= 1 && limit <= 100))
    throw invalidForm('limit', 'NUMBER_TYPE_MAX', 'int value should be between 1 and 100.');
  const [before, after] = [query.get('before'), query.get('after')];
  if (before !== null && after !== null) throw new ApiError(400, 50035, 'Invalid Form Body');
  const all = [...channel.messages.values()].toSorted((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
  const found = all.filter(
    (message) =>
      (after === null || BigInt(message.id) > BigInt(after)) &&
      (before === null || BigInt(message.id) < BigInt(before)),
  );
  // The ones next to `after`, or else the newest; newest first in any case.
  const page = after === null ? found.slice(-limit) : found.slice(0, limit);
  return page.toReversed().map((message) => messageObject(message, world.contextOf(channel)));
}

function createMessage(world: World, request: ApiRequest, [id]: readonly string[]): Json {
  const channel = needChannel(world, id);
  if (channel.type === FORUM) throw new ApiError(400, 40058, 'Cannot send a message in a forum channel');
  if (channel.recipient && world.blocked.has(channel.recipient.id))
    throw new ApiError(403, 50007, 'Cannot send messages to this user');
  checkMessage(request, channel);
  const draft = makeDraft(world, request.json, request.files);
  const nonce = request.json['enforce_nonce'] === true ? draft.nonce : undefined;
  const known = nonce === undefined ? undefined : world.findByNonce(nonce);
  return messageObject(known ?? world.post(channel, draft), world.contextOf(channel), true);
}

function editMessage(world: World, request: ApiRequest, [channelId, id]: readonly string[]): Json {
  const { channel, message } = needMessage(world, channelId, id);
  if (message.author.id !== world.bot.id)
    throw new ApiError(403, 50005, 'Cannot edit a message authored by another user');
  if ((message.flags & 8_192) !== 0) throw new ApiError(400, 50162, 'Voice messages cannot be edited.');
  checkMessage(request, channel, true);
  const { content, components } = request.json;
  world.edit(channel, message, {
    ...(typeof content === 'string' && { content: content.trim() }),
    ...(Array.isArray(components) && { components: makeDraft(world, request.json, request.files).components ?? [] }),
  });
  return messageObject(message, world.contextOf(channel));
}

function react(world: World, [channelId, id, encoded]: readonly string[], isOn: boolean): undefined {
  const { message } = needMessage(world, channelId, id);
  const name = decodeURIComponent(encoded ?? '');
  if (!/\p{Extended_Pictographic}/u.test(name)) throw new ApiError(400, 10014, 'Unknown Emoji');
  const users = message.reactions.get(name) ?? new Set<string>();
  message.reactions.set(name, users);
  if (isOn) users.add(world.bot.id);
  else users.delete(world.bot.id);
  if (users.size === 0) message.reactions.delete(name);
  world.options.changed();
  return undefined;
}

function createPost(world: World, request: ApiRequest, [id]: readonly string[]): Json {
  const forum = needChannel(world, id);
  if (forum.type !== FORUM) throw new ApiError(400, 50024, 'Cannot execute action on this channel type');
  const { name, message } = request.json;
  if (typeof name !== 'string' || name.length < 1 || name.length > 100)
    throw invalidForm('name', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 100 in length.');
  const inner = { ...request, json: typeof message === 'object' && message !== null ? { ...message } : {} };
  checkMessage(inner, forum);
  const { guild } = forum;
  const thread = world.addChannel({ type: 11, name, guild, parent: forum.id, owner: world.bot.id });
  world.options.emit('THREAD_CREATE', { ...channelObject(thread), newly_created: true });
  const first = world.post(thread, { ...makeDraft(world, inner.json, request.files), id: thread.id });
  return { ...channelObject(thread), message: messageObject(first, world.contextOf(thread)) };
}

function publishCommands(world: World, request: ApiRequest, [application]: readonly string[]): unknown {
  if (application !== world.application)
    throw new ApiError(403, 20012, 'You are not authorized to perform this action');
  if (!Array.isArray(request.body)) throw new ApiError(400, 50035, 'Invalid Form Body');
  if (request.body.length > 100)
    throw new ApiError(400, 30032, 'Maximum number of application commands reached (100).');
  world.commands = request.body;
  world.options.changed();
  return request.body.map((command: Json) => ({
    ...command,
    id: world.mint(),
    application_id: world.application,
    version: world.mint(),
    default_member_permissions: null,
  }));
}

function needInteraction(world: World, token: string | undefined, id?: string): Interaction {
  const found = [...world.interactions.values()].find(
    (one) => one.token === decodeURIComponent(token ?? '') && (id === undefined || one.id === id),
  );
  if (!found) throw new ApiError(404, 10062, 'Unknown interaction');
  return found;
}

function answerInteraction(world: World, { json }: ApiRequest, [id, token]: readonly string[]): undefined {
  const interaction = needInteraction(world, token, id);
  if (interaction.callbacks.length > 0) throw new ApiError(400, 40060, 'Interaction has already been acknowledged.');
  interaction.callbacks.push(json);
  world.options.changed();
  return undefined;
}

function deleteAnswer(world: World, _: ApiRequest, [application, token]: readonly string[]): undefined {
  const interaction = needInteraction(world, token);
  if (application !== world.application || interaction.callbacks.length === 0)
    throw new ApiError(404, 10008, 'Unknown Message');
  interaction.isDeleted = true;
  world.options.changed();
  return undefined;
}
