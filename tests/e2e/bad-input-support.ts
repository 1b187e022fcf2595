// What the tests of bad input share: the real gateway as a process between a scripted model, a loopback Bot API server and a terminal.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { COMPILE_CACHE, HERALD } from '../support/built.ts';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import type { Script } from '../support/model-server-script.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

/** The terminal's own chat. */
const CHAT = '/terminal/default';
const COMMAND_TIMEOUT_MS = 20_000;

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line once, as a process of its own. Never rejects on a failing command. */
export function runHerald(home: string, args: readonly string[], uid?: number): Promise<CommandResult> {
  const options = {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      HERALD_HOME: home,
      OLLAMA_HOST: '127.0.0.1:9',
      NODE_COMPILE_CACHE: COMPILE_CACHE,
    },
    cwd: '/',
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL' as const,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [HERALD, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

export interface StatusSeen {
  adapters: { platform: string; state: string; detail?: string; restarts: number }[];
  inbox: Record<string, number>;
  outbox: Record<string, number>;
  runningTurns: number;
  rssBytes: number;
}

export interface Line {
  key: string;
  direction: 'in' | 'out';
  kind: string;
  text: string;
  /** Of a line of ours: its words, without markup. */
  said: string;
}

/** One gateway with its surroundings. Everything in it ends with `close`. */
export interface Bench {
  home: string;
  model: ModelServer;
  bot: BotApi;
  gateway(): GatewayProcess;
  /** Starts (again); resolves when Telegram is polled, unless `poll` is false. `clockMs`: how far its clock is from the real one. */
  start(options?: { poll?: boolean; clockMs?: number }): Promise<GatewayProcess>;
  herald(...args: string[]): Promise<CommandResult>;
  /** One message at the terminal; the answer's status and parsed body. */
  say(text: string, at?: { id?: string; chat?: string }): Promise<{ status: number; body: Record<string, unknown> }>;
  status(): Promise<StatusSeen>;
  /** The last lines, at most 100. */
  timeline(chat?: string): Promise<readonly Line[]>;
  /** Resolves with the first line of ours at the terminal that holds `part`. */
  waitForLine(part: string, at?: { chat?: string; timeoutMs?: number }): Promise<Line>;
  /** Resolves when every message has its end state and nothing is left to send. */
  settled(timeoutMs?: number): Promise<StatusSeen>;
  /** Texts and captions of the bot in a chat. */
  texts(chat: number): readonly string[];
  log(): string;
  close(): Promise<void>;
}

export interface BenchOptions {
  script: Script;
  /** Over what the tests need. */
  config?: Record<string, unknown>;
  telegram?: Record<string, unknown>;
  keys?: readonly string[];
  home?: string;
}

/** The gateway is not started yet. Everybody may talk on Telegram; the terminal is the owner's. */
export async function openBench(options: BenchOptions): Promise<Bench> {
  const model = await startModelServer({
    script: options.script,
    ...(options.keys === undefined ? {} : { keys: options.keys }),
  });
  const bot = await startBotApi();
  const home = options.home ?? makeHome();
  writeConfig(home, {
    gateway: { port: 0, debounce_ms: 50 },
    review: { enabled: false },
    model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
    platforms: { telegram: { api_root: bot.url, rate_limit: false, allow_all_users: true, ...options.telegram } },
    ...options.config,
  });
  fs.writeFileSync(path.join(home, '.env'), `TELEGRAM_BOT_TOKEN=${bot.token}\n`, { mode: 0o600 });
  let running: GatewayProcess | undefined;
  const gateway = () => {
    if (running === undefined) throw new Error('the gateway was not started');
    return running;
  };
  const bench: Bench = {
    home,
    model,
    bot,
    gateway,
    async start({ poll = true, clockMs = 0 } = {}) {
      const shift = `data:text/javascript,const now = Date.now; Date.now = () => now.call(Date) + ${clockMs};`;
      const entry = clockMs === 0 ? {} : { entry: ['--import', shift, HERALD, 'start'] };
      running = await startGatewayProcess({ home, ...entry });
      if (poll) await waitFor('a poll', () => bot.isPolling());
      return running;
    },
    herald: (...args) => runHerald(home, args),
    async say(text, { id = `msg-${randomUUID()}`, chat = 'local' } = {}) {
      const path = `${CHAT}/messages?chat=${chat}`;
      const answer = await requestSocket(gateway().socket, { path, body: { id, text } });
      return { status: answer.status, body: JSON.parse(answer.body) as Record<string, unknown> };
    },
    async status() {
      const { body } = await requestSocket(gateway().socket, { path: '/status' });
      return JSON.parse(body) as StatusSeen;
    },
    async timeline(chat = 'local') {
      const { body } = await requestSocket(gateway().socket, { path: `${CHAT}/timeline?limit=100&chat=${chat}` });
      const { entries } = JSON.parse(body) as { entries: (Line & { body?: unknown })[] };
      return entries.map((entry) => ({ ...entry, said: entry.text || wordsOf(entry.body) }));
    },
    waitForLine: (part, { chat, timeoutMs } = {}) =>
      waitFor(
        `a line with “${part}”`,
        async () => (await bench.timeline(chat)).find((line) => line.direction === 'out' && line.said.includes(part)),
        timeoutMs,
      ),
    settled: (timeoutMs = 15_000) =>
      waitFor(
        'the gateway to settle',
        async () => {
          const status = await bench.status();
          const open = ['received', 'queued', 'running'].reduce((sum, state) => sum + (status.inbox[state] ?? 0), 0);
          const toSend = (status.outbox['pending'] ?? 0) + (status.outbox['sending'] ?? 0);
          return open + toSend === 0 ? status : undefined;
        },
        timeoutMs,
      ),
    texts: (chat) => bot.messages(chat).map(({ message }) => message.text ?? message.caption ?? ''),
    log: () => fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8'),
    async close() {
      await running?.kill('SIGKILL');
      await bot.close();
      await model.close();
      if (options.home === undefined) fs.rmSync(home, { recursive: true, force: true });
    },
  };
  return bench;
}

export function writeConfig(home: string, config: Record<string, unknown>): void {
  fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify(config), { mode: 0o600 });
}

export function readConfig(home: string): Record<string, Record<string, unknown>> {
  return JSON.parse(fs.readFileSync(path.join(home, 'config.yaml'), 'utf8')) as Record<string, Record<string, unknown>>;
}

/** All texts of a tree of markdown, joined. */
function wordsOf(node: unknown): string {
  if (Array.isArray(node)) return node.map(wordsOf).join('');
  if (typeof node !== 'object' || node === null) return '';
  const own = 'text' in node && typeof node.text === 'string' ? node.text : '';
  return own + Object.values(node).map(wordsOf).join('');
}

/** A browser of the owner, by its cookie. */
export async function pairBrowser(bench: Pick<Bench, 'gateway' | 'herald'>): Promise<string> {
  const { url } = bench.gateway();
  const session = await fetch(`${url}/session`, { method: 'POST' });
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  const { stdout } = await bench.herald('pairing', 'link', '--json');
  const { code } = JSON.parse(stdout) as { code: string };
  const headers = { cookie, 'content-type': 'application/json' };
  const body = JSON.stringify({ id: `link-${code}-browser`, text: `/link ${code}` });
  await fetch(`${url}/messages`, { method: 'POST', headers, body });
  await waitFor('the browser to be paired', async () =>
    /paired|welcome|owner/i.test(await (await fetch(`${url}/timeline`, { headers: { cookie } })).text()),
  );
  return cookie;
}
