// A real OpenSSH server as an ordinary process on loopback, with keys of its own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const PROGRAM = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((file) => fs.existsSync(file));

const KEY_PROGRAM = '/usr/bin/ssh-keygen';

/** Why the tests of ssh cannot run here; undefined when they can. */
export const sshdMissing: string | undefined =
  PROGRAM === undefined || !fs.existsSync(KEY_PROGRAM)
    ? 'there is no sshd: install the package openssh-server'
    : undefined;

export interface SshServer {
  port: number;
  user: string;
  /** Client side. */
  identityFile: string;
  knownHosts: string;
  /** For the folder setting: files of tests do not belong in the home folder. */
  folder: string;
  /** Ends the listener and all its connections; start() takes the same port and, on request, another host key. */
  stop(): Promise<void>;
  start(options?: { newHostKey?: boolean }): Promise<void>;
  /** Ends what serves the open connections; the listener stays. */
  dropConnections(): void;
  /** How many clients were let in so far. */
  logins(): number;
  remove(): Promise<void>;
}

export async function startSshServer(): Promise<SshServer> {
  if (PROGRAM === undefined) throw new Error(sshdMissing);
  const program = PROGRAM;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-sshd-'));
  const user = os.userInfo().username;
  const port = await freePort();
  fs.mkdirSync(path.join(dir, 'home'));
  makeKey(path.join(dir, 'client'));
  makeKey(path.join(dir, 'host'));
  fs.copyFileSync(path.join(dir, 'client.pub'), path.join(dir, 'authorized_keys'));
  const knownHosts = path.join(dir, 'known_hosts');
  const hostKey = fs.readFileSync(path.join(dir, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  fs.writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey}\n`);
  fs.writeFileSync(path.join(dir, 'config'), configuration(dir, port));
  // Privilege separation of a server that root starts wants this folder.
  if (process.getuid?.() === 0) fs.mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  let server: ReturnType<typeof spawn> | undefined;
  let log = '';
  const start = async (options: { newHostKey?: boolean } = {}) => {
    if (options.newHostKey) {
      fs.rmSync(path.join(dir, 'host'));
      fs.rmSync(path.join(dir, 'host.pub'));
      makeKey(path.join(dir, 'host'));
    }
    const child = spawn(program, ['-D', '-e', '-f', path.join(dir, 'config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    server = child;
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (/Server listening/.test(log)) resolve();
      });
      child.once('exit', () => reject(new Error(`sshd ended: ${log}`)));
    });
  };
  const stop = async () => {
    const child = server;
    server = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    for (const pid of [...descendants(child.pid), child.pid]) tryKill(pid);
    await ended;
    log = log.replaceAll('Server listening', 'was listening');
  };
  await start();
  return {
    port,
    user,
    identityFile: path.join(dir, 'client'),
    knownHosts,
    folder: path.join(dir, 'machines'),
    stop,
    start,
    dropConnections() {
      if (server?.pid !== undefined) for (const pid of connections(server.pid)) tryKill(pid);
    },
    logins: () => log.match(/Accepted publickey/g)?.length ?? 0,
    async remove() {
      await stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

function configuration(dir: string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${path.join(dir, 'host')}`,
    `AuthorizedKeysFile ${path.join(dir, 'authorized_keys')}`,
    `PidFile ${path.join(dir, 'pid')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'MaxStartups 100',
    'MaxSessions 64',
    'LogLevel INFO',
    // What this account's own shell does at the start of each command takes longer than the command.
    `SetEnv HOME=${path.join(dir, 'home')}`,
    '',
  ].join('\n');
}

function makeKey(file: string): void {
  execFileSync(KEY_PROGRAM, ['-q', '-t', 'ed25519', '-N', '', '-C', 'herald-test', '-f', file]);
}

/** Processes that serve connections: children of the listener, and theirs that are sshd too. */
function connections(listener: number): number[] {
  return descendants(listener).filter((pid) => commandOf(pid).startsWith('sshd'));
}

function descendants(pid: number): number[] {
  let children: string;
  try {
    children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return [];
  }
  return children
    .split(' ')
    .filter((text) => text !== '')
    .flatMap((text) => [...descendants(Number(text)), Number(text)]);
}

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
