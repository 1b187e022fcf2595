// Containers of Apptainer or Singularity, through their command line programs: one instance per key, which sees the workspace, a folder
// for Herald's notes, and its image. Options are those of apptainer 1.x; source: https://apptainer.org/docs/user/latest/, read 2026-11-21.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, writeFileAtomic } from '../../../data/files.ts';
import { sha256Hex } from '../../../shared/digest.ts';
import { AppError, asAppError } from '../../../shared/errors.ts';
import { expectMachineKey, type Backend, type Isolation, type Machine, type MachineRequest } from '../machine.ts';
import { runClient, type ClientProgram, type ClientResult } from '../remote/client.ts';
import { complaint } from '../output.ts';
import { scriptOperations, type ScriptHost } from '../remote/script-machine.ts';
import type { ApptainerSettings } from './settings.ts';

const WORKSPACE = '/workspace';
const STATE_DIR = '/var/lib/herald';

export interface ApptainerOptions {
  settings: ApptainerSettings;
  /** Folder of this machine for notes and what is kept beside the workspaces. */
  folder: string;
  /** Tells this Herald's instances from those of another one of the same user. [a-z0-9]{1,16}. */
  instance: string;
  /** Program to run in place of `settings.program`; a path. */
  program?: string | undefined;
  /** Paths inside. Default /workspace and /var/lib/herald. */
  workspace?: string | undefined;
  stateDir?: string | undefined;
}

interface Engine extends ApptainerOptions {
  client: ClientProgram;
  isolation: Isolation;
  workspace: string;
  stateDir: string;
}

/** One instance that runs or will run. */
interface Plan {
  name: string;
  key: string;
  folder: string;
  startArguments: readonly string[];
  spec: string;
}

export function makeApptainerBackend(options: ApptainerOptions): Backend {
  const { settings } = options;
  const engine: Engine = {
    ...options,
    client: { program: options.program ?? settings.program, env: clientEnvironment(settings) },
    isolation: { files: true, network: settings.network ? 'always' : 'never' },
    workspace: options.workspace ?? WORKSPACE,
    stateDir: options.stateDir ?? STATE_DIR,
  };
  return {
    id: 'apptainer',
    isolation: engine.isolation,
    async check(signal) {
      try {
        const { code, stdout, stderr } = await call(engine, ['--version'], signal);
        if (code !== 0) throw explain(engine, 'cannot be used', stderr);
        const network = settings.network ? 'with network' : 'without network';
        return { ok: true, detail: `${stdout.trim()}: each person has an instance of ${settings.image}, ${network}.` };
      } catch (error) {
        return { ok: false, detail: asAppError(error).publicMessage };
      }
    },
    async open(request) {
      const plan = makePlan(engine, request);
      await ensureRunning(engine, plan, request.signal);
      return apptainerMachine(engine, plan);
    },
  };
}

function makePlan(engine: Engine, request: MachineRequest): Plan {
  expectMachineKey(request.key);
  const name = `herald-${engine.instance}-${request.key}`;
  const folder = path.join(engine.folder, request.key);
  const { settings } = engine;
  const { limits } = request;
  const options = [
    // Nothing of this machine, neither files nor environment; what root could do is dropped too.
    '--containall',
    '--no-home',
    '--cleanenv',
    '--no-eval',
    '--no-privs',
    '--bind',
    `${bindable(request.workspace)}:${engine.workspace}`,
    '--bind',
    `${bindable(path.join(folder, 'state'))}:${engine.stateDir}`,
    '--pwd',
    engine.workspace,
    ...(settings.network ? [] : ['--net', '--network', 'none']),
    ...(settings.system_files === 'kept' ? ['--overlay', bindable(path.join(folder, 'overlay'))] : []),
    ...(settings.system_files === 'forgotten' ? ['--writable-tmpfs'] : []),
    ...(settings.limits
      ? [
          ...(limits.cpus === undefined ? [] : ['--cpus', String(limits.cpus)]),
          ...(limits.memoryMb === undefined ? [] : ['--memory', `${limits.memoryMb}m`]),
          '--pids-limit',
          String(limits.processes ?? 256),
        ]
      : []),
    settings.image,
  ];
  ensureDir(request.workspace);
  ensureDir(path.join(folder, 'state'));
  if (settings.system_files === 'kept') ensureDir(path.join(folder, 'overlay'));
  return {
    name,
    key: request.key,
    folder,
    startArguments: ['instance', 'start', ...options, name],
    spec: sha256Hex(JSON.stringify(options)),
  };
}

const instanceList = z.looseObject({ instances: z.array(z.looseObject({ instance: z.string() })).nullable() });

async function isRunning(engine: Engine, plan: Plan, signal: AbortSignal): Promise<boolean> {
  const { code, stdout, stderr } = await call(engine, ['instance', 'list', '--json', plan.name], signal);
  if (code !== 0) throw explain(engine, 'could not be looked for', stderr);
  return instanceList.parse(JSON.parse(stdout)).instances?.some(({ instance }) => instance === plan.name) ?? false;
}

async function ensureRunning(engine: Engine, plan: Plan, signal: AbortSignal): Promise<void> {
  const specFile = path.join(plan.folder, 'spec');
  if (await isRunning(engine, plan, signal)) {
    if (existsSync(specFile) && readFileSync(specFile, 'utf8') === plan.spec) return;
    // Started with other settings: what it may do would not be what they say today.
    await stop(engine, plan, signal);
  }
  const started = await call(engine, plan.startArguments, signal);
  if (started.code !== 0 && !/already exists/i.test(started.stderr))
    throw explain(engine, 'could not be started', started.stderr);
  writeFileAtomic(specFile, plan.spec);
}

async function stop(engine: Engine, plan: Plan, signal: AbortSignal): Promise<void> {
  const stopped = await call(engine, ['instance', 'stop', plan.name], signal);
  if (stopped.code !== 0 && !isMissing(stopped.stderr)) throw explain(engine, 'could not be stopped', stopped.stderr);
}

function apptainerMachine(engine: Engine, plan: Plan): Machine {
  let destroyed = false;
  const host: ScriptHost = {
    backend: 'apptainer',
    isolation: engine.isolation,
    workspace: engine.workspace,
    stateDir: engine.stateDir,
    mark: `apptainer-${plan.key}`,
    run: ({ boot, payload, onStdout, signal }) =>
      runClient(engine.client, {
        args: [
          'exec',
          '--cleanenv',
          '--no-eval',
          '--pwd',
          engine.workspace,
          `instance://${plan.name}`,
          'sh',
          '-c',
          boot,
        ],
        stdin: payload,
        onStdout,
        signal,
      }),
    async explain({ stderr }, signal) {
      if (isMissing(stderr)) {
        if (destroyed) return goneError(stderr);
        // This machine was started anew, or somebody ended the instance; files of the workspace are there.
        await ensureRunning(engine, plan, signal);
        return 'again';
      }
      if (/FATAL/.test(stderr)) return explain(engine, 'failed', stderr);
      if (await isRunning(engine, plan, signal)) return undefined;
      return new AppError(
        'terminal_unreachable',
        'The container ended while the command ran, and the command with it. Files of the workspace are kept. The next command starts the container again.',
        { retryable: true, cause: new Error(stderr) },
      );
    },
  };
  return {
    ...scriptOperations(host),
    async destroy() {
      if (destroyed) return;
      destroyed = true;
      await stop(engine, plan, new AbortController().signal);
      // The workspace is a folder of this machine, with the person's files: it stays.
      rmSync(plan.folder, { recursive: true, force: true });
    },
    close: () => Promise.resolve(),
  };
}

/** In the words of apptainer for exec and for stop. */
function isMissing(stderr: string): boolean {
  return /no instance found/i.test(stderr);
}

function goneError(stderr: string): AppError {
  return new AppError(
    'terminal_gone',
    'The container was ended. The next command starts a new one; the files of the workspace are kept.',
    {
      cause: new Error(stderr),
    },
  );
}

function explain(engine: Engine, doing: string, stderr: string): AppError {
  const cause = new Error(stderr.trim());
  const reason = complaint(stderr.replaceAll(/^(FATAL|ERROR):\s*/gm, ''));
  if (
    /could not open image|manifest unknown|unauthorized|no such file or directory.*image|conveyor failed/i.test(stderr)
  )
    return new AppError(
      'tool_unavailable',
      `The image cannot be had: ${reason}. Nothing was run. Check terminal.apptainer.image.`,
      { cause },
    );
  return new AppError('terminal_unreachable', `The container of ${engine.settings.program} ${doing}: ${reason}.`, {
    retryable: true,
    cause,
  });
}

/** In --bind, colons and commas have a meaning, and there is no way to quote them. */
function bindable(file: string): string {
  if (/[:,]/.test(file))
    throw new AppError(
      'config_invalid',
      `The folder ${file} cannot be shown to a container: its name has a colon or comma.`,
    );
  return file;
}

function call(engine: Engine, args: readonly string[], signal: AbortSignal): Promise<ClientResult> {
  return runClient(engine.client, { args, signal });
}

function clientEnvironment(settings: ApptainerSettings): Record<string, string> {
  const { homedir, uid } = userInfo();
  const runtime = `/run/user/${uid}`;
  return {
    // Where it keeps its notes of instances, and images that it fetched.
    HOME: homedir,
    ...(settings.limits && uid > 0
      ? { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus` }
      : {}),
  };
}
