// The real server of Debian's package ngircd, on a loopback port, as a child process.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';
import { connectPerson } from './person.ts';

const START_TRIES = 200;

/** Where it is; undefined: not installed. */
export function findNgircd(): string | undefined {
  return ['/usr/sbin/ngircd', '/usr/bin/ngircd'].find((file) => fs.existsSync(file));
}

export const NGIRCD_MISSING = findNgircd() ? '' : 'ngircd is not installed (apt-get install ngircd)';

export interface Ngircd {
  port: number;
  /** Throws a nick out, as an operator does. */
  kill(nick: string): Promise<void>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startNgircd(): Promise<Ngircd> {
  const binary = findNgircd();
  if (!binary) throw new Error(NGIRCD_MISSING);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-ngircd-'));
  fs.chmodSync(folder, 0o755);
  const port = await freePort();
  const file = path.join(folder, 'ngircd.conf');
  fs.writeFileSync(file, config(port), { mode: 0o644 });
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(binary ?? '', ['-n', '-f', file], { stdio: 'ignore' });
    for (let i = 0; i < START_TRIES; i++) {
      if (child.exitCode !== null) break;
      if (await listens(port)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`ngircd did not start: ${spawnSync(binary ?? '', ['-t', '-f', file]).stderr.toString()}`);
  }
  async function stop(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  await start();
  return {
    port,
    async kill(nick) {
      const operator = await connectPerson(port, `op${Math.random().toString(36).slice(2, 8)}`);
      operator.write('OPER op secret');
      operator.write(`KILL ${nick} :out`);
      await operator.sync();
      operator.quit();
    },
    goAway: stop,
    comeBack: start,
    async close() {
      await stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function config(port: number): string {
  const isRoot = process.getuid?.() === 0;
  return [
    '[Global]',
    'Name = irc.herald.test',
    'Info = test',
    'Listen = 127.0.0.1',
    `Ports = ${port}`,
    ...(isRoot ? ['ServerUID = irc', 'ServerGID = irc'] : []),
    '[Limits]',
    'MaxNickLength = 20',
    'MaxConnectionsIP = 0',
    'MaxPenaltyTime = 0',
    'PingTimeout = 60',
    '[Options]',
    'PAM = no',
    'Ident = no',
    'DNS = no',
    '[Operator]',
    'Name = op',
    'Password = secret',
    '[Channel]',
    'Name = #herald',
    'Topic = test',
    '[Channel]',
    'Name = #locked',
    'Key = sesame',
    'Modes = k',
    '',
  ].join('\n');
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
