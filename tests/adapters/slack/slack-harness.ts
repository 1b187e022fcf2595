// Slack for the adapter contract: a loopback workspace, by Socket Mode, and by HTTP with the gateway's HTTP side before it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { makeSlackAdapter } from '../../../adapters/slack/adapter.ts';
import { makeCapabilities } from '../../../adapters/slack/capabilities.ts';
import { slackSettings, type SlackSettings } from '../../../adapters/slack/settings.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type {
  AdapterHarness,
  AdapterRig,
  SeenMessage,
  UserFile,
  UserMessage,
} from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { BOT_USER } from '../../support/slack/emulator.ts';
import { asJson, asList, asText, type Json } from '../../support/slack/json.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  isFormatted,
  SIGNING_SECRET,
  startSlack,
  textOf,
  type SlackWorkspace,
} from '../../support/slack/workspace.ts';

export type Mode = 'socket' | 'http';

export const ACCOUNT = accountId('default');

/** Settings for the app of the loopback workspace. */
export function settingsFor(slack: SlackWorkspace, mode: Mode, extra: Record<string, unknown> = {}): SlackSettings {
  return slackSettings.parse({
    bot_token: BOT_TOKEN,
    ...(mode === 'socket' ? { app_token: APP_TOKEN } : { signing_secret: SIGNING_SECRET }),
    api_root: slack.apiRoot,
    ...extra,
  });
}

export function addressOf(channel: string, thread?: string): Address {
  return {
    platform: 'slack',
    account: ACCOUNT,
    chat: chatId(channel),
    kind: channel.startsWith('D') ? 'dm' : 'group',
    ...(thread !== undefined && { thread: threadId(thread) }),
  };
}

export function makeSlackHarness(mode: Mode): AdapterHarness {
  return {
    capabilities: makeCapabilities({ streaming: 'edit', isThread: false }),
    async open() {
      const slack = await startSlack();
      const gateway = mode === 'http' ? await openGateway() : undefined;
      if (gateway) slack.useRequestUrl(gateway.url);
      try {
        return await openRig({ slack, mode, gateway });
      } catch (error) {
        await slack.close();
        await gateway?.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const slack = await startSlack();
      const record = makeRecordingHost();
      const wrong = 'xoxb-9999999999-thisisnotthetoken';
      const adapter = makeAdapter(settingsFor(slack, mode, { bot_token: wrong }));
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await slack.close();
      };
      return { error, record, secrets: [wrong, wrong.slice(5)], close };
    },
  };
}

export function makeAdapter(settings: SlackSettings) {
  return makeSlackAdapter({ platform: 'slack', account: ACCOUNT, settings, fetch });
}

export interface Gateway {
  /** Whose handler answers; requests before there is one get 503. */
  record: RecordingHost | undefined;
  url: string;
  close(): Promise<void>;
}

/** Stands for the gateway's HTTP server and the reverse proxy before it. */
export async function openGateway(): Promise<Gateway> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
      const headers = new Headers();
      for (const [key, value] of Object.entries(incoming.headers))
        if (typeof value === 'string') headers.set(key, value);
      const request = new Request('http://gateway/', {
        method: incoming.method ?? 'GET',
        headers,
        ...(chunks.length > 0 && { body: new Uint8Array(Buffer.concat(chunks)) }),
      });
      const handler = gateway.record?.handler;
      const response = handler
        ? await handler(request, { local: false, remote: '127.0.0.1' })
        : new Response(null, { status: 503 });
      outgoing.writeHead(response.status).end(Buffer.from(await response.arrayBuffer()));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway does not listen');
  const gateway: Gateway = {
    record: undefined,
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
}

interface Stage {
  slack: SlackWorkspace;
  mode: Mode;
  gateway: Gateway | undefined;
}

async function startAdapter({ slack, mode, gateway }: Stage, kept?: RecordingHostOptions) {
  const record = makeRecordingHost(kept);
  if (gateway) gateway.record = record;
  const adapter = makeAdapter(settingsFor(slack, mode));
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

async function openRig(stage: Stage): Promise<AdapterRig> {
  const { slack, mode, gateway } = stage;
  const { ada } = slack;
  const root = await slack.sayAsSelf(slack.general, 'the beginning of a thread');
  const rig: AdapterRig = {
    ...(await startAdapter(stage)),
    dm: addressOf(ada.dm),
    user: userId(ada.id),
    group: addressOf(slack.general),
    thread: addressOf(slack.general, root),
    nowhere: addressOf('C0NOWHERE'),
    isPushOnly: mode === 'http',
    secrets: [BOT_TOKEN, BOT_TOKEN.slice(5), APP_TOKEN, SIGNING_SECRET],
    faults: makeFaults(slack, mode),
    say: (message) => sayAs(slack, message),
    seen: async (at) => (await slack.ours(at.chat)).map(describeMessage).filter((message) => message.id !== root),
    editAsUser: (id, text) => ada.edit(ada.dm, id, text),
    deleteAsUser: (id) => ada.delete(ada.dm, id),
    press: (at, message, data) => ada.press(at.chat, message, data),
    sayAsBot: async (text) => slack.sayAsRobot(slack.general, text),
    sayAsSelf: async (text) => void (await slack.sayAsSelf(slack.general, text)),
    injectGarbage: async () => injectGarbage(slack),
    async restart(whileDown) {
      await rig.adapter.stop();
      if (gateway) gateway.record = undefined;
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await startAdapter(stage, { cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await slack.close();
      await gateway?.close();
      if (slack.violations.length > 0) throw new Error(`Slack would call this wrong: ${slack.violations.join('; ')}`);
    },
  };
  return rig;
}

function makeFaults(slack: SlackWorkspace, mode: Mode): AdapterRig['faults'] {
  let allowFormat: readonly (() => void)[] = [];
  let unblock = () => {};
  return {
    refuseFormat(on) {
      for (const allow of allowFormat) allow();
      if (!on) return;
      const hasBlocks = (args: Json) => asList(args['blocks']).length > 0;
      const rule = { error: 'invalid_blocks', times: Infinity, when: hasBlocks };
      allowFormat = [
        slack.fail({ ...rule, method: 'chat.postMessage' }),
        slack.fail({ ...rule, method: 'chat.update' }),
      ];
    },
    rateLimit: (ms) => void slack.fail({ method: 'chat.postMessage', retryAfter: ms / 1_000 }),
    serverError: () => void slack.fail({ method: 'chat.postMessage', status: 503 }),
    dropBefore: () => void slack.fail({ method: 'chat.postMessage', drop: 'before' }),
    dropAfter: () => void slack.fail({ method: 'chat.postMessage', drop: 'after' }),
    async goAway() {
      await slack.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await setTimeout(30);
    },
    comeBack: () => slack.comeBack(),
    ...(mode === 'socket' && { disconnect: async () => slack.hub.drop('cut') }),
    block(on) {
      unblock();
      if (on) unblock = slack.fail({ method: 'chat.postMessage', error: 'user_disabled', times: Infinity });
    },
  };
}

async function sayAs(slack: SlackWorkspace, { at, text, mention, replyTo, file }: UserMessage) {
  const { ada } = slack;
  const channel = at?.chat ?? ada.dm;
  const thread = at?.thread ?? (at?.kind === 'group' ? replyTo : undefined);
  const ts = await ada.say(channel, mention ? `<@${BOT_USER}> ${text}` : text, {
    thread,
    isRaw: mention,
    file: file && { ...file, ...(file.kind === 'voice' && { subtype: 'slack_audio' }) },
  });
  return messageId(ts);
}

function describeMessage(message: Json): SeenMessage {
  const rows = asList(message['blocks'])
    .map(asJson)
    .filter((block) => block['type'] === 'actions')
    .map((block) => asList(block['elements']).map(asJson));
  const root = asText(message['thread_ts']);
  return {
    id: messageId(asText(message['ts'])),
    text: textOf(message),
    formatted: isFormatted(message),
    buttons: rows.map((row) =>
      row.map((button) => ({ label: asText(asJson(button['text'])['text']), data: asText(button['value']) })),
    ),
    thread: root === '' ? undefined : threadId(root),
    files: asList(message['files']).map((raw) => describeFile(asJson(raw))),
    reactions: asList(message['reactions']).map((raw) => REACTIONS[asText(asJson(raw)['name'])] ?? '?'),
  };
}

const REACTIONS: Readonly<Record<string, string>> = { '+1': '👍', eyes: '👀' };

function describeFile(file: Json): { kind: MediaKind; name: string; bytes: number } {
  const kinds: Readonly<Record<string, UserFile['kind']>> = { image: 'image', audio: 'audio', video: 'video' };
  const kind = kinds[asText(file['mimetype']).split('/')[0] ?? ''] ?? 'document';
  return { kind, name: asText(file['name']), bytes: Number(file['size']) };
}

function injectGarbage(slack: SlackWorkspace): void {
  const channel = slack.ada.dm;
  const base = { type: 'message', channel, channel_type: 'im', user: slack.ada.id, ts: '1700000000.000100' };
  const events: readonly Json[] = [
    { type: 'message' },
    { type: 'message', channel },
    { ...base, ts: undefined, text: 'no time' },
    { ...base, ts: 'yesterday', text: 'no good time' },
    { ...base, text: 7 },
    { ...base, user: undefined, text: 'no sender' },
    { ...base, text: '' },
    { ...base, subtype: 'channel_join', text: 'joined' },
    { ...base, subtype: 'bot_message', text: 'a robot' },
    { ...base, subtype: 'message_changed' },
    { ...base, subtype: 'message_changed', message: { ts: base.ts, user: base.user, text: 'a preview was added' } },
    { ...base, subtype: 'message_deleted' },
    { ...base, files: [{}, 7, null, { id: 7 }] },
    { ...base, attachments: 'none' },
    { type: 'reaction_added', user: base.user, reaction: 'eyes' },
    { type: 'some_kind_of_2031', deep: [[[[]]]] },
  ];
  for (const event of events) slack.tell(event);
  for (const body of [{}, { type: 'event_callback' }, { type: 'event_callback', event: null }, 7, [], 'text'])
    slack.tellRaw(body);
  if (slack.requestUrl) return;
  for (const frame of ['', 'no json', 'null', '7', '[]', '{}', '{"type":7}', '{"type":"events_api"}', '{"type":"odd"}'])
    slack.hub.sendRaw(frame);
}
