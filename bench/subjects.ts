// What is measured: the real gateway, started by its real command, and the bare loop beside it.
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { makeHome, startGatewayProcess } from '../tests/support/gateway-process.ts';
import { FIRST_USER } from './chat-load.ts';
import type { ChatLoad, Started } from './child-processes.ts';

const ROOT = path.join(import.meta.dirname, '..');
const READY_MS = 20_000;

export interface Running {
  child: ChildProcess;
  pid: number;
  /** From spawn until it takes messages. */
  readyMs: number;
}

/** Something that answers messages of the chat side. May be started again once it was ended. */
export type Subject = () => Promise<Running>;

export interface SubjectInput {
  started: Started;
  chat: ChatLoad;
  /** With /v1. */
  modelUrl: string;
  /** Holds what the subject stores. */
  folder: string;
}

/** `root`: a build or the checkout. Everything as a person would have it, but for Telegram's own rate limits, which would be all that is measured. */
export function makeHerald(
  input: SubjectInput & { root: string; users: number; profileTo: string | undefined },
): Subject {
  const { chat, started } = input;
  const home = makeHome({
    model: { provider: 'custom', base_url: input.modelUrl, name: 'bench-model', api_key: 'bench-key-1234' },
    platforms: {
      telegram: {
        api_root: chat.url,
        rate_limit: false,
        allowed_users: Array.from({ length: input.users }, (_, index) => String(FIRST_USER + index)),
      },
    },
  });
  const ownHome = path.join(input.folder, 'home');
  fs.renameSync(home, ownHome);
  fs.writeFileSync(path.join(ownHome, '.env'), `TELEGRAM_BOT_TOKEN=${chat.token}\n`, { mode: 0o600 });
  const profile = input.profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${input.profileTo}`];
  const entry = [...startFlags(), ...profile, path.join(input.root, 'bin/herald.mjs'), 'start'];
  return async () => {
    const { child, readyMs } = await startGatewayProcess({ home: ownHome, entry });
    started.add(child);
    return { child, pid: pidOf(child), readyMs };
  };
}

/** The flags of Node in package.json's start script. */
function startFlags(): string[] {
  const manifest = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
  const script = /"start": "node ([^"]*)bin\/herald\.mjs start"/.exec(manifest)?.[1];
  if (script === undefined) throw new Error('package.json has no start script that is known here');
  return script.split(' ').filter((flag) => flag !== '');
}

/** `conversation`: with the model call of an agent. */
export function makeBareLoop(input: SubjectInput, { conversation }: { conversation: boolean }): Subject {
  const { chat, started } = input;
  const file = path.join(import.meta.dirname, 'bare-loop.ts');
  const args = ['--api-root', chat.url, '--token', chat.token, '--model-url', input.modelUrl];
  if (conversation) args.push('--conversation');
  const db = path.join(input.folder, 'bare.db');
  return async () => {
    fs.rmSync(db, { force: true });
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...startFlags(), file, ...args, '--db', db], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // As Herald's entry does: types are stripped once, not at every start.
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: path.join(input.folder, 'compile-cache') },
    });
    started.add(child);
    await untilItSpeaks(child);
    return { child, pid: pidOf(child), readyMs: performance.now() - startedAt };
  };
}

function untilItSpeaks(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the bare loop did not get ready')), READY_MS);
    child.stdout?.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error('the bare loop ended'));
    });
  });
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}
