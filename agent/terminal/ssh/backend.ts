// A machine of one's own, reached by the OpenSSH client: commands run there as the user that Herald logs in as, kept apart from nothing.
// One connection is shared by all calls; when it broke, the next call makes a new one.
import { userInfo } from 'node:os';
import { posix } from 'node:path';
import { AppError, asAppError } from '../../../shared/errors.ts';
import { expectMachineKey, type Backend, type Isolation, type Machine, type MachineRequest } from '../machine.ts';
import { runClient, type ClientProgram } from '../remote/client.ts';
import { complaint } from '../output.ts';
import { quoteShell, scriptWith } from '../quote.ts';
import { END_JOBS } from '../scripts/job.ts';
import { MARK_VARIABLE, packScript } from '../remote/script.ts';
import { scriptOperations, type ScriptHost } from '../remote/script-machine.ts';
import { explainSsh } from './errors.ts';
import type { SshSettings } from './settings.ts';
import { makeSocketFolder, type SocketFolder } from './sockets.ts';

const ISOLATION: Isolation = { files: false, network: 'always' };

export interface SshOptions {
  settings: SshSettings;
  /** The ssh client. Default "ssh". */
  program?: string | undefined;
}

interface Connection {
  host: string;
  client: ClientProgram;
  /** Arguments up to the host, without a command. */
  args(): readonly string[];
  sockets: SocketFolder;
}

/** `settings.host` must be set. */
export function makeSshBackend({ settings, program = 'ssh' }: SshOptions): Backend {
  const { host } = settings;
  if (host === undefined)
    throw new AppError('config_invalid', 'The terminal backend ssh needs a machine: set terminal.ssh.host.');
  const sockets = makeSocketFolder();
  const connection: Connection = {
    host,
    client: { program, env: clientEnvironment(settings) },
    args: () => sshArgs(settings, host, sockets),
    sockets,
  };
  // The connection is shared, so it ends with the last machine.
  const open = new Set<symbol>();
  return {
    id: 'ssh',
    isolation: ISOLATION,
    async check(signal) {
      try {
        await runThere(connection, 'true', signal);
        return {
          ok: true,
          detail: `${host} answers. Commands there are kept apart from nothing else on that machine.`,
        };
      } catch (error) {
        return { ok: false, detail: asAppError(error).publicMessage };
      } finally {
        if (open.size === 0) await disconnect(connection);
      }
    },
    async open(request) {
      const folders = await makeFolders(connection, settings.folder, request);
      const id = Symbol(request.key);
      open.add(id);
      return sshMachine(connection, request.key, folders, async () => {
        if (open.delete(id) && open.size === 0) await disconnect(connection);
      });
    },
  };
}

function sshMachine(
  connection: Connection,
  key: string,
  { workspace, stateDir }: { workspace: string; stateDir: string },
  close: () => Promise<void>,
): Machine {
  const mark = `ssh-${key}`;
  const host: ScriptHost = {
    backend: 'ssh',
    isolation: ISOLATION,
    workspace,
    stateDir,
    mark,
    run: ({ boot, payload, onStdout, signal }) =>
      runClient(connection.client, {
        args: [...connection.args(), `exec sh -c '${boot}'`],
        stdin: payload,
        onStdout,
        signal,
      }),
    explain: ({ code, stderr }) => Promise.resolve(explainSsh(connection.host, code, stderr)),
  };
  let destroyed = false;
  return {
    ...scriptOperations(host),
    async destroy() {
      // The machine itself and the files of the workspace belong to the person; Herald takes away what it brought.
      if (!destroyed) await runThere(connection, endScript(mark, stateDir), new AbortController().signal);
      destroyed = true;
      await close();
    },
    close,
  };
}

/** Ends jobs as their own notes say, then all that carries the mark (/proc exists on Linux only), then takes the notes away. */
function endScript(mark: string, stateDir: string): string {
  return [
    `( ${scriptWith(END_JOBS, [stateDir])} )`,
    'for p in /proc/[0-9]*; do',
    `  if tr '\\000' '\\n' 2>/dev/null < "$p/environ" | grep -qx ${MARK_VARIABLE}=${mark}; then kill -9 "\${p#/proc/}" 2>/dev/null; fi`,
    'done 2>/dev/null',
    `rm -rf -- ${quoteShell(stateDir)}`,
  ].join('\n');
}

async function makeFolders(connection: Connection, folder: string, { key, signal }: MachineRequest) {
  expectMachineKey(key);
  const base = quoteShell(folder);
  const output = await runThere(
    connection,
    `umask 077; cd && mkdir -p -- ${base} && cd -- ${base} && mkdir -p ${key} .state/${key} && pwd -P`,
    signal,
  );
  const root = output.trimEnd();
  return { workspace: posix.join(root, key), stateDir: posix.join(root, '.state', key) };
}

/** Output of a script of our own that must succeed. */
async function runThere(connection: Connection, script: string, signal: AbortSignal): Promise<string> {
  const packed = packScript(script, undefined);
  const output: Uint8Array[] = [];
  const result = await runClient(connection.client, {
    args: [...connection.args(), `exec sh -c '${packed.boot}'`],
    stdin: packed.payload,
    onStdout: packed.output((chunk) => output.push(chunk)),
    signal,
  });
  const text = Buffer.concat(output).toString('utf8');
  const code = packed.exitCode(result.stderr);
  if (code === 0) return text;
  const failed = code === undefined ? explainSsh(connection.host, result.code, result.stderr) : undefined;
  throw (
    failed ??
    new AppError('terminal_unreachable', `${connection.host} cannot be used: ${complaint(text)}.`, {
      cause: new Error(result.stderr),
    })
  );
}

/** Ends the shared connection, if there is one. What runs there goes on. */
async function disconnect(connection: Connection): Promise<void> {
  const args = connection.args();
  await runClient(connection.client, {
    args: ['-O', 'exit', ...args],
    signal: new AbortController().signal,
  }).catch(() => undefined);
  connection.sockets.remove();
}

/** Source of the options: ssh(1) and ssh_config(5) of OpenSSH 9.2. */
function sshArgs(settings: SshSettings, host: string, sockets: SocketFolder): readonly string[] {
  const option = (name: string, value: string | number) => ['-o', `${name}=${value}`];
  const keepsOpen = settings.keep_connection_seconds > 0;
  return [
    ...(settings.use_config ? [] : ['-F', 'none']),
    '-T',
    '-x',
    '-a',
    ...option('BatchMode', 'yes'),
    ...option('LogLevel', 'ERROR'),
    ...option('StrictHostKeyChecking', settings.host_key === 'accept-new' ? 'accept-new' : 'yes'),
    ...option('UpdateHostKeys', 'no'),
    ...option('ClearAllForwardings', 'yes'),
    ...option('PermitLocalCommand', 'no'),
    ...option('ConnectTimeout', settings.connect_timeout_seconds),
    ...option('ConnectionAttempts', 1),
    ...option('ServerAliveInterval', 15),
    ...option('ServerAliveCountMax', 3),
    ...(keepsOpen
      ? [
          ...option('ControlMaster', 'auto'),
          ...option('ControlPath', sockets.controlPath()),
          ...option('ControlPersist', settings.keep_connection_seconds),
        ]
      : option('ControlPath', 'none')),
    ...(settings.known_hosts === undefined
      ? []
      : [...option('UserKnownHostsFile', quotedPath(settings.known_hosts)), ...option('GlobalKnownHostsFile', 'none')]),
    ...(settings.identity_file === undefined ? [] : [...option('IdentitiesOnly', 'yes'), '-i', settings.identity_file]),
    ...(settings.port === undefined ? [] : ['-p', String(settings.port)]),
    ...(settings.user === undefined ? [] : ['-l', settings.user]),
    '--',
    host,
  ];
}

/** Several files may stand there, with blanks between them. */
function quotedPath(file: string): string {
  return `"${file.replaceAll('"', '')}"`;
}

function clientEnvironment(settings: SshSettings): Record<string, string> {
  return {
    // A jump host or proxy of the configuration may ask for it; ssh itself takes the home folder from the user database.
    ...(settings.use_config ? { HOME: userInfo().homedir } : {}),
    ...(settings.agent_socket === undefined ? {} : { SSH_AUTH_SOCK: settings.agent_socket }),
  };
}
