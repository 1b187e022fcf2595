// Discord for the adapter contract: REST API, gateway and file server on loopback.
import { makeDiscordAdapter, type DiscordPorts } from '../../../adapters/discord/adapter.ts';
import { makeCapabilities } from '../../../adapters/discord/capabilities.ts';
import { discordSettings } from '../../../adapters/discord/settings.ts';
import { systemClock } from '../../../shared/clock.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import type { Message } from '../../support/discord/objects.ts';
import type { Group, Person, Place, SentFile, UserChat } from '../../support/discord/people.ts';
import { readMarkdown } from '../../support/discord/read-markdown.ts';
import { startDiscord, type DiscordOptions, type DiscordServer } from '../../support/discord/server.ts';

/** Settings for a bot of the loopback server. */
export function settingsFor(server: DiscordServer, extra: Record<string, unknown> = {}) {
  return discordSettings.parse({
    token: server.token,
    api_root: server.apiRoot,
    cdn_root: server.cdnRoot,
    ...extra,
  });
}

export function makeAdapter(
  server: DiscordServer,
  extra: Record<string, unknown> = {},
  ports: Partial<DiscordPorts> = {},
) {
  return makeDiscordAdapter(
    { platform: 'discord', account: accountId(server.botId), settings: settingsFor(server, extra), fetch },
    { clock: systemClock, random: Math.random, ...ports },
  );
}

export function addressOf(server: DiscordServer, chat: string, thread?: string): Address {
  return {
    platform: 'discord',
    account: accountId(server.botId),
    chat: chatId(chat),
    kind: server.channel(chat)?.recipient ? 'dm' : 'group',
    ...(thread !== undefined && { thread: threadId(thread) }),
  };
}

export function makeDiscordHarness(options: DiscordOptions): AdapterHarness {
  return {
    capabilities: makeCapabilities({ streaming: 'edit', tier: 0 }),
    async open() {
      const server = await startDiscord(options);
      try {
        return await openRig(server);
      } catch (error) {
        await server.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const server = await startDiscord(options);
      const record = makeRecordingHost();
      const wrong = `${server.token.slice(0, -6)}WRONG_`;
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
      return { error, record, secrets: [wrong, wrong.slice(30)], close };
    },
  };
}

async function openRig(server: DiscordServer): Promise<AdapterRig> {
  const people = makePeople(server);
  const { ada, group, forum, post } = people;
  const dm = addressOf(server, server.dmOf(ada));
  const start = async (kept?: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    const adapter = makeAdapter(server);
    try {
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      return { adapter, record };
    } catch (error) {
      await adapter.stop();
      await record.close();
      throw error;
    }
  };
  const rig: AdapterRig = {
    ...(await start()),
    dm,
    user: userId(ada.user.id),
    group: addressOf(server, group.id),
    thread: addressOf(server, forum.id, post.id),
    nowhere: addressOf(server, '404404404404404404'),
    secrets: [server.token, server.token.slice(30)],
    faults: makeFaults(server, ada),
    say: async (message) => messageId(sayAs(people, message)),
    seen: async (at) => server.sent(at.thread ?? at.chat).map((message) => describeMessage(server, at, message)),
    typingShown: async (at) => server.typing().some((shown) => shown.channel === at.chat),
    editAsUser: async (id, text) => ada.dm.edit(id, text),
    deleteAsUser: async (id) => ada.dm.delete(id),
    press: async (_at, message, data) => void ada.dm.press(message, data),
    async sayAsBot(text) {
      server.person(8_001, 'Other', { bot: true }).in(group).say(text);
      server.sayAsWebhook(group.id, text);
    },
    sayAsSelf: async (text) => void server.sayAsBot(dm.chat, text),
    injectGarbage: async () => injectGarbage(server, ada),
    async restart(whileDown) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await server.close();
    },
  };
  return rig;
}

interface People {
  ada: Person;
  group: Group;
  forum: Group;
  post: Place;
}

function makePeople(server: DiscordServer): People {
  const ada = server.person(5_001, 'Ada');
  const group = server.group({ name: 'general' });
  const forum = server.group({ name: 'questions', forum: true, beside: group });
  return { ada, group, forum, post: forum.thread('A post', ada) };
}

const SENDS = { method: 'POST', route: /^\/channels\/\d+\/messages$/ };

function makeFaults(server: DiscordServer, ada: Person): AdapterRig['faults'] {
  return {
    rateLimit: (retryAfterMs) => server.fail({ ...SENDS, status: 429, retryAfterMs }),
    serverError: () => server.fail({ ...SENDS, status: 502, text: '<html>502 Bad Gateway</html>' }),
    dropBefore: () => server.fail({ ...SENDS, drop: 'before' }),
    dropAfter: () => server.fail({ ...SENDS, drop: 'after' }),
    async goAway() {
      await server.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await new Promise((resolve) => setTimeout(resolve, 30));
    },
    comeBack: () => server.comeBack(),
    disconnect: async () => server.gateway.disconnect(),
    block: (on) => ada.block(on),
  };
}

function sayAs({ ada, group, post }: People, { at, file, text, mention, replyTo }: UserMessage): string {
  const chat: UserChat = at?.kind !== 'group' ? ada.dm : at.thread ? ada.in(post) : ada.in(group);
  if (file?.kind === 'sticker') return chat.sendSticker(file).id;
  const files: SentFile[] = file ? [{ ...file, ...(file.kind === 'voice' && { seconds: 2.5 }) }] : [];
  return chat.say(text, { mention, replyTo, files }).id;
}

function describeMessage(server: DiscordServer, at: Address, message: Message): SeenMessage {
  const { text, formatted } = readMarkdown(message.content);
  const rows = message.components as { components: { label: string; custom_id: string }[] }[];
  return {
    id: messageId(message.id),
    text,
    formatted,
    buttons: rows.map((row) => row.components.map(({ label, custom_id: data }) => ({ label, data }))),
    replyTo: message.replyTo === undefined ? undefined : messageId(message.replyTo),
    thread: at.thread,
    files: message.files.map((file) => ({
      kind: file.waveform === undefined ? kindOf(file.type) : 'voice',
      name: file.name,
      bytes: file.bytes.length,
    })),
    reactions: [...message.reactions].filter(([, users]) => users.has(server.botId)).map(([name]) => name),
  };
}

function kindOf(mime: string): MediaKind {
  if (mime.startsWith('image/')) return 'image';
  if (mime.startsWith('audio/')) return 'audio';
  return mime.startsWith('video/') ? 'video' : 'document';
}

function injectGarbage(server: DiscordServer, ada: Person): void {
  const channel = server.dmOf(ada);
  const author = { id: ada.user.id, username: 'ada' };
  const base = { id: '1', channel_id: channel, author, content: 'garbage', timestamp: '2026-01-01', type: 0 };
  const broken: readonly [string, unknown][] = [
    ['MESSAGE_CREATE', null],
    ['MESSAGE_CREATE', 'text'],
    ['MESSAGE_CREATE', {}],
    ['MESSAGE_CREATE', { ...base, content: 7 }],
    ['MESSAGE_CREATE', { ...base, author: undefined }],
    ['MESSAGE_CREATE', { ...base, id: 'x' }],
    ['MESSAGE_CREATE', { ...base, channel_id: undefined }],
    ['MESSAGE_CREATE', { ...base, attachments: 'none' }],
    ['MESSAGE_CREATE', { ...base, type: 7 }],
    ['MESSAGE_UPDATE', { id: '1', channel_id: channel, embeds: [] }],
    ['MESSAGE_UPDATE', { ...base, edited_timestamp: null }],
    ['MESSAGE_DELETE', { id: 5 }],
    ['MESSAGE_DELETE_BULK', { ids: ['1', null], channel_id: channel }],
    ['INTERACTION_CREATE', { id: '1' }],
    ['INTERACTION_CREATE', { id: '1', application_id: '2', type: 99, token: 't', channel_id: channel, user: author }],
    ['GUILD_CREATE', { id: 1 }],
    ['GUILD_CREATE', { id: '5', name: 'x', channels: [null, 7, { id: 'y' }], roles: [null] }],
    ['GUILD_ROLE_UPDATE', { guild_id: '5', role: null }],
    ['THREAD_LIST_SYNC', { threads: null }],
    ['CHANNEL_DELETE', null],
    ['SOMETHING_OF_2031', { deep: [[[[]]]] }],
  ];
  for (const [type, data] of broken) server.emit(type, data);
  server.gateway.sendRaw('no json');
  server.gateway.sendRaw({ op: 'x' });
  server.gateway.sendRaw({ op: 99, d: null });
  server.gateway.sendRaw([1, 2, 3]);
}
