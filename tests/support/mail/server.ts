// Real mail servers for tests: dovecot and postfix from Debian, in a temporary folder, on free ports of the loopback interface. Both need
// root to start; a test without them is skipped with the reason.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDovecotConfig, type DovecotPorts } from './dovecot.ts';
import { MAILBOXES, makeMainConfig, makeMasterConfig, SENDERS, type PostfixPorts } from './postfix.ts';
import { deliverByLmtp } from './lmtp.ts';

const DOVECOT = '/usr/sbin/dovecot';
const OPENSSL = '/usr/bin/openssl';
const POSTFIX_MASTER = '/usr/lib/postfix/sbin/master';
/** Folders of a postfix queue with their modes and groups, as /etc/postfix/postfix-files has them. */
const QUEUES: readonly (readonly [name: string, mode: number, group?: string])[] = [
  ...['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace'].map(
    (name) => [name, 0o700] as const,
  ),
  ['maildrop', 0o1730, 'postdrop'],
  ['public', 0o710, 'postdrop'],
  ['pid', 0o755],
];
const START_MS = 15_000;
/** User and group of the mailboxes; they need no entry in passwd. */
const MAIL_ID = 5_000;

/** Why the servers cannot be started here; undefined when they can. */
export function whyNoMailServer(): string | undefined {
  if (!fs.existsSync(DOVECOT) || !fs.existsSync(POSTFIX_MASTER))
    return 'dovecot and postfix are not installed (apt-get install dovecot-core dovecot-imapd dovecot-lmtpd postfix)';
  if (!fs.existsSync(OPENSSL)) return 'openssl is not installed';
  return process.getuid?.() === 0 ? undefined : 'dovecot and postfix start as root only';
}

export interface MailServer {
  ports: DovecotPorts & PostfixPorts;
  /** Folder of a user's mailboxes. */
  homeOf(user: string): string;
  passwordOf(user: string): string;
  /** Puts a raw mail into a user's INBOX at once, past postfix. */
  deliver(user: string, raw: string | Buffer, envelopeFrom?: string): Promise<void>;
  /** Raw mails in a user's folder ('' = INBOX), in order of their delivery. */
  mails(user: string, folder?: string): readonly Buffer[];
  /** Resolves when postfix has delivered all that it has taken. */
  settle(): Promise<void>;
  stopImap(): Promise<void>;
  startImap(): Promise<void>;
  log(): string;
  close(): Promise<void>;
}

/** Starts both. Rejects, with their logs, when they are not up within 15 s. */
export async function startMailServer(): Promise<MailServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mail-'));
  fs.chmodSync(folder, 0o755);
  const ports = await findPorts();
  writeFiles(folder, ports);
  let dovecot = startDovecot(folder);
  // Not its start command, which checks for a second what we have just written, and goes into the background.
  const postfix = run(folder, POSTFIX_MASTER, ['-c', `${folder}/postfix`, '-d']);
  const log = () =>
    ['dovecot/dovecot.log', 'postfix.log', 'output.log']
      .map((file) => path.join(folder, file))
      .filter((file) => fs.existsSync(file))
      .map((file) => fs.readFileSync(file, 'utf8'))
      .join('\n');
  const server: MailServer = {
    ports,
    homeOf: (user) => path.join(folder, 'vmail', user),
    passwordOf: (user) => `secret-of-${user}`,
    deliver: (user, raw, envelopeFrom) => deliverByLmtp(ports.lmtp, { user, raw, envelopeFrom }),
    mails: (user, name = '') => readMaildir(path.join(folder, 'vmail', user, 'Maildir', name === '' ? '' : `.${name}`)),
    settle: () => untilDelivered(path.join(folder, 'queue')),
    async stopImap() {
      await end(dovecot, 150);
    },
    async startImap() {
      dovecot = startDovecot(folder);
      await listens(ports.imap, dovecot);
      await listens(ports.lmtp, dovecot);
    },
    log,
    async close() {
      await Promise.all([end(dovecot, 0), end(postfix, 0)]);
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
  try {
    for (const port of [ports.imap, ports.imaps, ports.lmtp]) await listens(port, dovecot);
    for (const port of [ports.submission, ports.plain, ports.exchanger]) await listens(port, postfix);
    return server;
  } catch (error) {
    const told = log();
    await server.close();
    throw new Error(`${error instanceof Error ? error.message : 'failed'}\n${told}`, { cause: error });
  }
}

function writeFiles(folder: string, ports: DovecotPorts & PostfixPorts): void {
  for (const name of ['dovecot/run', 'queue', 'queue-data', 'postfix', 'vmail'])
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  fs.chownSync(path.join(folder, 'vmail'), MAIL_ID, MAIL_ID);
  const postfixId = idOf('passwd', 'postfix');
  fs.chownSync(path.join(folder, 'queue-data'), postfixId, 0);
  for (const [name, mode, group] of QUEUES) {
    fs.mkdirSync(path.join(folder, 'queue', name));
    fs.chownSync(path.join(folder, 'queue', name), name === 'pid' ? 0 : postfixId, group ? idOf('group', group) : 0);
    fs.chmodSync(path.join(folder, 'queue', name), mode);
  }
  const key = ['-keyout', `${folder}/key.pem`, '-out', `${folder}/cert.pem`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  execFileSync(OPENSSL, ['req', '-x509', ...kind, '-subj', '/CN=mail.herald.test', ...key], { stdio: 'ignore' });
  const write = (name: string, text: string) => {
    fs.writeFileSync(path.join(folder, name), text);
    // Postfix waits for seconds when a file is as new as if somebody still wrote it.
    fs.utimesSync(path.join(folder, name), new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  };
  write('dovecot/dovecot.conf', makeDovecotConfig(folder, ports));
  write('postfix/main.cf', makeMainConfig(folder, ports));
  write('postfix/master.cf', makeMasterConfig(ports));
  write('postfix/mailboxes', MAILBOXES);
  write('postfix/senders', SENDERS);
  for (const name of ['postfix-files', 'dynamicmaps.cf']) {
    const from = ['/etc/postfix', '/usr/share/postfix']
      .map((one) => path.join(one, name))
      .find((one) => fs.existsSync(one));
    if (from) fs.copyFileSync(from, path.join(folder, 'postfix', name));
  }
}

function idOf(file: 'passwd' | 'group', name: string): number {
  const line = fs
    .readFileSync(`/etc/${file}`, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  return Number(line?.split(':')[2]);
}

function startDovecot(folder: string): ChildProcess {
  return run(folder, DOVECOT, ['-F', '-c', `${folder}/dovecot/dovecot.conf`]);
}

/** Output goes to a file: daemons keep what they inherit, and whoever reads a pipe would wait for them. */
function run(folder: string, command: string, args: readonly string[]): ChildProcess {
  const output = fs.openSync(path.join(folder, 'output.log'), 'a');
  try {
    // A group of its own: postfix's master ends its group, which must not be ours.
    const child = spawn(command, [...args], { stdio: ['ignore', output, output], cwd: folder, detached: true });
    child.on('error', () => undefined);
    return child;
  } finally {
    fs.closeSync(output);
  }
}

/** Ends the process with all that it started: its group is its own. */
async function end(child: ChildProcess, patienceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  if (patienceMs > 0) {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(patienceMs)]);
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
  await ended;
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  const until = performance.now() + START_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`the mail server ended with code ${child.exitCode}`);
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (isThere) return;
    await sleep(20);
  }
  throw new Error(`nothing listens on port ${port}`);
}

async function findPorts(): Promise<DovecotPorts & PostfixPorts> {
  const names = ['imap', 'imaps', 'lmtp', 'sasl', 'submission', 'plain', 'exchanger'] as const;
  const servers = await Promise.all(
    names.map(async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const [imap = 0, imaps = 0, lmtp = 0, sasl = 0, submission = 0, plain = 0, exchanger = 0] = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { imap, imaps, lmtp, sasl, submission, plain, exchanger };
}

/** Files of a maildir begin with the time of their delivery; dovecot's own names are in order within a second too. */
function readMaildir(folder: string): readonly Buffer[] {
  const files = ['new', 'cur'].flatMap((part) => {
    const inner = path.join(folder, part);
    return fs.existsSync(inner) ? fs.readdirSync(inner).map((name) => ({ name, file: path.join(inner, name) })) : [];
  });
  const orderOf = (name: string) => {
    const match = /^(\d+)\.M(\d+)P/.exec(name);
    return Number(match?.[1] ?? 0) * 1e6 + Number(match?.[2] ?? 0);
  };
  return files.toSorted((a, b) => orderOf(a.name) - orderOf(b.name)).map(({ file }) => fs.readFileSync(file));
}

async function untilDelivered(queue: string): Promise<void> {
  const until = performance.now() + START_MS;
  const isEmpty = () =>
    ['maildrop', 'incoming', 'active', 'deferred'].every((name) => {
      const folder = path.join(queue, name);
      if (!fs.existsSync(folder)) return true;
      const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
      return entries.every((entry) => !entry.isFile());
    });
  while (performance.now() < until) {
    // A file moves from one queue to the next between two looks.
    if (isEmpty() && isEmpty()) return;
    await sleep(10);
  }
  throw new Error('postfix did not deliver all that it had');
}
