// WhatsApp's web transport for the adapter contract: Baileys against a loopback server with real Noise and Signal encryption.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { normalizeMessageContent, type MediaType, type proto } from 'baileys';
import type { Adapter, OutboundMessage } from '../../../adapters/contract.ts';
import { makeWebCapabilities } from '../../../adapters/whatsapp/capabilities.ts';
import { whatsappSettings } from '../../../adapters/whatsapp/settings.ts';
import { makeWebAdapter, type WebOptions } from '../../../adapters/whatsapp/web/adapter.ts';
import { accountId, chatId, messageId, userId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type {
  AdapterHarness,
  AdapterRig,
  SeenMessage,
  UserFile,
  UserMessage,
} from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { UPLOAD_AUTH } from '../../support/whatsapp/media.ts';
import type { Phone } from '../../support/whatsapp/phone.ts';
import { contextOf, stripMarks, type SeenEntry } from '../../support/whatsapp/seen.ts';
import { BOT_PHONE, FakeWhatsApp, type FakeGroup, type SayOptions } from '../../support/whatsapp/server.ts';

export const ACCOUNT = accountId('default');

export function webSettings(whatsapp: FakeWhatsApp, extra: Record<string, unknown> = {}) {
  return whatsappSettings.parse({ server_url: whatsapp.url, ...extra });
}

export function addressOf(chat: string): Address {
  return {
    platform: 'whatsapp',
    account: ACCOUNT,
    chat: chatId(chat),
    kind: chat.endsWith('@g.us') ? 'group' : 'dm',
  };
}

export function makeAdapter(
  whatsapp: FakeWhatsApp,
  extra: Record<string, unknown> = {},
  options: WebOptions = {},
): Adapter {
  const settings = webSettings(whatsapp, extra);
  const input = { platform: 'whatsapp', account: ACCOUNT, settings, fetch: whatsapp.media.fetch };
  return makeWebAdapter(input, options);
}

/** Starts a host and an adapter; resolves when it is online and the queue was delivered. */
export async function startAdapter(
  whatsapp: FakeWhatsApp,
  kept: RecordingHostOptions,
  extra: Record<string, unknown> = {},
  options: WebOptions = {},
): Promise<{ adapter: Adapter; record: RecordingHost }> {
  const record = makeRecordingHost(kept);
  const adapter = makeAdapter(whatsapp, extra, options);
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

export function makeWebHarness(): AdapterHarness {
  return {
    capabilities: makeWebCapabilities('edit'),
    open: openRig,
    async openWithWrongSecret() {
      const whatsapp = await FakeWhatsApp.start();
      const { cursors, creds } = whatsapp.makeLogin();
      whatsapp.makeLogin(); // the server knows another device
      const secrets = [creds.noiseKey, creds.signedIdentityKey, creds.signedPreKey.keyPair].map((pair) =>
        Buffer.from(pair.private).toString('base64'),
      );
      const record = makeRecordingHost({ cursors });
      const adapter = makeAdapter(whatsapp);
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      await record.waitUntil(() => record.states.some(({ state }) => state === 'needs-login'));
      const close = async () => {
        await adapter.stop();
        await record.close();
        await whatsapp.close();
      };
      return { error, record, secrets, close };
    },
  };
}

async function openRig(): Promise<AdapterRig> {
  const whatsapp = await FakeWhatsApp.start();
  const ada = whatsapp.person({ phone: '15550002222', lid: '222000222000222', name: 'Ada' });
  const bob = whatsapp.person({ phone: '15550003333', lid: '333000333000333', name: 'Bob' });
  const group = whatsapp.group('The group', [ada, bob]);
  const { cursors, creds } = whatsapp.makeLogin();
  const names = new Map<string, string>();
  const start = async (kept: RecordingHostOptions) => {
    const started = await startAdapter(whatsapp, kept, { streaming: 'edit' });
    return { ...started, adapter: rememberNames(started.adapter, names) };
  };
  const said: Said = { ids: new Map() };
  const rig: AdapterRig = {
    ...(await start({ cursors })),
    dm: addressOf(ada.phone),
    user: userId(ada.phone),
    group: addressOf(group.jid),
    nowhere: addressOf('120363999999999999@g.us'),
    secrets: [
      UPLOAD_AUTH,
      ...[creds.noiseKey, creds.signedIdentityKey].map((pair) => Buffer.from(pair.private).toString('base64')),
    ],
    faults: {
      serverError: () => whatsapp.fail({ kind: 'error', code: 500 }),
      dropBefore: () => whatsapp.fail({ kind: 'drop-before' }),
      dropAfter: () => whatsapp.fail({ kind: 'drop-after' }),
      async goAway() {
        const before = rig.record.states.length;
        await whatsapp.goAway();
        await rig.record.waitUntil(() => rig.record.states.length > before);
      },
      async comeBack() {
        const before = rig.record.states.length;
        await whatsapp.comeBack();
        await rig.record.waitUntil(
          () => rig.record.states.slice(before).some(({ state }) => state === 'online'),
          15_000,
        );
      },
      async disconnect() {
        whatsapp.drop();
      },
    },
    say: (message) => sayAs(whatsapp, { ada, group, said }, message),
    seen: async (at) => Promise.all(whatsapp.seen.of(at.chat).map((entry) => describeEntry(whatsapp, entry, names))),
    async typingShown(at) {
      await rig.record.waitUntil(() => true);
      for (let i = 0; i < 100 && whatsapp.typing.length === 0; i++) await new Promise((done) => setTimeout(done, 10));
      return whatsapp.typing.some((to) => to.startsWith(at.chat));
    },
    async editAsUser(id, text) {
      const key = { remoteJid: `${BOT_PHONE}@s.whatsapp.net`, id, fromMe: true };
      const protocolMessage = { key, type: 14, editedMessage: { conversation: text }, timestampMs: Date.now() };
      await whatsapp.say(ada, { protocolMessage }, { attrs: { edit: '1' } });
    },
    async deleteAsUser(id) {
      const key = { remoteJid: `${BOT_PHONE}@s.whatsapp.net`, id, fromMe: true };
      await whatsapp.say(ada, { protocolMessage: { key, type: 0 } }, { attrs: { edit: '7' } });
    },
    async sayAsBot(text) {
      const assistant = whatsapp.person({ phone: '13135550002', lid: '999', name: 'Meta AI' });
      assistant.addressing = 'pn';
      await whatsapp.say(assistant, { conversation: text });
    },
    async sayAsSelf(text) {
      const message = { deviceSentMessage: { destinationJid: ada.jid, message: { conversation: text } } };
      whatsapp.owner.addressing = 'pn';
      await whatsapp.say(whatsapp.owner, message, { attrs: { recipient: ada.jid } });
    },
    injectGarbage: () => injectGarbage(whatsapp, ada),
    async restart(whileDown) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors: kept, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ cursors: kept, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await whatsapp.close();
    },
  };
  return rig;
}

/** WhatsApp shows no names of photos and the like; the contract looks at them, so they are remembered by content. */
function rememberNames(adapter: Adapter, names: Map<string, string>): Adapter {
  const send = adapter.send.bind(adapter);
  adapter.send = async (to, message: OutboundMessage, signal) => {
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

interface Said {
  ids: Map<string, { text: string; from: Phone }>;
}

async function sayAs(
  whatsapp: FakeWhatsApp,
  { ada, group, said }: { ada: Phone; group: FakeGroup; said: Said },
  { at, text, mention, replyTo, file }: UserMessage,
) {
  const contextInfo: proto.IContextInfo = {};
  if (mention) contextInfo.mentionedJid = [whatsapp.owner.lidJid];
  if (replyTo !== undefined) {
    const own = said.ids.get(replyTo);
    const ours = whatsapp.seen.of(at?.kind === 'group' ? group.jid : ada.phone).find((entry) => entry.id === replyTo);
    contextInfo.stanzaId = replyTo;
    contextInfo.participant = own ? own.from.lidJid : whatsapp.owner.lidJid;
    contextInfo.quotedMessage = { conversation: own?.text ?? ours?.raw ?? '' };
  }
  const named = mention ? `@${whatsapp.owner.lid} ${text}` : text;
  const isPlain = Object.keys(contextInfo).length === 0;
  const message = file
    ? await mediaMessage(whatsapp, file, named, contextInfo)
    : isPlain
      ? { conversation: named }
      : { extendedTextMessage: { text: named, contextInfo } };
  const options: SayOptions = at?.kind === 'group' ? { group } : {};
  const id = messageId(await whatsapp.say(ada, message, options));
  said.ids.set(id, { text, from: ada });
  return id;
}

const MEDIA_TYPES: Record<MediaKind, MediaType> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  voice: 'ptt',
  document: 'document',
  sticker: 'sticker',
};

async function mediaMessage(
  whatsapp: FakeWhatsApp,
  file: UserFile,
  text: string,
  contextInfo: proto.IContextInfo,
): Promise<proto.IMessage> {
  const media = { ...(await whatsapp.media.put(file.bytes, MEDIA_TYPES[file.kind])), mimetype: file.mime, contextInfo };
  const caption = text === '' ? {} : { caption: text };
  switch (file.kind) {
    case 'image':
      return { imageMessage: { ...media, ...caption } };
    case 'video':
      return { videoMessage: { ...media, ...caption } };
    case 'audio':
    case 'voice':
      // The apps have no captions for sound; the contract wants one, and a protocol message could carry it.
      return {
        audioMessage: { ...media, ptt: file.kind === 'voice', seconds: 3 },
        ...(text !== '' && { conversation: text }),
      };
    case 'sticker':
      return { stickerMessage: media };
    case 'document': {
      const documentMessage = { ...media, ...caption, fileName: file.name };
      return text === '' ? { documentMessage } : { documentWithCaptionMessage: { message: { documentMessage } } };
    }
  }
}

export async function describeEntry(
  whatsapp: FakeWhatsApp,
  entry: SeenEntry,
  names: ReadonlyMap<string, string> = new Map(),
): Promise<SeenMessage> {
  const text = stripMarks(entry.raw);
  const message = normalizeMessageContent(entry.message) ?? {};
  const replyTo = contextOf(message)?.stanzaId;
  return {
    id: messageId(entry.id),
    text,
    formatted: text !== entry.raw,
    buttons: [],
    replyTo: replyTo ? messageId(replyTo) : undefined,
    files: await filesOf(whatsapp, message, names),
    reactions: entry.reactions,
  };
}

async function filesOf(
  whatsapp: FakeWhatsApp,
  message: proto.IMessage,
  names: ReadonlyMap<string, string>,
): Promise<SeenMessage['files']> {
  const { imageMessage, videoMessage, audioMessage, documentMessage, stickerMessage } = message;
  const kinds = [
    ['image', imageMessage],
    ['video', videoMessage],
    [audioMessage?.ptt ? 'voice' : 'audio', audioMessage],
    ['document', documentMessage],
    ['sticker', stickerMessage],
  ] as const;
  const found = kinds.find(([, media]) => media);
  if (!found?.[1]) return [];
  const [kind, media] = found;
  const bytes = await whatsapp.media.open(media, MEDIA_TYPES[kind]);
  const name = documentMessage?.fileName ?? names.get(`${kind} ${hashOf(bytes)}`) ?? '';
  return [{ kind, name, bytes: bytes.length }];
}

async function injectGarbage(whatsapp: FakeWhatsApp, ada: Phone): Promise<void> {
  const key = { remoteJid: ada.jid, id: 'X', fromMe: false };
  const strange: readonly proto.IMessage[] = [
    {},
    { conversation: '' },
    { protocolMessage: {} },
    { protocolMessage: { type: 3, ephemeralExpiration: 60 } },
    { protocolMessage: { type: 0 } },
    { protocolMessage: { type: 14, key } },
    { reactionMessage: { key, text: '👍' } },
    { imageMessage: { url: 'https://evil.example/x', mimetype: 'image/jpeg' } },
    { ephemeralMessage: {} },
    { pollUpdateMessage: { pollCreationMessageKey: key } },
    { albumMessage: { expectedImageCount: 2 } },
    { keepInChatMessage: { key } },
    { placeholderMessage: { type: 0 } },
  ];
  for (const message of strange) await whatsapp.say(ada, message);
  const attrs = { id: 'G1', from: ada.jid, t: '1', type: 'text' };
  whatsapp.inject({ tag: 'message', attrs: { ...attrs, from: 'status@broadcast', participant: ada.jid } });
  whatsapp.inject({ tag: 'message', attrs: { ...attrs, id: 'G2', from: '1@newsletter' } });
  whatsapp.inject({ tag: 'message', attrs: { ...attrs, id: 'G3', from: 'nonsense' } });
  whatsapp.inject({ tag: 'notification', attrs: { id: 'G4', from: ada.jid, type: 'something_of_2031' } });
  whatsapp.inject({ tag: 'unheard-of', attrs: { id: 'G5' } });
}
