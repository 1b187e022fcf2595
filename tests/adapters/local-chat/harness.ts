// The adapter contract's view of a local chat. Conditions that the platform does not have (groups, bots, rate limits) are left out.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Adapter } from '../../../adapters/contract.ts';
import type { Capabilities } from '../../../adapters/capabilities.ts';
import type { ChatEntry } from '../../../adapters/local-chat/protocol.ts';
import { plainText } from '../../../adapters/markdown.ts';
import type { Transport } from '../../../cli/tui/socket-transport.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { AdapterHarness, AdapterRig, SeenMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import {
  asMessageId,
  collect,
  dmOf,
  makeSocketFolder,
  openLocalServer,
  personOf,
  watch,
  writeTemporary,
  type LocalServer,
} from './rig.ts';

export interface LocalChatHarnessOptions {
  platform: string;
  account: AccountId;
  capabilities: Capabilities;
  make(): Adapter;
  transport(server: () => LocalServer, socketPath: string): Transport;
  pathOf(path: string): string;
  /** Cursors that are secrets. */
  secretCursors: readonly string[];
}

export function makeLocalChatHarness(options: LocalChatHarnessOptions): AdapterHarness {
  return { capabilities: options.capabilities, open: () => openRig(options) };
}

async function openRig(options: LocalChatHarnessOptions): Promise<AdapterRig> {
  const { platform, account } = options;
  const place = await makeSocketFolder();
  let server = await openLocalServer({ platform, account, make: options.make, socketPath: place.socketPath });
  const transport = options.transport(() => server, place.socketPath);
  const watcher = watch(transport, options.pathOf);
  watcher.client.start();
  await watcher.until(() => watcher.online > 0);
  // One message tells who the person is; the case then begins with an empty inbox.
  watcher.client.say('who am I?');
  const { chat } = await server.record.waitFor((message) => message.text === 'who am I?');
  await watcher.until(() => watcher.accepted.size === 1);
  server.record.received.length = 0;
  server.record.answers.length = 0;
  server.record.timeline.length = 0;
  const dm = dmOf(platform, account, chat);
  let stopping = false;

  const rig: AdapterRig = {
    get adapter() {
      return server.adapter;
    },
    get record() {
      return server.record;
    },
    dm,
    user: personOf(chat),
    get secrets() {
      return options.secretCursors.map((name) => server.record.cursors.get(name) ?? '').filter((value) => value !== '');
    },
    faults: {
      async disconnect() {
        const before = watcher.online;
        const { port } = server.http;
        await server.http.close();
        server = await openAgain(server, port);
        await watcher.until(() => watcher.online > before, 10_000);
      },
    },
    async say({ text, replyTo, file }) {
      const files = file === undefined ? [] : [await upload(file.name, file.mime, file.bytes)];
      const id = watcher.client.say(text, { files, replyTo });
      // While the server is away the client is the platform, and keeps it.
      if (stopping) return asMessageId(id);
      await watcher.until(
        () => watcher.accepted.has(id) || watcher.refused.has(id) || server.record.answers.length > 0,
        2_000,
      );
      return asMessageId(id);
    },
    async seen(at) {
      await new Promise((resolve) => setTimeout(resolve, 60)); // events are on their way
      if (at.chat !== chat) return [];
      return Promise.all([...watcher.lines.values()].filter((entry) => entry.direction === 'out').map(see));
    },
    async draft() {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return [...watcher.drafts.values()].at(-1)?.text;
    },
    async typingShown() {
      await watcher.until(() => watcher.typing).catch(() => undefined);
      return watcher.typing;
    },
    async press(_at, message, data) {
      const id = watcher.client.press(message, data);
      await watcher.until(() => watcher.accepted.has(id));
    },
    async injectGarbage() {
      const json = { 'content-type': 'application/json' };
      const bodies = [
        '',
        '{',
        '[]',
        'null',
        '{"id":1}',
        '{"id":"long-enough","text":5}',
        '{"id":"long-enough","text":"x","unknown":1}',
      ];
      bodies.push(
        JSON.stringify({ id: 'long-enough', text: 'x', files: ['not-a-file'] }),
        JSON.stringify({ id: '../../..', text: 'x' }),
      );
      bodies.push(
        JSON.stringify({ id: 'long-enough', text: '   ' }),
        JSON.stringify({ id: 'long-enough', text: 'y'.repeat(2_000_000) }),
      );
      for (const target of ['messages', 'buttons']) {
        for (const body of bodies) {
          const answer = await transport(options.pathOf(target), { method: 'POST', headers: json, body });
          if (answer.status < 400 || answer.status >= 500)
            throw new Error(`${body.slice(0, 80)} was answered ${answer.status}`);
          await collect(answer.body);
        }
      }
    },
    async restart(whileDown) {
      stopping = true;
      const { port } = server.http;
      await server.close();
      await whileDown();
      const { cursors, received, timeline } = server.record;
      const record = makeRecordingHost({ cursors, received });
      record.timeline.push(...timeline);
      server = await openLocalServer({ ...options, port, socketPath: place.socketPath, record });
      stopping = false;
    },
    async close() {
      await watcher.client.close();
      await server.close();
      await server.record.close();
      await place.remove();
    },
  };

  async function upload(name: string, mime: string, bytes: Uint8Array) {
    return watcher.client.upload(await writeTemporary(place.folder, name, bytes), mime);
  }

  async function openAgain(old: LocalServer, port: number): Promise<LocalServer> {
    await old.adapter.stop();
    return openLocalServer({ ...options, port, socketPath: place.socketPath, record: old.record });
  }

  async function see(entry: ChatEntry): Promise<SeenMessage> {
    const folder = path.join(place.folder, 'seen');
    await mkdir(folder, { recursive: true });
    const text =
      entry.html === undefined
        ? entry.body === undefined
          ? entry.text
          : plainText(entry.body)
        : textOfHtml(entry.html);
    for (const file of entry.files) {
      const target = path.join(folder, `${Math.random()}`);
      await watcher.client.download(file, target);
      await copyFile(target, `${target}.copy`);
    }
    return {
      id: asMessageId(entry.key),
      text,
      formatted: entry.text === '' && isFormatted(entry),
      buttons: entry.buttons,
      replyTo: entry.replyTo === undefined ? undefined : asMessageId(entry.replyTo),
      files: entry.files.map(({ kind, name, bytes }) => ({ kind, name, bytes })),
      reactions: [],
    };
  }
  return rig;
}

function isFormatted(entry: ChatEntry): boolean {
  if (entry.html !== undefined) return /<(?!\/?p\b)/.test(entry.html);
  return (
    entry.body?.some(
      (block) => block.type !== 'paragraph' || block.children.some((inline) => inline.type !== 'text'),
    ) ?? false
  );
}

/** What a reader sees of our own HTML. */
function textOfHtml(html: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return html
    .replace(/<br>|<\/p>\n/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => entities[name] ?? whole);
}
