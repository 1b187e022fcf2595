// Sandboxes of Daytona, through its own software kit: one per key, found again by its name. Daytona stops a sandbox that nobody uses, and
// so does Herald before; its files stay, and the next command starts it.
import type { Daytona, Sandbox } from '@daytonaio/sdk';
import { AppError, asAppError } from '../../../shared/errors.ts';
import { untilAborted } from '../../abort.ts';
import {
  expectMachineKey,
  type Backend,
  type Isolation,
  type Machine,
  type MachineLimits,
  type MachineRequest,
} from '../machine.ts';
import { scriptOperations, type ScriptHost, type ShellResult, type ShellRun } from '../remote/script-machine.ts';
import { packScript } from '../remote/script.ts';
import { explainDaytona, statusOf } from './errors.ts';
import { importDaytona, openDaytona, type DaytonaKit } from './sdk.ts';
import { startSession } from './session.ts';
import type { DaytonaSettings } from './settings.ts';

export interface DaytonaOptions {
  settings: DaytonaSettings;
  /** Of the variable that `settings.api_key_env` names. */
  apiKey: string | undefined;
  /** Tells this Herald's sandboxes from those of another one of the same organization. [a-z0-9]{1,16}. */
  instance: string;
  /** Default: the installed package. */
  load?: (() => Promise<DaytonaKit>) | undefined;
}

interface Cloud extends DaytonaOptions {
  isolation: Isolation;
  open(): Promise<Daytona>;
}

export function makeDaytonaBackend(options: DaytonaOptions): Backend {
  let client: Promise<Daytona> | undefined;
  const { settings, apiKey } = options;
  const cloud: Cloud = {
    ...options,
    isolation: { files: true, network: settings.network ? 'always' : 'never' },
    async open() {
      if (apiKey === undefined)
        throw new AppError(
          'tool_unavailable',
          `The terminal backend daytona needs an API key: set ${settings.api_key_env} in .env.`,
        );
      const access = { apiKey, apiUrl: settings.api_url, target: settings.target };
      client ??= openDaytona(access, options.load ?? importDaytona);
      try {
        return await client;
      } catch (error) {
        client = undefined;
        throw error;
      }
    },
  };
  return {
    id: 'daytona',
    isolation: cloud.isolation,
    async check(signal) {
      try {
        await untilAborted(askOnce(cloud), signal);
        return {
          ok: true,
          detail: 'Daytona answers: each person has a sandbox there, which sleeps while nobody uses it.',
        };
      } catch (error) {
        return { ok: false, detail: asAppError(explainDaytona('service cannot be used', error)).publicMessage };
      }
    },
    open: (request) => untilAborted(openSandbox(cloud, request), request.signal),
  };
}

async function askOnce(cloud: Cloud): Promise<void> {
  const daytona = await cloud.open();
  for await (const _ of daytona.list({ limit: 1 })) break;
}

async function openSandbox(cloud: Cloud, request: MachineRequest): Promise<Machine> {
  expectMachineKey(request.key);
  const daytona = await cloud.open();
  const sandbox = await findOrMake(cloud, daytona, request);
  const home = await homeOf(cloud, sandbox, request.signal);
  return sandboxMachine(cloud, sandbox, { key: request.key, home });
}

async function findOrMake(cloud: Cloud, daytona: Daytona, request: MachineRequest): Promise<Sandbox> {
  const name = `herald-${cloud.instance}-${request.key}`;
  try {
    const found = await daytona.get(name);
    if (found.state !== 'destroyed' && found.state !== 'destroying') {
      await wake(cloud, found);
      return found;
    }
  } catch (error) {
    if (statusOf(error) !== 404) throw explainDaytona('could not be looked for', error);
  }
  try {
    return await make(cloud, daytona, name, request);
  } catch (error) {
    // Somebody else was faster.
    if (statusOf(error) === 409) return daytona.get(name);
    throw explainDaytona('could not be made', error);
  }
}

function make(cloud: Cloud, daytona: Daytona, name: string, { key, limits }: MachineRequest): Promise<Sandbox> {
  const { settings, instance } = cloud;
  const params = {
    name,
    labels: { 'herald.key': key, 'herald.instance': instance },
    autoStopInterval: settings.auto_stop_minutes,
    autoArchiveInterval: settings.auto_archive_minutes,
    autoDeleteInterval: -1,
    networkBlockAll: !settings.network,
  };
  const timeout = { timeout: settings.start_timeout_seconds };
  if (settings.image !== undefined)
    return daytona.create({ ...params, image: settings.image, resources: resources(limits) }, timeout);
  return daytona.create(settings.snapshot === undefined ? params : { ...params, snapshot: settings.snapshot }, timeout);
}

/** In whole processors and GiB. */
function resources({ cpus, memoryMb, diskMb }: MachineLimits): { cpu?: number; memory?: number; disk?: number } {
  return {
    ...(cpus === undefined ? {} : { cpu: Math.max(1, Math.ceil(cpus)) }),
    ...(memoryMb === undefined ? {} : { memory: Math.max(1, Math.ceil(memoryMb / 1024)) }),
    ...(diskMb === undefined ? {} : { disk: Math.max(1, Math.ceil(diskMb / 1024)) }),
  };
}

async function wake(cloud: Cloud, sandbox: Sandbox): Promise<void> {
  const timeout = cloud.settings.start_timeout_seconds;
  try {
    if (sandbox.state === 'started') return;
    if (sandbox.state === 'starting' || sandbox.state === 'creating') return await sandbox.waitUntilStarted(timeout);
    if (sandbox.state === 'stopping') await sandbox.waitUntilStopped(timeout);
    await (sandbox.state === 'error' && sandbox.recoverable ? sandbox.recover(timeout) : sandbox.start(timeout));
  } catch (error) {
    throw explainDaytona('does not wake up', error);
  }
}

/** Runs once; a sandbox that sleeps or is gone is found out when a call fails, so that none is spent on asking before. */
async function runAwake(cloud: Cloud, sandbox: Sandbox, run: ShellRun): Promise<ShellResult> {
  const session = startSession(sandbox, run);
  try {
    return await untilAborted(session.finished, run.signal);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Nothing has begun: only starting a command fails this way.
    await refresh(sandbox);
    if (sandbox.state === 'started') throw explainDaytona('failed', error);
    await wake(cloud, sandbox);
    return await runOnce(sandbox, run);
  } finally {
    void session.end();
  }
}

async function runOnce(sandbox: Sandbox, run: ShellRun): Promise<ShellResult> {
  const session = startSession(sandbox, run);
  try {
    return await untilAborted(session.finished, run.signal);
  } catch (error) {
    throw explainDaytona('failed', error);
  } finally {
    void session.end();
  }
}

async function refresh(sandbox: Sandbox): Promise<void> {
  try {
    await sandbox.refreshData();
  } catch (error) {
    throw explainDaytona('cannot be reached', error);
  }
}

async function homeOf(cloud: Cloud, sandbox: Sandbox, signal: AbortSignal): Promise<string> {
  const packed = packScript('cd && mkdir -p workspace .herald && pwd -P', undefined);
  const output: Uint8Array[] = [];
  const onStdout = packed.output((chunk) => output.push(chunk));
  await runAwake(cloud, sandbox, { boot: packed.boot, payload: packed.payload, onStdout, network: true, signal });
  const home = Buffer.concat(output).toString('utf8').trimEnd();
  if (home.startsWith('/')) return home;
  throw new AppError(
    'terminal_unreachable',
    'The sandbox has no POSIX shell with the usual small programs. Choose another image.',
  );
}

function sandboxMachine(cloud: Cloud, sandbox: Sandbox, { key, home }: { key: string; home: string }): Machine {
  const host: ScriptHost = {
    backend: 'daytona',
    isolation: cloud.isolation,
    workspace: `${home}/workspace`,
    stateDir: `${home}/.herald`,
    mark: `daytona-${key}`,
    run: (run) => runAwake(cloud, sandbox, run),
    async explain({ stderr }) {
      await refresh(sandbox);
      if (sandbox.state === 'started') return undefined;
      return new AppError(
        'terminal_unreachable',
        'The sandbox was stopped while the command ran, and the command with it. Its files are kept. The next command starts it again.',
        { retryable: true, cause: new Error(stderr) },
      );
    },
  };
  return {
    ...scriptOperations(host),
    async hibernate() {
      try {
        await sandbox.stop(cloud.settings.start_timeout_seconds);
      } catch (error) {
        throw explainDaytona('could not be stopped', error);
      }
    },
    async destroy() {
      try {
        await sandbox.delete(cloud.settings.start_timeout_seconds);
      } catch (error) {
        if (statusOf(error) !== 404) throw explainDaytona('could not be deleted', error);
      }
    },
    close: () => Promise.resolve(),
  };
}
