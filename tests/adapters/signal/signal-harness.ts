// Signal for the adapter contract: the loopback server in each of its modes.
import { setTimeout } from 'node:timers/promises';
import type { Adapter } from '../../../adapters/contract.ts';
import { makeSignalAdapter } from '../../../adapters/signal/adapter.ts';
import { makeCapabilities } from '../../../adapters/signal/capabilities.ts';
import { makeMessageId, parseMessageId } from '../../../adapters/signal/ids.ts';
import { signalSettings } from '../../../adapters/signal/settings.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { accountId, chatId, userId, type MessageId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { startSignalServer } from '../../support/signal/server.ts';
import type {
  Group,
  Mode,
  Person,
  SentMessage,
  SignalServer,
  SignalServerOptions,
} from '../../support/signal/types.ts';

export const API_TOKEN = 'herald:a-password-of-the-tests';
export const API_AUTHORIZATION = `Basic ${Buffer.from(API_TOKEN).toString('base64')}`;

/** Settings for an account of the loopback server. */
export function settingsFor(server: SignalServer, extra: Record<string, unknown> = {}) {
  return signalSettings.parse({ url: server.url, number: server.number, poll_seconds: 0.02, ...extra });
}

export function makeAdapter(
  server: SignalServer,
  extra: Record<string, unknown> = {},
  clock: Clock = systemClock,
): Adapter {
  const account = accountId(server.number);
  return makeSignalAdapter({ platform: 'signal', account, settings: settingsFor(server, extra), fetch }, clock);
}

export function dmWith(server: SignalServer, chat: string): Address {
  return { platform: 'signal', account: accountId(server.number), chat: chatId(chat), kind: 'dm' };
}

export function inGroup(server: SignalServer, group: Group): Address {
  return { ...dmWith(server, group.id), kind: 'group' };
}

export interface Started {
  server: SignalServer;
  adapter: Adapter;
  record: RecordingHost;
  ada: Person;
  dm: Address;
  close(): Promise<void>;
}

export interface StartOptions {
  server?: SignalServerOptions;
  settings?: Record<string, unknown>;
  host?: RecordingHostOptions;
  clock?: Clock;
  /** False: not waited for. Default true. */
  online?: boolean;
}

/** A server with one person, and an adapter on it. */
export async function startSignal(options: StartOptions = {}): Promise<Started> {
  const server = await startSignalServer(options.server);
  const record = makeRecordingHost(options.host);
  const adapter = makeAdapter(server, options.settings, options.clock);
  const ada = server.person('Ada');
  const close = async () => {
    await adapter.stop();
    await record.close();
    await server.close();
  };
  try {
    await adapter.start(record.host);
    if (options.online ?? true) await isReady(record);
  } catch (error) {
    await close();
    throw error;
  }
  return { server, adapter, record, ada, dm: dmWith(server, ada.uuid), close };
}

export function isReady(record: RecordingHost): Promise<void> {
  return record.waitUntil(() => record.states.at(-1)?.state === 'online');
}

export function makeSignalHarness(mode: Mode, recordTo: string): AdapterHarness {
  const receives = mode === 'json-rpc' ? 'websocket' : 'poll';
  return {
    capabilities: makeCapabilities({ mode, receives }),
    async open() {
      const server = await startSignalServer({ mode, recordTo, authorization: API_AUTHORIZATION });
      try {
        return await openRig(server, mode);
      } catch (error) {
        await server.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const server = await startSignalServer({ mode, authorization: API_AUTHORIZATION });
      const record = makeRecordingHost();
      const wrong = 'herald:not-the-password-of-it';
      const adapter = makeAdapter(server, { api_token: wrong });
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.some((entry) => entry.state === 'needs-login'));
      const close = async () => {
        await adapter.stop();
        await record.close();
        await server.close();
      };
      return { error: undefined, record, secrets: [wrong, wrong.slice(7)], close };
    },
  };
}

async function openRig(server: SignalServer, mode: Mode): Promise<AdapterRig> {
  let isStopped = false;
  const start = async (kept?: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    const adapter = makeAdapter(server, { api_token: API_TOKEN });
    const stop = adapter.stop.bind(adapter);
    isStopped = false;
    adapter.stop = async () => {
      isStopped = true;
      await stop();
    };
    try {
      await adapter.start(record.host);
      await isReady(record);
      return { adapter, record };
    } catch (error) {
      await adapter.stop();
      await record.close();
      throw error;
    }
  };
  const ada = server.person('Ada');
  const group = server.group('The group');
  const said = new Map<string, string>();
  const say = async (message: UserMessage): Promise<MessageId> => {
    // Nobody hears what is pushed while no socket is open; that this is told is another test's business.
    if (mode === 'json-rpc' && !isStopped) await server.until('a socket', () => server.sockets() > 0);
    return sayAs({ ada, group, said }, message);
  };
  const rig: AdapterRig = {
    ...(await start()),
    dm: dmWith(server, ada.uuid),
    user: userId(ada.uuid),
    group: inGroup(server, group),
    nowhere: {
      ...dmWith(server, `group.${Buffer.from(Buffer.alloc(32).toString('base64')).toString('base64')}`),
      kind: 'group',
    },
    secrets: [API_TOKEN, API_TOKEN.slice(7), API_AUTHORIZATION.slice(6)],
    faults: makeFaults(server),
    say,
    seen: async (at) => server.messages(at.chat).map(describeMessage),
    typingShown: async (at) => server.isTyping(at.chat),
    editAsUser: async (id, text) => void ada.dm.edit(timestampOf(id), text),
    deleteAsUser: async (id) => void ada.dm.remove(timestampOf(id)),
    sayAsSelf: async (text) => void server.phone.writeTo(ada, text),
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

function makeFaults(server: SignalServer): AdapterRig['faults'] {
  const route = 'POST /v2/send';
  return {
    rateLimit: (ms) => server.fail({ route, status: 429, headers: { 'retry-after': String(ms / 1_000) } }),
    serverError: () => server.fail({ route, status: 502 }),
    dropBefore: () => server.fail({ route, drop: 'before' }),
    dropAfter: () => server.fail({ route, drop: 'after' }),
    async goAway() {
      await server.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await setTimeout(30);
    },
    comeBack: () => server.comeBack(),
    disconnect: async () => server.disconnect(),
  };
}

export function timestampOf(id: MessageId): number {
  return parseMessageId(id)?.timestamp ?? 0;
}

interface Stage {
  ada: Person;
  group: Group;
  /** What Ada wrote, for her own quotes of it. */
  said: Map<string, string>;
}

function sayAs({ ada, group, said }: Stage, message: UserMessage): MessageId {
  const chat = message.at?.kind === 'group' ? ada.in(group) : ada.dm;
  const quoted = message.replyTo && parseMessageId(message.replyTo);
  const timestamp = chat.write(message.text, {
    mention: message.mention,
    quote: quoted && {
      timestamp: quoted.timestamp,
      author: quoted.author === 'me' ? 'account' : ada,
      text: said.get(message.replyTo ?? ''),
    },
    files: message.file && [
      {
        // Recordings have no name.
        ...(message.file.kind === 'voice' ? {} : { name: message.file.name }),
        mime: message.file.mime,
        bytes: message.file.bytes,
      },
    ],
  });
  const id = makeMessageId({ timestamp, author: ada.uuid });
  said.set(id, message.text);
  return id;
}

function describeMessage(message: SentMessage): SeenMessage {
  return {
    id: makeMessageId({ timestamp: message.timestamp, author: 'me' }),
    text: message.text,
    formatted: message.styles.length > 0,
    buttons: [],
    replyTo: message.quote && makeMessageId({ timestamp: message.quote.timestamp, author: message.quote.author }),
    files: message.files.map(({ name, mime, bytes }) => ({ kind: kindOf(mime), name, bytes: bytes.length })),
    reactions: message.reactions,
  };
}

function kindOf(mime: string): MediaKind {
  const [family] = mime.split('/');
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'document';
}

function injectGarbage(server: SignalServer, ada: Person): void {
  const envelope = {
    source: ada.number,
    sourceNumber: ada.number,
    sourceUuid: ada.uuid,
    sourceName: 'Ada',
    sourceDevice: 1,
    timestamp: 1,
    serverReceivedTimestamp: 1,
    serverDeliveredTimestamp: 1,
  };
  const data = { timestamp: 1, message: 'text' };
  const wrong: readonly unknown[] = [
    'no json {',
    null,
    [],
    {},
    { error: 'something' },
    { account: server.number },
    { account: server.number, envelope: null },
    { account: server.number, envelope: 'x' },
    { account: server.number, envelope },
    { account: server.number, envelope: { ...envelope, timestamp: 'x', dataMessage: data } },
    { account: server.number, envelope: { ...envelope, dataMessage: 'x' } },
    { account: server.number, envelope: { ...envelope, dataMessage: { ...data, message: 7 } } },
    { account: server.number, envelope: { ...envelope, dataMessage: { message: 'no time' } } },
    {
      account: server.number,
      envelope: { ...envelope, source: null, sourceNumber: null, sourceUuid: null, dataMessage: data },
    },
    { account: server.number, envelope: { ...envelope, dataMessage: { ...data, message: null } } },
    {
      account: server.number,
      envelope: { ...envelope, receiptMessage: { when: 1, isDelivery: true, timestamps: [1] } },
    },
    { account: server.number, envelope: { ...envelope, callMessage: { hangupMessage: { id: 1 } } } },
    { account: server.number, envelope: { ...envelope, storyMessage: { allowsReplies: true } } },
    { account: server.number, envelope: { ...envelope, syncMessage: { readMessages: [] } } },
    { account: server.number, envelope, exception: { type: 'UntrustedIdentityException', message: 'x' } },
    { account: server.number, envelope: { ...envelope, editMessage: { targetSentTimestamp: -1, dataMessage: data } } },
    { something: 'of 2031', deep: [[[[]]]] },
  ];
  for (const frame of wrong) server.inject(frame);
  ada.dm.send({ reaction: { emoji: '👍', targetAuthor: server.number, targetSentTimestamp: 1, isRemove: false } });
  ada.dm.send({ isExpirationUpdate: true, expiresInSeconds: 60 });
  ada.dm.send({ payment: { receipt: 'x' } });
  ada.typing();
}
