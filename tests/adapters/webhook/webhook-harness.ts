// A webhook for the adapter contract: the program on the other side over loopback.
import type { Adapter } from '../../../adapters/contract.ts';
import { makeWebhookAdapter } from '../../../adapters/webhook/adapter.ts';
import { makeCapabilities } from '../../../adapters/webhook/capabilities.ts';
import { webhookSettings } from '../../../adapters/webhook/manifest.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import { Program } from './program.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const account = accountId('default');
const dm: Address = { platform: 'webhook', account, chat: chatId('ann'), kind: 'dm' };
const group: Address = { platform: 'webhook', account, chat: chatId('team'), kind: 'group' };

export function makeAdapter(url: string, secret = SECRET): Adapter {
  const settings = webhookSettings.parse({ url, secret });
  return makeWebhookAdapter({ platform: 'webhook', account, settings, fetch });
}

export function makeWebhookHarness(): AdapterHarness {
  return { capabilities: makeCapabilities(10 * 1024 * 1024), open: openRig };
}

async function openRig(): Promise<AdapterRig> {
  const program = new Program(SECRET);
  await program.listen();
  const start = async (options: Parameters<typeof makeRecordingHost>[0]) => {
    const adapter = makeAdapter(program.url);
    const record = makeRecordingHost(options);
    await adapter.start(record.host);
    program.handler = (request) =>
      record.handler?.(request, { local: false, remote: '127.0.0.1' }) ?? Promise.reject(new Error('no handler'));
    return { adapter, record };
  };
  let running = await start({});
  const said = new Map<string, string>();
  const replyOf = (id: string) => {
    const mine = program.told.find((one) => one.id === id);
    const text = mine?.plain ?? said.get(id);
    return { id, mine: mine !== undefined, ...(text !== undefined && { text }) };
  };
  const say = async (message: UserMessage, extra: Record<string, unknown> = {}) => {
    const at = message.at ?? dm;
    const id = program.newId();
    said.set(id, message.text);
    program.post({
      id,
      user: 'ann',
      name: 'Ann',
      chat: at.chat,
      group: at.kind === 'group',
      thread: at.thread,
      text: message.text,
      addressed: message.mention === true,
      ...(message.replyTo === undefined ? {} : { replyTo: replyOf(message.replyTo) }),
      ...(message.file && {
        files: [{ ...message.file, base64: Buffer.from(message.file.bytes).toString('base64'), bytes: undefined }],
      }),
      ...extra,
    });
    return messageId(id);
  };
  let edits = 0;
  const rig: AdapterRig = {
    get adapter() {
      return running.adapter;
    },
    get record(): RecordingHost {
      return running.record;
    },
    dm,
    user: userId('ann'),
    group,
    thread: { ...group, thread: threadId('plans') },
    isPushOnly: true,
    secrets: [SECRET],
    faults: {
      refuseFormat: (on) => void (program.refusesFormat = on),
      rateLimit: (ms) => void program.faults.push({ status: 429, headers: { 'retry-after': String(ms / 1000) } }),
      serverError: () => void program.faults.push({ status: 502 }),
      dropBefore: () => void program.faults.push('dropBefore'),
      dropAfter: () => void program.faults.push('dropAfter'),
      goAway: () => program.goAway(),
      comeBack: async () => {
        await program.listen();
      },
      block: (on) => void (program.blocks = on),
    },
    say,
    seen: async (at) =>
      program.told
        .filter((one) => one.chat === at.chat)
        .map((one) => ({
          id: messageId(one.id),
          text: one.plain,
          formatted: one.text !== one.plain,
          buttons: one.buttons,
          replyTo: one.replyTo === undefined ? undefined : messageId(one.replyTo),
          thread: one.thread === undefined ? undefined : threadId(one.thread),
          files: one.files.map(({ kind, name, base64 }) => ({
            kind,
            name,
            bytes: Buffer.from(base64, 'base64').length,
          })),
          reactions: [],
        })),
    async editAsUser(id, text) {
      program.post({ kind: 'edit', id, revision: String(++edits), user: 'ann', chat: 'ann', text });
    },
    async deleteAsUser(id) {
      program.post({ kind: 'delete', id, user: 'ann', chat: 'ann' });
    },
    async press(at, message, data) {
      program.post({
        kind: 'button',
        id: program.newId(),
        user: 'ann',
        chat: at.chat,
        group: at.kind === 'group',
        button: { data, message },
      });
    },
    async sayAsBot(text) {
      program.post({ id: program.newId(), user: 'robot', bot: true, chat: 'ann', text });
    },
    async injectGarbage() {
      for (const body of [
        '',
        '{',
        '[]',
        'null',
        '{"id":1}',
        '{"id":"x","user":"ann","kind":"dance"}',
        '{"id":"x","user":"ann","kind":"button"}',
      ])
        await program.postOnce(body);
      await program.postOnce('{"id":"forged","user":"ann","text":"forged"}', { 'webhook-signature': 'v1,AAAA' });
    },
    async restart(whileDown) {
      const { adapter, record } = running;
      program.handler = undefined;
      await adapter.stop();
      await whileDown();
      running = await start({ cursors: record.cursors, received: record.received });
      await record.close();
    },
    async close() {
      await program.close();
      await running.adapter.stop();
      await running.record.close();
    },
  };
  return rig;
}
