// What Herald stands on: Node, the home folder, its files' modes, free space, the port.
import { access, constants, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { formatBytes } from '../output.ts';
import { describeRuntimeProblem } from '../runtime.ts';
import { fail, ok, warn, type Check, type Examination, type Finding } from './finding.ts';

/** Below this a backup or a long log may not fit; below the second, commits are about to fail. */
const LOW_BYTES = 1024 ** 3;
const OUT_BYTES = 100 * 1024 ** 2;

export const checkNode: Check = async () => {
  const problem = describeRuntimeProblem(process.versions);
  if (problem !== undefined) return [fail('node', problem, 'Install Node 24 or newer.')];
  return [ok('node', `Node ${process.versions.node}`)];
};

export const checkHome: Check = async ({ context }) => {
  const { home } = context;
  const info = await stat(home).catch(() => undefined);
  if (!info) return [warn('home', `${home} does not exist yet`, '`herald start` makes it.')];
  if (!info.isDirectory())
    return [fail('home', `${home} is not a folder`, 'Move it away, or set HERALD_HOME to another folder.')];
  const writable = await access(home, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable) return [fail('home', `${home} cannot be written`, `Make it yours: chown -R "$USER" ${home}`)];
  const findings = await Promise.all([
    checkMode('home', home, { wrong: 0o022, chmod: '700', level: 'fail', what: 'others can change it' }),
    checkMode('home', home, { wrong: 0o055, chmod: '700', level: 'warn', what: 'others can look into it' }),
    checkMode('database', path.join(home, 'herald.db'), {
      wrong: 0o077,
      chmod: '600',
      level: 'warn',
      what: 'others can read conversations',
    }),
  ]);
  const wrong = findings.filter((finding) => finding !== undefined);
  return wrong.length > 0 ? wrong.slice(0, 3) : [ok('home', `${home} is yours alone`)];
};

/** After the configuration was read, which makes the file private by itself where it can. */
export const checkSecretsFile: Check = async ({ context }) => {
  const file = path.join(context.home, '.env');
  const rule = { wrong: 0o077, chmod: '600', level: 'fail', what: 'others can read the keys in it' } as const;
  const finding = await checkMode('secrets', file, rule);
  if (finding) return [finding];
  return (await stat(file).catch(() => undefined)) ? [ok('secrets', `${file} is yours alone`)] : [];
};

interface ModeRule {
  /** Permission bits that must not be set. */
  wrong: number;
  chmod: string;
  level: 'warn' | 'fail';
  what: string;
}

async function checkMode(check: string, file: string, rule: ModeRule): Promise<Finding | undefined> {
  // Windows has no such bits.
  if (process.platform === 'win32') return undefined;
  const info = await stat(file).catch(() => undefined);
  if (!info || (info.mode & rule.wrong) === 0) return undefined;
  const mode = (info.mode & 0o777).toString(8).padStart(4, '0');
  const make = rule.level === 'fail' ? fail : warn;
  return make(check, `${file} has mode ${mode}: ${rule.what}`, `chmod ${rule.chmod} ${file}`);
}

export const checkSpace: Check = async ({ context }) => {
  const info = await statfs(context.home).catch(() => statfs(path.dirname(context.home)).catch(() => undefined));
  if (!info) return [];
  const free = info.bavail * info.bsize;
  const message = `${formatBytes(free)} free for ${context.home}`;
  if (free < OUT_BYTES)
    return [fail('disk', message, 'Free some space: without it nothing can be stored, and messages are not taken.')];
  if (free < LOW_BYTES) return [warn('disk', message, 'Free some space soon; old files of backups/ and logs/ may go.')];
  return [ok('disk', message)];
};

export const checkPort: Check = async ({ context, loaded, status }) => {
  if (status?.url !== undefined) return [await checkHealth(status.url, context.fetch)];
  if (!loaded) return [];
  const { host, port } = loaded.config.gateway;
  if (port === 0) return [ok('port', 'any free port is taken')];
  const problem = await tryPort(host, port);
  if (problem === undefined) return [ok('port', `${host}:${port} is free`)];
  if (problem === 'EADDRINUSE')
    return [
      fail(
        'port',
        `${host}:${port} is taken by another program`,
        `Stop that program, or: herald config set gateway.port ${port === 65_535 ? 7420 : port + 1}`,
      ),
    ];
  return [
    fail(
      'port',
      `${host}:${port} cannot be listened on (${problem})`,
      'Correct gateway.host and gateway.port: herald config get gateway',
    ),
  ];
};

async function checkHealth(url: string, get: Examination['context']['fetch']): Promise<Finding> {
  const answer = await get(`${url}/health`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  if (answer?.ok) return ok('port', `${url} answers`);
  return fail(
    'port',
    `${url} does not answer, although the gateway runs`,
    'Look into `herald logs --level warn`, then `herald restart`.',
  );
}

/** The error code that listening there meets; undefined when it works. */
function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}
