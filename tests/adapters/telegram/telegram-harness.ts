// Telegram for the adapter contract: the loopback Bot API server, and for webhooks the gateway's HTTP side before it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { makeTelegramAdapter } from '../../../adapters/telegram/adapter.ts';
import { makeCapabilities } from '../../../adapters/telegram/capabilities.ts';
import { telegramSettings } from '../../../adapters/telegram/settings.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { startBotApi, type BotApiOptions } from '../../support/bot-api.ts';
import type { BotApi } from '../../support/bot-api/types.ts';
import type { Group, Person, SentFile, UserChat } from '../../support/bot-api/people.ts';
import type { ChatEntry } from '../../support/bot-api/world.ts';

export const WEBHOOK_SECRET = 'a-secret-for-the-webhook-of-tests';
export const ADA = 5001;

const WEBHOOK_ORIGIN = 'https://herald.example';

export type Mode = 'polling' | 'webhook';

/** Settings for a bot of the loopback server. */
export function settingsFor(api: BotApi, extra: Record<string, unknown> = {}) {
  return telegramSettings.parse({ token: api.token, api_root: api.url, rate_limit: false, ...extra });
}

export function addressOf(api: BotApi, chat: number, thread?: number): Address {
  return {
    platform: 'telegram',
    account: accountId(String(api.botId)),
    chat: chatId(String(chat)),
    kind: chat > 0 ? 'dm' : 'group',
    ...(thread !== undefined && { thread: threadId(String(thread)) }),
  };
}

export function makeTelegramHarness(mode: Mode, recordTo: string): AdapterHarness {
  return {
    capabilities: makeCapabilities('dm', { streaming: 'draft', isLocalServer: true }),
    async open() {
      const gateway = mode === 'webhook' ? await openGateway() : undefined;
      const options: BotApiOptions = {
        recordTo,
        ...(gateway && { webhookOrigins: { [WEBHOOK_ORIGIN]: gateway.url } }),
      };
      const api = await startBotApi(options);
      try {
        return await openRig(api, gateway);
      } catch (error) {
        await api.close();
        await gateway?.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const api = await startBotApi({ recordTo });
      const record = makeRecordingHost();
      const wrong = '7000000001:this_is_not_the_token_of_the_server_at_all';
      const adapter = makeAdapter(api, undefined, { token: wrong });
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await api.close();
      };
      return { error, record, secrets: [wrong, wrong.slice(11)], close };
    },
  };
}

interface Gateway {
  /** Whose handler answers; requests before there is one get 503. */
  record: RecordingHost | undefined;
  url: string;
  close(): Promise<void>;
}

/** Stands for the gateway's HTTP server and the reverse proxy before it. */
async function openGateway(): Promise<Gateway> {
  const server: Server = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
      const handler = gateway.record?.handler;
      const headers = new Headers();
      for (const [key, value] of Object.entries(incoming.headers))
        if (typeof value === 'string') headers.set(key, value);
      const request = new Request('http://gateway/', {
        method: incoming.method ?? 'GET',
        headers,
        ...(chunks.length > 0 && { body: new Uint8Array(Buffer.concat(chunks)) }),
      });
      const response = handler
        ? await handler(request, { local: false, remote: '127.0.0.1' })
        : new Response(null, { status: 503 });
      outgoing.writeHead(response.status).end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway does not listen');
  const url = `http://127.0.0.1:${address.port}`;
  const gateway: Gateway = {
    record: undefined,
    url,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
}

function makeAdapter(api: BotApi, gateway: Gateway | undefined, extra: Record<string, unknown> = {}) {
  const webhook = gateway && { webhook: { url: `${WEBHOOK_ORIGIN}/telegram/default/`, secret: WEBHOOK_SECRET } };
  return makeTelegramAdapter({
    platform: 'telegram',
    account: addressOf(api, ADA).account,
    settings: settingsFor(api, { ...webhook, ...extra }),
    fetch,
  });
}

async function openRig(api: BotApi, gateway: Gateway | undefined): Promise<AdapterRig> {
  const start = async (kept?: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    if (gateway) gateway.record = record;
    const adapter = makeAdapter(api, gateway);
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
  const people = makePeople(api);
  const { ada, group, forum } = people;
  const bot = { id: api.botId, is_bot: true, first_name: 'Herald', username: api.username };
  const rig: AdapterRig = {
    ...(await start()),
    dm: addressOf(api, ADA),
    user: userId(String(ADA)),
    group: addressOf(api, group.id),
    thread: addressOf(api, forum.id, people.topic),
    nowhere: addressOf(api, 404_404),
    isPushOnly: gateway !== undefined,
    secrets: [api.token, api.token.slice(11), WEBHOOK_SECRET],
    faults: makeFaults(api, ada),
    say: async (message) => messageId(String(sayAs(people, message))),
    seen: async (at) => api.messages(Number(at.chat)).map(describeEntry),
    draft: async (at) => api.drafts(Number(at.chat)).at(-1)?.text,
    typingShown: async (at) => api.actions(Number(at.chat)).some((shown) => shown.action === 'typing'),
    editAsUser: async (id, text) => void ada.dm.editText(Number(id), text),
    press: async (_at, message, data) => void ada.dm.press(Number(message), data),
    sayAsBot: async (text) =>
      void api.user(8001, 'Other', { isBot: true, username: 'other_bot' }).in(group).sendText(text),
    sayAsSelf: async (text) =>
      void api.inject({
        message: {
          message_id: 9_999,
          date: 1_700_000_000,
          chat: { id: group.id, type: 'supergroup' },
          from: bot,
          text,
        },
      }),
    injectGarbage: async () => injectGarbage(api, ada),
    async restart(whileDown) {
      await rig.adapter.stop();
      if (gateway) gateway.record = undefined;
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await api.close();
      await gateway?.close();
    },
  };
  return rig;
}

interface People {
  ada: Person;
  group: Group;
  forum: Group;
  topic: number;
}

function makePeople(api: BotApi): People {
  const forum = api.group({ title: 'The forum', forum: true });
  return {
    ada: api.user(ADA, 'Ada', { username: 'ada_l' }),
    group: api.group({ title: 'The group' }),
    forum,
    topic: forum.topic('A topic'),
  };
}

function makeFaults(api: BotApi, ada: Person): AdapterRig['faults'] {
  let allowFormat = () => {};
  return {
    refuseFormat(on) {
      allowFormat();
      if (!on) return;
      const description = "Bad Request: can't parse entities: Unsupported start tag";
      allowFormat = api.fail({
        status: 400,
        description,
        times: Infinity,
        when: (request) => request.fields.has('parse_mode'),
      });
    },
    rateLimit: (ms) => void api.fail({ method: 'sendMessage', status: 429, retryAfter: ms / 1_000 }),
    serverError: () => void api.fail({ method: 'sendMessage', status: 502 }),
    dropBefore: () => void api.fail({ method: 'sendMessage', drop: 'before' }),
    dropAfter: () => void api.fail({ method: 'sendMessage', drop: 'after' }),
    async goAway() {
      await api.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await setTimeout(30);
    },
    comeBack: () => api.comeBack(),
    disconnect: async () => api.disconnect(),
    block: (on) => (on ? ada.block() : ada.unblock()),
  };
}

function sayAs({ ada, group, forum, topic }: People, message: UserMessage): number {
  const { at, file, text } = message;
  const chat = at?.kind !== 'group' ? ada.dm : at.thread ? ada.in(forum, topic) : ada.in(group);
  const options = {
    mention: message.mention,
    replyTo: message.replyTo === undefined ? undefined : Number(message.replyTo),
  };
  if (!file) return chat.sendText(text, options).message_id;
  return sendFile(chat, file.kind, file, text).message_id;
}

function sendFile(chat: UserChat, kind: MediaKind, file: SentFile, caption: string) {
  switch (kind) {
    case 'image':
      return chat.sendPhoto(file, { caption });
    case 'audio':
      return chat.sendAudio(file, { caption });
    case 'voice':
      return chat.sendVoice(file, { caption });
    case 'video':
      return chat.sendVideo(file, { caption });
    case 'sticker':
      return chat.sendSticker(file);
    case 'document':
      return chat.sendDocument(file, { caption });
  }
}

function describeEntry({ message, file, parseMode, reactions }: ChatEntry): SeenMessage {
  const kinds: readonly [unknown, MediaKind][] = [
    [message.photo, 'image'],
    [message.audio, 'audio'],
    [message.voice, 'voice'],
    [message.video, 'video'],
    [message.document, 'document'],
  ];
  const kind = kinds.find(([media]) => media !== undefined)?.[1];
  return {
    id: messageId(String(message.message_id)),
    text: message.text ?? message.caption ?? '',
    formatted: parseMode !== '',
    buttons: (message.reply_markup?.inline_keyboard ?? []).map((row) =>
      row.map((button) => ({ label: button.text, data: 'callback_data' in button ? button.callback_data : '' })),
    ),
    replyTo: message.reply_to_message && messageId(String(message.reply_to_message.message_id)),
    thread: message.message_thread_id === undefined ? undefined : threadId(String(message.message_thread_id)),
    files: kind && file ? [{ kind, name: file.name, bytes: file.bytes.length }] : [],
    reactions,
  };
}

function injectGarbage(api: BotApi, ada: Person): void {
  const base = { message_id: 1, date: 1, chat: { id: ADA, type: 'private', first_name: 'Ada' }, from: ada.user };
  const broken: readonly Record<string, unknown>[] = [
    {},
    { message: null },
    { message: 'text' },
    { message: { ...base, text: 7 } },
    { message: { ...base, chat: undefined, text: 'no chat' } },
    { message: { ...base, from: undefined, text: 'no sender' } },
    { message: { ...base, message_id: 'x', text: 'no number' } },
    { message: { ...base, new_chat_title: 'a service message' } },
    { message: { ...base, dice: { emoji: '🎲', value: 3 } } },
    { message: { ...base, chat: { id: -5, type: 'channel', title: 'c' }, text: 'of a channel' } },
    { edited_message: { ...base, edit_date: 'yesterday', text: 'x' } },
    { callback_query: { id: '1', from: ada.user } },
    { callback_query: { id: 5 } },
    { poll_answer: { poll_id: '1' } },
    { some_kind_of_2031: { deep: [[[[]]]] } },
  ];
  for (const update of broken) api.inject(update);
}
