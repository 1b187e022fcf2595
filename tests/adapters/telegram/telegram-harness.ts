// Telegram for the adapter contract: the loopback Bot API server, and for webhooks the gateway's HTTP side before it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { makeTelegramAdapter } from '../../../adapters/telegram/adapter.ts';
import { makeCapabilities } from '../../../adapters/telegram/capabilities.ts';
import { telegramSettings } from '../../../adapters/telegram/settings.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { mediaOf } from '../../support/bot-api-media.ts';
import { editSaid, press, say } from '../../support/bot-api-people.ts';
import { startBotApi, type BotApi } from '../../support/bot-api-server.ts';
import { ADA, FORUM, GROUP, OTHER_BOT, TOPIC_ID, type FakeMessage } from '../../support/bot-api-state.ts';

export const WEBHOOK_SECRET = 'a-secret-for-the-webhook-of-tests';
const WEBHOOK_ORIGIN = 'https://herald.example';

export type Mode = 'polling' | 'webhook';

/** Settings for a bot of the loopback server. */
export function settingsFor(api: BotApi, extra: Record<string, unknown> = {}) {
  return telegramSettings.parse({ token: api.state.token, api_root: api.url, rate_limit: false, ...extra });
}

export function addressOf(api: BotApi, chat: number, thread?: number): Address {
  return {
    platform: 'telegram',
    account: accountId(String(api.state.bot.id)),
    chat: chatId(String(chat)),
    kind: chat > 0 ? 'dm' : 'group',
    ...(thread !== undefined && { thread: threadId(String(thread)) }),
  };
}

export function makeTelegramHarness(mode: Mode, recordTo?: string): AdapterHarness {
  return {
    capabilities: makeCapabilities('dm', { streaming: 'draft', isLocalServer: true }),
    open: async () => {
      const api = await startBotApi({ recordTo });
      const gateway = mode === 'webhook' ? await openGateway(api) : undefined;
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
      const wrong = '7000001:this_is_not_the_token_of_the_server_at_all';
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
      return { error, record, secrets: [wrong, wrong.slice(8)], close };
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
async function openGateway(api: BotApi): Promise<Gateway> {
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
  api.webhooks.proxy = { from: WEBHOOK_ORIGIN, to: url };
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
    account: addressOf(api, ADA.id).account,
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
  const rig: AdapterRig = {
    ...(await start()),
    dm: addressOf(api, ADA.id),
    user: userId(String(ADA.id)),
    group: addressOf(api, GROUP.id),
    thread: addressOf(api, FORUM.id, TOPIC_ID),
    nowhere: addressOf(api, 404_404),
    isPushOnly: gateway !== undefined,
    secrets: [api.state.token, api.state.token.slice(8), WEBHOOK_SECRET],
    faults: makeFaults(api),
    say: async (message) => messageId(String(sayAs(api, message).message_id)),
    seen: async (at) => api.sent(Number(at.chat)).map((message) => describe(api, message)),
    draft: async (at) => api.state.drafts.get(Number(at.chat))?.text,
    typingShown: async (at) => api.state.actions.get(Number(at.chat)) === 'typing',
    editAsUser: async (id, text) => void editSaid(api.state, ADA.id, Number(id), text),
    press: async (at, message, data) => void press(api.state, Number(at.chat), Number(message), data),
    sayAsBot: async (text) => void say(api.state, { text, from: OTHER_BOT, chat: GROUP.id }),
    sayAsSelf: async (text) => void say(api.state, { text, from: api.state.bot, chat: GROUP.id }),
    injectGarbage: async () => injectGarbage(api),
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

function makeFaults(api: BotApi): AdapterRig['faults'] {
  return {
    refuseFormat: (on) => api.refuseHtml(on),
    rateLimit: (ms) =>
      api.failNext('sendMessage', {
        kind: 'status',
        status: 429,
        description: 'Too Many Requests: retry after 3',
        retryAfter: ms / 1_000,
      }),
    serverError: () => api.failNext('sendMessage', { kind: 'status', status: 502, description: 'Bad Gateway' }),
    dropBefore: () => api.failNext('sendMessage', { kind: 'drop-before' }),
    dropAfter: () => api.failNext('sendMessage', { kind: 'drop-after' }),
    async goAway() {
      await api.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await setTimeout(30);
    },
    comeBack: () => api.comeBack(),
    disconnect: async () => api.disconnect(),
    block: (on) => void (on ? api.state.blocked.add(ADA.id) : api.state.blocked.delete(ADA.id)),
  };
}

function sayAs(api: BotApi, message: UserMessage): FakeMessage {
  return say(api.state, {
    text: message.mention ? `@${api.state.bot.username} ${message.text}` : message.text,
    chat: message.at ? Number(message.at.chat) : undefined,
    thread: message.at?.thread ? Number(message.at.thread) : undefined,
    replyTo: message.replyTo ? Number(message.replyTo) : undefined,
    file: message.file,
  });
}

function describe(api: BotApi, message: FakeMessage): SeenMessage {
  const media = mediaOf(message);
  const file = media && api.state.files.get(media.fileId);
  return {
    id: messageId(String(message.message_id)),
    text: message.text ?? message.caption ?? '',
    formatted: (message.entities ?? message.caption_entities ?? []).length > 0,
    buttons: (message.reply_markup?.inline_keyboard ?? []).map((row) =>
      row.map((button) => ({ label: button.text, data: button.callback_data ?? '' })),
    ),
    replyTo: message.reply_to_message && messageId(String(message.reply_to_message.message_id)),
    thread: message.message_thread_id === undefined ? undefined : threadId(String(message.message_thread_id)),
    files: media && file ? [{ kind: media.kind, name: file.name, bytes: file.bytes.length }] : [],
    reactions: api.state.reactions.get(`${message.chat.id}/${message.message_id}`) ?? [],
  };
}

function injectGarbage(api: BotApi): void {
  const { state } = api;
  const chat = state.chats.get(ADA.id);
  const base = { message_id: 1, date: 1, chat, from: ADA };
  const broken: readonly Record<string, unknown>[] = [
    {},
    { message: null },
    { message: 'text' },
    { message: { ...base, text: 7 } },
    { message: { ...base, chat: undefined, text: 'no chat' } },
    { message: { ...base, from: undefined, text: 'no sender' } },
    { message: { ...base, message_id: 'x', text: 'no number' } },
    { message: { ...base, text: 'bad entities', entities: [{ type: 'mention', offset: -5, length: 'x' }] } },
    { message: { ...base, new_chat_title: 'a service message' } },
    { message: { ...base, dice: { emoji: '🎲', value: 3 } } },
    { message: { ...base, chat: { id: -5, type: 'channel', title: 'c' }, text: 'of a channel' } },
    { edited_message: { ...base, edit_date: 'yesterday', text: 'x' } },
    { callback_query: { id: '1', from: ADA } },
    { callback_query: { id: 5 } },
    { poll_answer: { poll_id: '1' } },
    { some_kind_of_2031: { deep: [[[[]]]] } },
  ];
  for (const update of broken) state.enqueueGarbage(update);
}
