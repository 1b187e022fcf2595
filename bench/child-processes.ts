// Child processes of the benchmark, and what Linux says of a process. Each is ended by its own id, whatever happens.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readReport, type LoadReport, type TalkRequest } from './chat-load.ts';

const STOP_MS = 5_000;
/** USER_HZ, which is 100 on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** Ends what was started, latest first. */
export class Started {
  readonly #stops: (() => Promise<void>)[] = [];

  add(child: ChildProcess): void {
    this.#stops.push(() => end(child));
  }

  async stopAll(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

/** SIGTERM, then SIGKILL after 5 s. Resolves when the process is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}

export interface ChatLoad {
  url: string;
  token: string;
  /** Rejects when an answer is missing. */
  talk(request: TalkRequest): Promise<Extract<LoadReport, { kind: 'done' }>>;
}

export async function startChatLoad(started: Started): Promise<ChatLoad> {
  const child = fork(path.join(import.meta.dirname, 'chat-load.ts'), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  started.add(child);
  const listening = await nextReport(child);
  if (listening.kind !== 'listening') throw new Error('the chat side did not start');
  return {
    url: listening.url,
    token: listening.token,
    async talk(request) {
      const report = nextReport(child);
      child.send(request);
      const done = await report;
      if (done.kind !== 'done') throw new Error(done.kind === 'failed' ? done.problem : 'the chat side started again');
      return done;
    },
  };
}

/** It keeps the time itself; its end is an error too. */
function nextReport(child: ChildProcess): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('the chat side ended'));
    child.once('exit', onExit);
    child.once('message', (message: unknown) => {
      child.off('exit', onExit);
      resolve(readReport(message));
    });
  });
}

/** The scripted model server: it answers at once, with text of the usual length in pieces of the usual size. Returns its address, with /v1. */
export async function startModel(started: Started, folder: string): Promise<string> {
  const script = path.join(folder, 'script.json');
  const portFile = path.join(folder, 'model-port');
  const text =
    '{{user}}: this is an answer of the usual length. It has **some weight** and a `piece of code`, comes in pieces as models send ' +
    'them, and ends after two or three sentences.';
  fs.writeFileSync(script, JSON.stringify([{ reply: { text } }]));
  const entry = path.join(import.meta.dirname, '../tests/support/model-server.ts');
  const child = spawn(process.execPath, [entry, '--port-file', portFile, '--script', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  started.add(child);
  for (let looks = 0; looks < 500; looks++) {
    if (fs.existsSync(portFile)) return `http://127.0.0.1:${fs.readFileSync(portFile, 'utf8')}/v1`;
    await wait(20);
  }
  throw new Error('the model server did not start');
}

/** CPU seconds of all threads of a process since its start, in steps of 10 ms. */
export function readCpuSeconds(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold spaces; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in MB (1024 * 1024 bytes). */
export function readRssMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line === null) throw new Error(`process ${pid} has no memory`);
  return Number(line[1]) / 1024;
}
