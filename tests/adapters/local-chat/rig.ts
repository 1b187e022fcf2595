// A platform of our own under test: the real HTTP server, the real adapter, a recording core, and the real protocol client as the person.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Adapter, AdapterHost, OutboundMessage } from '../../../adapters/contract.ts';
import type { ChatDraft, ChatEntry } from '../../../adapters/local-chat/protocol.ts';
import { serializeMarkdown } from '../../../adapters/markdown.ts';
import { ChatClient, type ChatEvents } from '../../../cli/tui/client.ts';
import { makeSocketTransport, type Transport } from '../../../cli/tui/socket-transport.ts';
import { openHttpServer, type HttpServer } from '../../../gateway/http/server.ts';
import { systemClock } from '../../../shared/clock.ts';
import { chatId, userId, type AccountId, type MessageId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Address } from '../../../shared/messages.ts';
import { messageId } from '../../../shared/ids.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';

/** The core's half that the recording host leaves to tests: what was sent stands in the timeline. */
export function keepSent(adapter: Adapter, record: RecordingHost): Adapter {
  const keep = (message: OutboundMessage) => {
    if (record.timeline.some((entry) => entry.key === message.key)) return;
    const { key, files, buttons } = message;
    const text = serializeMarkdown(message.body);
    record.timeline.push({ key, direction: 'out', at: Date.now(), text, kind: 'answer', files, buttons });
  };
  return {
    ...adapter,
    async send(to, message, signal) {
      const result = await adapter.send(to, message, signal);
      if (result.ok) keep(message);
      return result;
    },
  };
}

export interface LocalServer {
  http: HttpServer;
  record: RecordingHost;
  adapter: Adapter;
  close(): Promise<void>;
}

export interface LocalServerOptions {
  platform: string;
  account: AccountId;
  make(): Adapter;
  port?: number;
  socketPath: string;
  record?: RecordingHost;
  /** Wraps what the adapter gets. */
  host?(host: AdapterHost): AdapterHost;
}

export async function openLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const http = await openHttpServer({
    port: options.port ?? 0,
    socketPath: options.socketPath,
    version: '0.0.0-test',
    clock: systemClock,
    log: silentLog,
    statusReport: async () => ({ ok: true }),
  });
  const record = options.record ?? makeRecordingHost();
  const adapter = keepSent(options.make(), record);
  const host = options.host?.(record.host) ?? record.host;
  await adapter.start({
    ...host,
    serve(handler, how) {
      host.serve(handler, how);
      http.mount(options.platform, options.account, handler, how);
    },
  });
  return {
    http,
    record,
    adapter,
    async close() {
      await adapter.stop();
      await http.close();
    },
  };
}

/** A temporary folder with a path for a socket in it. */
export async function makeSocketFolder(): Promise<{ folder: string; socketPath: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'herald-chat-'));
  return {
    folder,
    socketPath: path.join(folder, 'g.sock'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Requests over TCP with a cookie jar, as a browser makes them. */
export function makeBrowserTransport(url: () => string): Transport {
  let cookie = '';
  const send: Transport = async (target, { method, headers = {}, body, signal }) => {
    const init: RequestInit = { method, headers: { origin: url(), cookie, ...headers }, signal: signal ?? null };
    if (typeof body === 'string') init.body = body;
    else if (body !== undefined) Object.assign(init, { body: Readable.toWeb(body), duplex: 'half' });
    const answer = await fetch(`${url()}${target}`, init);
    const set = answer.headers.get('set-cookie');
    if (set !== null) cookie = set.split(';')[0] ?? '';
    return { status: answer.status, body: answer.body ?? new Blob([]).stream() };
  };
  return async (target, init) => {
    if (cookie === '') await send('/session', { method: 'POST' }).then(async ({ body }) => void (await collect(body)));
    return send(target, init);
  };
}

export async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What a person's client has seen so far. */
export interface Watcher {
  client: ChatClient;
  /** Lines by id, in order of their first appearance. */
  lines: Map<string, ChatEntry>;
  drafts: Map<string, ChatDraft>;
  typing: boolean;
  online: number;
  accepted: Set<string>;
  refused: Map<string, string>;
  until(passes: () => boolean, timeoutMs?: number): Promise<void>;
}

export function watch(transport: Transport, pathOf: (path: string) => string): Watcher {
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  let count = 0;
  const on: ChatEvents = {
    entry(entry) {
      watcher.lines.set(entry.message === undefined ? `k:${entry.key}` : `m:${entry.message}`, entry);
      changed();
    },
    draft(draft) {
      watcher.drafts.set(draft.key, draft);
      changed();
    },
    draftEnd(key) {
      watcher.drafts.delete(key);
      changed();
    },
    typing() {
      watcher.typing = true;
      changed();
    },
    state: changed,
    connection(state) {
      if (state === 'online') watcher.online++;
      changed();
    },
    accepted(id) {
      watcher.accepted.add(id);
      changed();
    },
    refused(id, why) {
      watcher.refused.set(id, why);
      changed();
    },
  };
  const watcher: Watcher = {
    client: new ChatClient({
      transport,
      pathOf,
      clock: systemClock,
      random: Math.random,
      newId: () => `test-message-${++count}-${Math.random().toString(36).slice(2, 10)}`,
      on,
    }),
    lines: new Map(),
    drafts: new Map(),
    typing: false,
    online: 0,
    accepted: new Set(),
    refused: new Map(),
    until: (passes, timeoutMs = 5_000) =>
      new Promise((resolve, reject) => {
        if (passes()) return resolve();
        const timer = setTimeout(() => {
          listeners.delete(look);
          reject(new Error(`Not seen within ${timeoutMs} ms. Lines: ${JSON.stringify([...watcher.lines.values()])}`));
        }, timeoutMs);
        function look() {
          if (!passes()) return;
          clearTimeout(timer);
          listeners.delete(look);
          resolve();
        }
        listeners.add(look);
      }),
  };
  return watcher;
}

export function openSocketWatcher(socketPath: string, base: string): Watcher {
  return watch(makeSocketTransport(socketPath), (target) => `${base}${target}`);
}

export const asMessageId = (raw: string): MessageId => messageId(raw);
export const dmOf = (platform: string, account: AccountId, chat: string): Address => ({
  platform,
  account,
  chat: chatId(chat),
  kind: 'dm',
});
export const personOf = (chat: string) => userId(chat);

/** A file on disk with these bytes. */
export async function writeTemporary(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}
