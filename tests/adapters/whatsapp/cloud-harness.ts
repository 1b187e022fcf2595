// WhatsApp's Cloud API for the adapter contract: the loopback API, and the gateway's HTTP side before the adapter.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Adapter } from '../../../adapters/contract.ts';
import { makeWhatsAppAdapter } from '../../../adapters/whatsapp/adapter.ts';
import { makeCloudCapabilities } from '../../../adapters/whatsapp/capabilities.ts';
import { whatsappSettings } from '../../../adapters/whatsapp/settings.ts';
import { accountId, chatId, messageId, userId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { FakeCloudApi, type CloudPerson } from '../../support/whatsapp/cloud-api.ts';
import {
  ACCESS_TOKEN,
  APP_SECRET,
  BUSINESS_PHONE,
  object,
  text as textOf,
  type SentMessage,
} from '../../support/whatsapp/cloud-world.ts';
import { stripMarks } from '../../support/whatsapp/seen.ts';

export const ADA: CloudPerson = { phone: '15550002222', name: 'Ada', userId: 'US.13491208655302741918' };
export const ACCOUNT = accountId('default');

export function dmWith(chat: string): Address {
  return { platform: 'whatsapp', account: ACCOUNT, chat: chatId(chat), kind: 'dm' };
}

export function makeAdapter(api: FakeCloudApi, extra: Record<string, unknown> = {}): Adapter {
  const settings = whatsappSettings.parse({ ...api.settings, ...extra });
  return makeWhatsAppAdapter({ platform: 'whatsapp', account: ACCOUNT, settings, fetch });
}

/** Stands for the gateway's HTTP server and the reverse proxy before it. */
export interface Gateway {
  record: RecordingHost | undefined;
  url: string;
  close(): Promise<void>;
}

export async function openGateway(): Promise<Gateway> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const headers = new Headers();
      for (const [key, value] of Object.entries(incoming.headers))
        if (typeof value === 'string') headers.set(key, value);
      const body = chunks.length > 0 && { body: new Uint8Array(Buffer.concat(chunks)) };
      const url = `http://gateway${incoming.url ?? '/'}`;
      const request = new Request(url, { method: incoming.method ?? 'GET', headers, ...body });
      const handler = gateway.record?.handler;
      const meta = { local: false, remote: '127.0.0.1' };
      const response = handler ? await handler(request, meta) : new Response(null, { status: 503 });
      outgoing.writeHead(response.status).end(await response.text());
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gateway: Gateway = {
    record: undefined,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
}

export function makeCloudHarness(): AdapterHarness {
  return {
    capabilities: makeCloudCapabilities(),
    open: openRig,
    async openWithWrongSecret() {
      const api = await FakeCloudApi.start();
      const record = makeRecordingHost();
      const wrong = 'EAAJwrongTokenOfNobody0123456789012345';
      const adapter = makeAdapter(api, { access_token: wrong });
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await api.close();
      };
      return { error, record, secrets: [wrong, APP_SECRET], close };
    },
  };
}

export interface CloudRig extends AdapterRig {
  api: FakeCloudApi;
}

export async function openRig(extra: Record<string, unknown> = {}): Promise<CloudRig> {
  const api = await FakeCloudApi.start();
  const gateway = await openGateway();
  api.webhookUrl = gateway.url;
  api.world.people.add(ADA.phone);
  const names = new Map<string, string>();
  const start = async (kept: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    const adapter = rememberNames(makeAdapter(api, extra), names);
    await adapter.start(record.host);
    gateway.record = record;
    return { adapter, record };
  };
  // The person of `dm` has written before: WhatsApp shows typing only as an answer.
  const before = await start({});
  api.say(ADA, { type: 'text', text: { body: 'earlier' } });
  await before.record.waitFor((message) => message.text === 'earlier');
  await api.settled();
  await before.adapter.stop();
  await before.record.close();
  const rig: CloudRig = {
    ...(await start({ cursors: before.record.cursors })),
    api,
    dm: dmWith(ADA.phone),
    user: userId(ADA.phone),
    nowhere: dmWith('15559999999'),
    isPushOnly: true,
    secrets: [ACCESS_TOKEN, APP_SECRET],
    faults: {
      serverError: () => api.fail({ status: 500, code: 131000 }),
      dropBefore: () => api.fail('drop-before'),
      dropAfter: () => api.fail('drop-after'),
      goAway: () => api.goAway(),
      comeBack: () => api.comeBack(),
    },
    say: async (message) => messageId(sayAs(api, message)),
    seen: async (at) => api.world.sent.filter(({ to }) => to === at.chat).map((sent) => describeSent(sent, names)),
    typingShown: async (at) => api.world.typing.includes(at.chat),
    async editAsUser(id, text) {
      const edit = { original_message_id: id, message: { type: 'text', text: { body: text } } };
      api.say(ADA, { type: 'edit', edit });
    },
    async deleteAsUser(id) {
      api.world.authors.delete(id);
      api.say(ADA, { type: 'revoke', revoke: { original_message_id: id } });
    },
    async press(_at, message, data) {
      const context = { id: message, from: BUSINESS_PHONE };
      const interactive = { type: 'button_reply', button_reply: { id: data, title: data } };
      api.say(ADA, { type: 'interactive', interactive, context });
    },
    async sayAsSelf(text) {
      api.say({ phone: BUSINESS_PHONE, name: 'Herald', userId: 'US.1' }, { type: 'text', text: { body: text } });
    },
    injectGarbage: async () => injectGarbage(api),
    async restart(whileDown) {
      await rig.adapter.stop();
      gateway.record = undefined;
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await api.close();
      await gateway.close();
    },
  };
  return rig;
}

/** WhatsApp shows no names of photos and the like; the contract looks at them, so they are remembered by content. */
function rememberNames(adapter: Adapter, names: Map<string, string>): Adapter {
  const send = adapter.send.bind(adapter);
  adapter.send = async (to, message, signal) => {
    for (const file of message.files) {
      const bytes = await readFile(file.path).catch(() => undefined);
      if (bytes) names.set(`${file.kind} ${hashOf(bytes)}`, file.name);
    }
    return send(to, message, signal);
  };
  return adapter;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sayAs(api: FakeCloudApi, { text, replyTo, file }: UserMessage): string {
  const quoted = replyTo === undefined ? undefined : api.world.authors.get(replyTo);
  const context = replyTo === undefined ? {} : { context: { id: replyTo, from: quoted ?? ADA.phone } };
  if (!file) return api.say(ADA, { type: 'text', text: { body: text }, ...context });
  const type = file.kind === 'voice' ? 'audio' : file.kind;
  const id = api.world.addFile({ name: file.name, mime: file.mime, bytes: Buffer.from(file.bytes) });
  const isSound = type === 'audio' || type === 'sticker';
  const media = {
    id,
    mime_type: file.mime,
    ...(text !== '' && !isSound && { caption: text }),
    ...(type === 'document' && { filename: file.name }),
    ...(file.kind === 'voice' && { voice: true }),
  };
  // The apps have no captions for sound; the contract wants one, and the payload could carry it.
  return api.say(ADA, { type, [type]: media, ...(isSound && text !== '' && { text: { body: text } }), ...context });
}

export function describeSent(sent: SentMessage, names: ReadonlyMap<string, string> = new Map()): SeenMessage {
  const type = textOf(sent.body['type']);
  const content = object(sent.body[type]);
  const raw =
    type === 'interactive'
      ? textOf(object(content['body'])['text'])
      : textOf(content['body'] ?? content['caption'] ?? '');
  const shown = stripMarks(raw);
  const kind: MediaKind = type === 'audio' && content['voice'] === true ? 'voice' : (type as MediaKind);
  const name = sent.file && (content['filename'] ?? names.get(`${kind} ${hashOf(sent.file.bytes)}`) ?? '');
  return {
    id: messageId(sent.id),
    text: shown,
    formatted: shown !== raw,
    buttons: type === 'interactive' ? buttonsOf(content) : [],
    replyTo: sent.replyTo === undefined ? undefined : messageId(sent.replyTo),
    files: sent.file ? [{ kind, name: textOf(name), bytes: sent.file.bytes.length }] : [],
    reactions: sent.reactions,
  };
}

function buttonsOf(content: Record<string, unknown>): SeenMessage['buttons'] {
  const { buttons, sections } = object(content['action']) as {
    buttons?: { reply: { id: string; title: string } }[];
    sections?: { rows: { id: string; title: string }[] }[];
  };
  const choices = buttons?.map(({ reply }) => reply) ?? sections?.flatMap(({ rows }) => rows) ?? [];
  return choices.map(({ id, title }) => [{ label: title, data: id }]);
}

function injectGarbage(api: FakeCloudApi): void {
  const base = { from: ADA.phone, id: 'wamid.x', timestamp: '1' };
  const strange: readonly unknown[] = [
    null,
    'text',
    {},
    { ...base, type: 'text' },
    { ...base, type: 'text', text: { body: 7 } },
    { ...base, type: 'text', text: { body: 'no time' }, timestamp: 'yesterday' },
    { ...base, from: undefined, type: 'text', text: { body: 'no sender' } },
    { ...base, type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } },
    { ...base, type: 'unsupported', errors: [{ code: 131051 }] },
    { ...base, type: 'system', system: { body: 'changed number' } },
    { ...base, type: 'request_welcome' },
    { ...base, type: 'hologram_of_2031', hologram: [[[]]] },
    { ...base, type: 'text', text: { body: 'in a group' }, group_id: 'G' },
  ];
  for (const message of strange) api.send({ messages: [message] });
  api.send({ statuses: [null, { id: 'x', status: 'delivered' }, { status: 1 }] });
  api.send({ anything: 1 }, 'account_update');
  api.send({ metadata: { phone_number_id: '1' }, messages: [{ ...base, type: 'text', text: { body: 'of another' } }] });
  api.sendRaw({ object: 'page', entry: [] });
  api.sendRaw([]);
  api.sendRaw({ object: 'whatsapp_business_account', entry: [{ changes: [null, { field: 'messages' }] }] });
}
