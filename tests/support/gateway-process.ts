// The real gateway as a child process, for e2e, crash tests and the benchmark: started, found ready, killed, started again.
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { ALLOCATOR, COMPILE_CACHE, HERALD, putEmptyDatabase } from './built.ts';

const READY_MS = 60_000;

export interface GatewayProcess {
  child: ChildProcess;
  url: string;
  socket: string;
  /** Milliseconds from spawn to the first healthy answer. */
  readyMs: number;
  /** All that it printed. */
  output(): string;
  /** Resolves with exit code or signal once it has ended. */
  ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface GatewayProcessOptions {
  home: string;
  /** Names added to a bare environment; undefined takes one out of it. */
  env?: Record<string, string | undefined>;
  /** Script and its arguments; default: the command line's `start`. */
  entry?: readonly string[];
}

/** Scripts of models count their calls: nothing is looked back at but where a test is about that. */
const quiet = { review: { enabled: false } };

/** A home folder for a test, with a free port, an empty database and no surprises from outside. */
export function makeHome(config: Record<string, unknown> = {}): string {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-e2e-'));
  fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify({ gateway: { port: 0 }, ...quiet, ...config }), {
    mode: 0o600,
  });
  putEmptyDatabase(home);
  return home;
}

/** Rejects, with what it printed, when the process ends or is not ready within a minute. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const startedAt = performance.now();
  const entry = options.entry ?? [HERALD, 'start'];
  const child = spawn(process.execPath, [...entry], {
    cwd: options.home,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: options.home,
      HERALD_HOME: options.home,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...ALLOCATOR,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1));
  });
  let over = false;
  void ended.then(() => (over = true));
  const ownerFile = path.join(options.home, 'writer.json');
  while (!over && performance.now() - startedAt < READY_MS) {
    const owner = readOwner(ownerFile);
    if (owner?.pid === child.pid && owner?.url && owner.socket && (await isHealthy(owner.url)))
      return {
        child,
        url: owner.url,
        socket: owner.socket,
        readyMs: performance.now() - startedAt,
        output: () => output,
        ended,
        async kill(signal) {
          child.kill(signal);
          await ended;
        },
      };
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  child.kill('SIGKILL');
  throw new Error(
    `the gateway did not get ready (${over ? `ended: ${await ended}` : 'too slow'}); it printed:\n${output}`,
  );
}

function readOwner(file: string): { pid?: number; url?: string; socket?: string } | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as { pid?: number; url?: string; socket?: string };
  } catch {
    return undefined;
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** One request over the gateway's local socket. */
export function requestSocket(
  socket: string,
  request: { method?: string; path: string; body?: unknown },
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const call = http.request(
      {
        socketPath: socket,
        method: request.method ?? (body === undefined ? 'GET' : 'POST'),
        path: request.path,
        headers:
          body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        timeout: 10_000,
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error('no answer over the local socket')));
    call.end(body);
  });
}

/** Looks until `check` gives something, at most `timeoutMs`. */
export async function waitFor<Result>(
  what: string,
  check: () => Result | undefined | false | Promise<Result | undefined | false>,
  timeoutMs = 25_000,
): Promise<Result> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
