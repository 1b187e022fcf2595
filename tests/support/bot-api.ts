// A Telegram Bot API server on loopback that keeps the real protocol: updates with offsets, long polls and webhooks, errors in the
// real words, text parsed and measured as Telegram does. In a test: `startBotApi()`. By itself, with control routes for a test in
// another process (bot-api/control.ts): node tests/support/bot-api.ts --port-file F [--record DIR] [--token T] [--max-ms N]
import { renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Message } from 'grammy/types';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { runControl } from './bot-api/control.ts';
import { Dispatcher } from './bot-api/dispatch.ts';
import { makeGroup, makePerson } from './bot-api/people.ts';
import type { BotApi } from './bot-api/types.ts';
import { UpdateQueue } from './bot-api/updates.ts';
import { DRAFT_SHOWN_MS, makeWorld, type World } from './bot-api/world.ts';

const DEFAULT_TOKEN = '7000000001:AAtest-token_0123456789abcdefghijklmno';
const WAIT_MS = 10_000;

export interface BotApiOptions {
  /** Default: a fixed one of the real form. */
  token?: string;
  /** The bot's name without @. Default herald_test_bot. */
  username?: string;
  /** False is privacy mode, which new bots have: groups then show only commands, mentions and answers. Default true. */
  readsAllGroupMessages?: boolean;
  /** The bot's topics in private chats. Default false. */
  topicsInPrivateChats?: boolean;
  /** Folder to which telegram.jsonl is appended. */
  recordTo?: string;
  /** Where webhook origins are really reached, e.g. {'https://bot.example': 'http://127.0.0.1:8443'}. */
  webhookOrigins?: Readonly<Record<string, string>>;
  /** Default: the system's. */
  clock?: Clock;
}

/** Listens on 127.0.0.1 at a free port. */
export async function startBotApi(options: BotApiOptions = {}): Promise<BotApi> {
  const clock = options.clock ?? systemClock;
  const token = options.token ?? DEFAULT_TOKEN;
  const watchers = new Set<() => void>();
  const changed = () => watchers.forEach((watcher) => watcher());
  const world = makeWorld({
    clock,
    botId: Number(token.split(':')[0]),
    username: options.username ?? 'herald_test_bot',
    readsAllGroupMessages: options.readsAllGroupMessages ?? true,
    topicsInPrivateChats: options.topicsInPrivateChats ?? false,
    changed,
  });
  const queue = new UpdateQueue(clock, changed);
  const webhookOrigins = options.webhookOrigins ?? {};
  const dispatcher = new Dispatcher({ world, queue, token, recordTo: options.recordTo, webhookOrigins });
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    request.url?.startsWith('/_control/') ? runControl(api, request, response) : dispatcher.handle(request, response);
  const server = createServer((request, response) => void handle(request, response));
  const port = await listen(server, 0);
  const api: BotApi = {
    url: `http://127.0.0.1:${port}`,
    token,
    botId: world.bot.id,
    username: world.me.username,
    ...makePeopleSide(world, queue),
    ...makeViews(world),
    ...makeWaiting(world, watchers),
    ...makeTrouble(dispatcher, queue),
    calls: dispatcher.calls,
    pendingUpdates: () => queue.pending.map((update) => update.update_id),
    isPolling: () => queue.hasPoll,
    disconnect: () => server.closeAllConnections(),
    goAway: () => shut(server),
    comeBack: async () => void (await listen(server, port)),
    async close() {
      dispatcher.close();
      await shut(server);
    },
  };
  return api;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function shut(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function makePeopleSide(world: World, queue: UpdateQueue): Pick<BotApi, 'user' | 'group' | 'inject'> {
  const stage = { world, queue };
  return {
    user: (id, name = `User ${id}`, more = {}) =>
      makePerson(stage, {
        id,
        is_bot: more.isBot ?? false,
        first_name: name,
        ...(more.username ? { username: more.username } : {}),
        language_code: more.language ?? 'en',
      }),
    group: (options) => makeGroup(stage, options),
    inject: (update) => queue.pushRaw(update).update_id,
  };
}

type Views = Pick<BotApi, 'messages' | 'history' | 'drafts' | 'actions' | 'callback' | 'commands'>;

function makeViews(world: World): Views {
  const entries = (chatId: number) => [...(world.chats.get(chatId)?.entries.values() ?? [])];
  return {
    messages: (chatId) => entries(chatId).filter((entry) => entry.byBot && !entry.deleted),
    history: (chatId) => entries(chatId).filter((entry) => !entry.deleted),
    drafts(chatId) {
      const oldestMs = world.clock.now() - DRAFT_SHOWN_MS;
      return [...(world.chats.get(chatId)?.drafts.values() ?? [])].filter((draft) => draft.atMs > oldestMs);
    },
    actions: (chatId) => world.chats.get(chatId)?.actions ?? [],
    callback: (id) => world.callbacks.get(id),
    commands: () => world.commands.get('{"type":"default"} ') ?? [],
  };
}

type Trouble = Pick<BotApi, 'fail' | 'clearFaults' | 'redeliver' | 'reverseNext' | 'revokeToken'>;

function makeTrouble(dispatcher: Dispatcher, queue: UpdateQueue): Trouble {
  return {
    fail: (fault) => dispatcher.faults.add(fault),
    clearFaults: () => dispatcher.faults.clear(),
    redeliver: (count = 1, ids = 'same') => queue.redeliver(count, ids),
    reverseNext: (count = 1) => queue.reverseNext(count),
    revokeToken: () => dispatcher.revokeToken(),
  };
}

function makeWaiting(world: World, watchers: Set<() => void>): Pick<BotApi, 'until' | 'waitForText'> {
  const until = <T>(what: string, check: () => T | undefined | false, timeoutMs = WAIT_MS): Promise<T> =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const look = () => {
        const result = check();
        if (result === undefined || result === false) return;
        end();
        resolve(result);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`));
      }, timeoutMs);
      watchers.add(look);
      look();
    });
  const { messages } = makeViews(world);
  const holds = (message: Message, part: string) => (message.text ?? message.caption ?? '').includes(part);
  return {
    until,
    waitForText: (chatId, part, timeoutMs) =>
      until(
        `a message with "${part}"`,
        () => messages(chatId).find(({ message }) => holds(message, part))?.message,
        timeoutMs,
      ),
  };
}

/** Ends by itself after --max-ms (default ten minutes): a forgotten server must not stay. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'port-file': { type: 'string' },
      record: { type: 'string' },
      token: { type: 'string' },
      'max-ms': { type: 'string', default: '600000' },
    },
  });
  const portFile = values['port-file'];
  if (portFile === undefined) throw new Error('--port-file is needed');
  const api = await startBotApi({
    ...(values.record === undefined ? {} : { recordTo: values.record }),
    ...(values.token === undefined ? {} : { token: values.token }),
  });
  // Readers wait for the file: it must not be seen half written.
  writeFileSync(`${portFile}.part`, new URL(api.url).port);
  renameSync(`${portFile}.part`, portFile);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  await wait(Number(values['max-ms']), undefined, { signal: stop.signal }).catch(() => undefined);
  await api.close();
}

if (import.meta.main) await main();
