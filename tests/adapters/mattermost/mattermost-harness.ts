// Mattermost for the adapter contract: a loopback server with one person, their direct channel and a public channel.
import { makeMattermostAdapter } from '../../../adapters/mattermost/adapter.ts';
import { makeCapabilities } from '../../../adapters/mattermost/capabilities.ts';
import { mattermostSettings } from '../../../adapters/mattermost/settings.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { readMarkdown } from '../../support/mattermost/read-markdown.ts';
import { startMattermost, type MattermostServer } from '../../support/mattermost/server.ts';
import type { Channel, Post } from '../../support/mattermost/world.ts';

export const ACCOUNT = accountId('default');

export function settingsFor(server: MattermostServer, extra: Record<string, unknown> = {}) {
  return mattermostSettings.parse({ url: server.url, token: server.token, ...extra });
}

export function addressOf(channel: Channel, thread?: string): Address {
  return {
    platform: 'mattermost',
    account: ACCOUNT,
    chat: chatId(channel.id),
    kind: channel.type === 'D' ? 'dm' : 'group',
    ...(thread !== undefined && { thread: threadId(thread) }),
  };
}

export function makeAdapter(server: MattermostServer, extra: Record<string, unknown> = {}, clock?: Clock) {
  return makeMattermostAdapter(
    {
      platform: 'mattermost',
      account: ACCOUNT,
      settings: settingsFor(server, extra),
      fetch,
    },
    clock,
  );
}

/** Started, online, and with all that was missed taken. */
export async function startAdapter(
  server: MattermostServer,
  kept: RecordingHostOptions = {},
  extra: Record<string, unknown> = {},
  prepare: (record: RecordingHost) => void = () => {},
) {
  const record = makeRecordingHost(kept);
  prepare(record);
  const adapter = makeAdapter(server, extra);
  try {
    await adapter.start(record.host);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    return { adapter, record };
  } catch (error) {
    await adapter.stop();
    await record.close();
    throw error;
  }
}

export function makeMattermostHarness(): AdapterHarness {
  return {
    capabilities: makeCapabilities('edit'),
    async open() {
      const server = await startMattermost();
      try {
        return await openRig(server);
      } catch (error) {
        await server.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const server = await startMattermost();
      const record = makeRecordingHost();
      const wrong = 'thisisnotthetokenofthebot1';
      const adapter = makeAdapter(server, { token: wrong });
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await server.close();
      };
      return { error, record, secrets: [wrong], close };
    },
  };
}

async function openRig(server: MattermostServer): Promise<AdapterRig> {
  const { world, ann, bot, dm, town } = server;
  const root = world.post(ann.id, town, 'the beginning of a thread', { create_at: Date.now() - 3_600_000 });
  const robot = world.addUser('robot', { is_bot: true });
  town.members.add(robot.id);
  const postOf = (id: string): Post => {
    const post = world.posts.find((one) => one.id === id);
    if (!post) throw new Error('no such post');
    return post;
  };
  const rig: AdapterRig = {
    ...(await startAdapter(server)),
    dm: addressOf(dm),
    user: userId(ann.id),
    group: addressOf(town),
    thread: addressOf(town, root.id),
    secrets: [server.token],
    faults: makeFaults(server),
    say: async (message) => sayAs(server, message),
    seen: async (at) => server.ours(at.chat).map((post) => describePost(server, post)),
    typingShown: async (at) => world.typing.has(at.chat),
    editAsUser: async (id, text) => world.edit(postOf(id), text),
    deleteAsUser: async (id) => world.delete(postOf(id)),
    sayAsBot: async (text) => void world.post(robot.id, town, text),
    sayAsSelf: async (text) => void world.post(bot.id, town, text),
    injectGarbage: async () => injectGarbage(server),
    async restart(whileDown) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await startAdapter(server, { cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await server.close();
    },
  };
  return rig;
}

const SEND = /^POST \/posts$/;

function makeFaults(server: MattermostServer): AdapterRig['faults'] {
  let unblock = () => {};
  return {
    rateLimit: (ms) =>
      void server.fail({ route: SEND, status: 429, headers: { 'X-Ratelimit-Reset': String(ms / 1_000) } }),
    serverError: () => void server.fail({ route: SEND, status: 503 }),
    dropBefore: () => void server.fail({ route: SEND, drop: 'before' }),
    dropAfter: () => void server.fail({ route: SEND, drop: 'after' }),
    async goAway() {
      await server.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await new Promise((resolve) => setTimeout(resolve, 30));
    },
    comeBack: () => server.comeBack(),
    disconnect: async () => server.hub.dropAll(),
    block(on) {
      unblock();
      if (on)
        unblock = server.fail({ route: SEND, times: Infinity, status: 403, id: 'api.context.permissions.app_error' });
    },
  };
}

function sayAs({ world, ann, dm, bot }: MattermostServer, { at, text, mention, replyTo, file }: UserMessage) {
  const channel = world.channels.get(at?.chat ?? dm.id) ?? dm;
  const answered = world.posts.find((post) => post.id === replyTo);
  const root = at?.thread ?? (answered && (answered.root_id || answered.id)) ?? '';
  const files = file ? [world.upload(ann.id, channel.id, file).id] : [];
  const message = mention ? `@${bot.username} ${text}` : text;
  return messageId(world.post(ann.id, channel, message, { root_id: root, file_ids: files }).id);
}

const EMOJI: Readonly<Record<string, string>> = { '+1': '👍', eyes: '👀' };

export function describePost({ world }: MattermostServer, post: Post): SeenMessage {
  const { text, formatted } = readMarkdown(post.message);
  return {
    id: messageId(post.id),
    text,
    formatted,
    buttons: [],
    thread: post.root_id === '' ? undefined : threadId(post.root_id),
    files: post.file_ids.flatMap((id) => {
      const file = world.files.get(id);
      return file ? [{ kind: kindOf(file.mime_type), name: file.name, bytes: file.size }] : [];
    }),
    reactions: world.reactions.filter((one) => one.post_id === post.id).map((one) => EMOJI[one.emoji_name] ?? '?'),
  };
}

function kindOf(mime: string): MediaKind {
  const kinds: Readonly<Record<string, MediaKind>> = { image: 'image', audio: 'audio', video: 'video' };
  return kinds[mime.split('/')[0] ?? ''] ?? 'document';
}

function injectGarbage({ hub, world, ann, dm, bot }: MattermostServer): void {
  const post = {
    ...world.shown({ ...BLANK, id: 'a'.repeat(26), user_id: ann.id, channel_id: dm.id, message: 'garbage' }),
  };
  const posts: readonly unknown[] = [
    {},
    7,
    null,
    [],
    'text',
    { ...post, id: '../../users' },
    { ...post, message: 7 },
    { ...post, user_id: undefined },
    { ...post, create_at: 'yesterday' },
    { ...post, create_at: 0 },
    { ...post, message: '' },
    { ...post, message: '', file_ids: ['x', 7, null], metadata: { files: [{}, 7, null, { id: 7 }] } },
    { ...post, type: 'system_join_channel' },
    { ...post, type: 'custom_unknown' },
    { ...post, user_id: bot.id },
    { ...post, props: { from_webhook: 'true' } },
    { ...post, channel_id: 'b'.repeat(26) },
    { ...post, original_id: 'c'.repeat(26) },
  ];
  for (const one of posts)
    for (const event of ['posted', 'post_edited']) hub.sendEvent(event, { post: JSON.stringify(one) });
  for (const data of [undefined, null, 7, {}, { post: 7 }, { post: '{' }]) hub.sendEvent('posted', data);
  hub.sendEvent('some_kind_of_2031', { deep: [[[[]]]] });
  for (const frame of ['', 'no json', 'null', '7', '[]', '{}', '{"event":7}', '{"event":"odd"}', '{"status":"OK"}'])
    hub.sendRaw(frame);
}

const BLANK: Post = {
  id: '',
  create_at: Date.now(),
  update_at: 0,
  edit_at: 0,
  delete_at: 0,
  user_id: '',
  channel_id: '',
  root_id: '',
  original_id: '',
  message: '',
  type: '',
  props: {},
  file_ids: [],
};
