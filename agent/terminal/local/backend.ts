// Commands on the machine that Herald runs on: in a sandbox where the system has one, else plainly without.
import fs from 'node:fs';
import path from 'node:path';
import { ensureDir, fileError } from '../../../data/files.ts';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import {
  expectMachineKey,
  type Backend,
  type ExecRequest,
  type ExecResult,
  type Isolation,
  type Machine,
  type MachineLimits,
  type MachineRequest,
} from '../machine.ts';
import { scriptWith } from '../quote.ts';
import { END_JOBS } from '../scripts/job.ts';
import { getByExec, putByExec } from '../transfer.ts';
import { bubblewrapArgs, isWithin, SANDBOX_HOME } from './bubblewrap.ts';
import { probeSandbox, type Sandbox } from './probe.ts';
import { seatbeltProfile } from './seatbelt.ts';
import { spawnExec, type SpawnPlan } from './spawn.ts';
import { watchFolder } from './watch.ts';

export interface LocalOptions {
  clock: Clock;
  /** Folder for what belongs to machines; made when needed. */
  root: string;
  /** Home folder of the account that Herald runs as: of commands without a sandbox, hidden from those in one. */
  home: string;
  /** What commands in a sandbox must not see besides: Herald's data. */
  hidden: readonly string[];
  /** `auto` (default): where it works. `require`: nothing runs without. `off`: never. */
  sandbox?: 'auto' | 'require' | 'off';
  /** Where programs are looked for. Default: the system's folders. */
  path?: string;
  platform?: NodeJS.Platform;
  /** What probeSandbox has found there; without it, it is asked. */
  probed?: Sandbox | undefined;
}

/** Where programs are looked for, whatever the environment says. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const CLEANING_MS = 60_000;
/** As systems do with theirs. $2: folder for temporary files. */
const CLEAR_OLD = 'find "$2" -mindepth 1 -maxdepth 1 -mtime +10 -exec rm -rf {} + 2>/dev/null; exit 0';
const CLEAR_ALL = 'find "$1" "$2" "$3" -mindepth 1 -delete 2>/dev/null; exit 0';
const OFF: Sandbox = {
  kind: 'none',
  detail:
    'Commands run WITHOUT a sandbox, as configured: they can read and change what your account can, and reach the network.',
};
const OPEN: Isolation = { files: false, network: 'always' };
const CLOSED: Isolation = { files: true, network: 'per-call' };

/** Finds out which sandbox works, then stays with it. Never rejects: without a sandbox, `check` says so. */
export async function openLocalBackend(options: LocalOptions): Promise<Backend> {
  const search = options.path ?? SYSTEM_PATH;
  const sandbox =
    options.sandbox === 'off'
      ? OFF
      : (options.probed ?? (await probeSandbox({ platform: options.platform ?? process.platform, path: search })));
  const isAllowed = sandbox.kind !== 'none' || options.sandbox !== 'require';
  return {
    id: 'local',
    isolation: sandbox.kind === 'none' ? OPEN : CLOSED,
    check: () => Promise.resolve({ ok: isAllowed, detail: describe(sandbox, isAllowed) }),
    async open(request) {
      if (!isAllowed) throw new AppError('tool_unavailable', `${sandbox.detail} The configuration asks for a sandbox.`);
      return openMachine({ ...options, path: search }, sandbox, request);
    },
  };
}

function describe(sandbox: Sandbox, isAllowed: boolean): string {
  const limits =
    process.getuid?.() === 0 && sandbox.kind !== 'seatbelt'
      ? ' Herald runs as root, whose number of processes the system does not limit.'
      : '';
  return isAllowed
    ? sandbox.detail + limits
    : `${sandbox.detail} Nothing is run: the configuration asks for a sandbox.`;
}

interface Local {
  options: LocalOptions & { path: string };
  sandbox: Sandbox;
  workspace: string;
  stateDir: string;
  tmp: string;
  home: string;
  hidden: readonly string[];
  limits: string;
}

async function openMachine(
  options: LocalOptions & { path: string },
  sandbox: Sandbox,
  request: MachineRequest,
): Promise<Machine> {
  expectMachineKey(request.key);
  const base = path.join(options.root, request.key);
  // tmp and home lie beside the state folder: a command could put a link in the place of a folder inside it.
  const folders = { stateDir: path.join(base, 'state'), tmp: path.join(base, 'tmp'), home: path.join(base, 'home') };
  for (const folder of [request.workspace, ...Object.values(folders)]) ensureDir(folder);
  const local: Local = {
    options,
    sandbox,
    workspace: realPath(request.workspace),
    stateDir: realPath(folders.stateDir),
    tmp: realPath(folders.tmp),
    home: realPath(folders.home),
    hidden: [options.home, ...options.hidden].filter((folder) => fs.existsSync(folder)).map(realPath),
    limits: limitScript(request.limits),
  };
  refuseOpenWorkspace(local);
  const exec = (work: ExecRequest) => execLocal(local, work);
  return {
    backend: 'local',
    isolation: sandbox.kind === 'none' ? OPEN : CLOSED,
    workspace: local.workspace,
    stateDir: local.stateDir,
    endsWithExec: true,
    exec,
    put: (file, bytes, signal) => putByExec(exec, file, bytes, signal),
    get: (file, maxBytes, signal) => getByExec(exec, file, maxBytes, signal),
    watch: (folder, onChange) => watchFolder(folder, onChange, options.clock),
    hibernate: () => cleanUp(local, CLEAR_OLD),
    async destroy() {
      if (!fs.existsSync(local.stateDir)) return;
      await cleanUp(local, END_JOBS);
      await cleanUp(local, CLEAR_ALL);
      await fs.promises.rm(base, { recursive: true, force: true, maxRetries: 3 });
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A workspace that holds what commands must not see would undo the sandbox. An empty folder mounted in the place of the hidden one is not
 * enough: a command could rename the folders above it.
 */
function refuseOpenWorkspace({ sandbox, workspace, hidden }: Local): void {
  if (sandbox.kind === 'none') return;
  const shown = hidden.find((folder) => folder === workspace || isWithin(folder, workspace));
  if (shown !== undefined)
    throw new AppError(
      'config_invalid',
      `The workspace ${workspace} holds ${shown}, which commands must not see. Nothing was run; choose another folder.`,
    );
}

/**
 * Deletes in the sandbox, not from outside: what is deleted there belongs to commands, which could put a link in the place of a folder at
 * any moment.
 */
async function cleanUp(local: Local, body: string): Promise<void> {
  const folders = local.sandbox.kind === 'bubblewrap' ? ['/tmp', SANDBOX_HOME] : [local.tmp, local.home];
  const script = scriptWith(body, [local.stateDir, ...folders]);
  await withDeadline({ clock: local.options.clock, timeoutMs: CLEANING_MS }, (signal) =>
    execLocal(local, { script, signal }),
  );
}

async function execLocal(local: Local, request: ExecRequest): Promise<ExecResult> {
  // It may have been deleted by a command.
  ensureDir(local.workspace);
  const script = `exec 2>&1\n${request.script}`;
  return spawnExec(planOf(local, request, ['/bin/sh', '-c', script]), request, local.options.clock);
}

function planOf(local: Local, request: ExecRequest, command: readonly string[]): SpawnPlan {
  const { sandbox, options, workspace: cwd } = local;
  const env = {
    PATH: options.path,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    USER: 'herald',
    LOGNAME: 'herald',
    HERALD_LIMITS: local.limits,
  };
  const lasting = request.lasting === true;
  const network = request.network === true;
  switch (sandbox.kind) {
    case 'bubblewrap': {
      const { canForbidNamespaces } = sandbox;
      const args = bubblewrapArgs({ ...local, network, endsWithUs: !lasting, canForbidNamespaces });
      return {
        program: 'bwrap',
        args: [...args, ...command],
        env: { ...env, HOME: SANDBOX_HOME, HERALD_OWN_PIDS: 'yes' },
        cwd,
        // Everything inside ends with it.
        stopWith: 'SIGKILL',
      };
    }
    case 'seatbelt':
      return {
        program: 'sandbox-exec',
        args: ['-p', seatbeltProfile({ ...local, network }), ...command],
        env: { ...env, HOME: local.home, TMPDIR: local.tmp },
        cwd,
        stopWith: 'SIGTERM',
      };
    case 'none': {
      const open = { ...env, HOME: options.home };
      const plan = { program: command[0] ?? '/bin/sh', args: command.slice(1), env: open, cwd };
      if (lasting || !hasParentDeath(options.path)) return { ...plan, stopWith: 'SIGTERM' };
      // The kernel tells the script when Herald dies, however it dies.
      return { ...plan, program: 'setpriv', args: ['--pdeathsig', 'TERM', ...command], stopWith: 'SIGTERM' };
    }
  }
}

function hasParentDeath(search: string): boolean {
  return search.split(':').some((folder) => fs.existsSync(path.join(folder, 'setpriv')));
}

/** Per process, but for the number of processes, which is the sandbox's own count. Words of bash and of sh differ for that one. */
function limitScript({ processes, memoryMb, diskMb }: MachineLimits): string {
  return [
    ...(processes === undefined ? [] : [`ulimit -u ${Math.ceil(processes)} || ulimit -p ${Math.ceil(processes)}`]),
    ...(memoryMb === undefined ? [] : [`ulimit -d ${Math.ceil(memoryMb * 1024)}`]),
    ...(diskMb === undefined ? [] : [`ulimit -f ${Math.ceil(diskMb * 1024)}`]),
    'ulimit -c 0',
  ].join('\n');
}

function realPath(folder: string): string {
  try {
    return fs.realpathSync(folder);
  } catch (error) {
    throw fileError(error, folder);
  }
}
