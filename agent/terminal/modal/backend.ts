// Sandboxes of Modal, through its own software kit: one per key, found again by its name. The workspace is a Volume of Modal, so it outlives
// every sandbox. To let one sleep, its file system is kept as a named image and the sandbox is ended; waking makes a new one of that image.
import type { App, Image, ModalClient, Sandbox, SandboxCreateParams } from 'modal';
import { sha256Hex } from '../../../shared/digest.ts';
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
import { explainModal, isMissing, isNameTaken } from './errors.ts';
import { runInSandbox } from './process.ts';
import { importModal, openModal, type ModalKit } from './sdk.ts';
import type { ModalSettings } from './settings.ts';

const WORKSPACE = '/workspace';
/** Not on the Volume, which knows no pipes; it sleeps and wakes with the sandbox. */
const STATE_DIR = '/var/tmp/herald';
const DAY_MS = 86_400_000;
const SNAPSHOT_MS = 300_000;

export interface ModalOptions {
  settings: ModalSettings;
  /** Of the variables that the settings name. */
  tokenId: string | undefined;
  tokenSecret: string | undefined;
  /** Tells this Herald's sandboxes from those of another one with the same app. [a-z0-9]{1,16}. */
  instance: string;
  /** Paths inside. Default /workspace and /var/tmp/herald. */
  workspace?: string | undefined;
  stateDir?: string | undefined;
  /** Default: the installed package. */
  load?: (() => Promise<ModalKit>) | undefined;
}

interface Cloud {
  client: ModalClient;
  app: App;
}

interface Place {
  settings: ModalSettings;
  cloud: Cloud;
  name: string;
  limits: MachineLimits;
  workspace: string;
  stateDir: string;
}

export function makeModalBackend(options: ModalOptions): Backend {
  const { settings } = options;
  const isolation: Isolation = { files: true, network: settings.network ? 'always' : 'never' };
  let opened: Promise<Cloud> | undefined;
  const connect = async (): Promise<Cloud> => {
    opened ??= openCloud(options);
    try {
      return await opened;
    } catch (error) {
      opened = undefined;
      throw explainModal('service cannot be used', error);
    }
  };
  return {
    id: 'modal',
    isolation,
    async check(signal) {
      try {
        await untilAborted(connect(), signal);
        return {
          ok: true,
          detail: `Modal answers: each person has a sandbox of the app ${settings.app}, which sleeps while nobody uses it.`,
        };
      } catch (error) {
        return { ok: false, detail: asAppError(error).publicMessage };
      }
    },
    open: (request) =>
      untilAborted(
        connect().then((cloud) => openSandbox(cloud, options, isolation, request)),
        request.signal,
      ),
  };
}

async function openCloud({ settings, tokenId, tokenSecret, load }: ModalOptions): Promise<Cloud> {
  if (tokenId === undefined || tokenSecret === undefined)
    throw new AppError(
      'tool_unavailable',
      `The terminal backend modal needs a token: set ${settings.token_id_env} and ${settings.token_secret_env} in .env.`,
    );
  const client = await openModal({ tokenId, tokenSecret, environment: settings.environment }, load ?? importModal);
  return { client, app: await client.apps.fromName(settings.app, { createIfMissing: true }) };
}

async function openSandbox(
  cloud: Cloud,
  options: ModalOptions,
  isolation: Isolation,
  request: MachineRequest,
): Promise<Machine> {
  expectMachineKey(request.key);
  const place: Place = {
    settings: options.settings,
    cloud,
    name: objectName(options.instance, request.key),
    limits: request.limits,
    workspace: options.workspace ?? WORKSPACE,
    stateDir: options.stateDir ?? STATE_DIR,
  };
  const current = makeCurrent(place);
  await current.get();
  return modalMachine(place, current, isolation, `modal-${request.key}`);
}

/** Names of Modal's sandboxes, volumes and images are shorter than 64 characters. */
function objectName(instance: string, key: string): string {
  const name = `herald-${instance}-${key}`;
  return name.length < 64 ? name : `herald-${instance}-${sha256Hex(key, 32)}`;
}

/** The sandbox of the moment: found, or made, once for all who ask at the same time. */
interface Current {
  get(): Promise<Sandbox>;
  /** The next `get` looks anew. */
  forget(): void;
}

function makeCurrent(place: Place): Current {
  let current: Promise<Sandbox> | undefined;
  return {
    async get() {
      current ??= findOrMake(place);
      try {
        return await current;
      } catch (error) {
        current = undefined;
        throw error;
      }
    },
    forget() {
      void current?.then((sandbox) => sandbox.detach()).catch(() => undefined);
      current = undefined;
    },
  };
}

async function findOrMake(place: Place): Promise<Sandbox> {
  const { client } = place.cloud;
  try {
    const found = await client.sandboxes.fromName(place.settings.app, place.name);
    if ((await found.poll()) === null) return found;
  } catch (error) {
    if (!isMissing(error)) throw explainModal('could not be looked for', error);
  }
  try {
    return await make(place);
  } catch (error) {
    // Somebody else was faster.
    if (isNameTaken(error)) return client.sandboxes.fromName(place.settings.app, place.name);
    throw explainModal('could not be made', error);
  }
}

async function make({ cloud, settings, name, limits, workspace, stateDir }: Place): Promise<Sandbox> {
  const { client, app } = cloud;
  const volume = await client.volumes.fromName(name, { createIfMissing: true });
  const kept = await keptImage(client, name);
  const params: SandboxCreateParams = {
    name,
    tags: { herald: name },
    command: ['sleep', String((settings.max_hours + 1) * 3600)],
    timeoutMs: settings.max_hours * 3_600_000,
    idleTimeoutMs: settings.idle_minutes * 60_000,
    blockNetwork: !settings.network,
    volumes: { [workspace]: volume },
    workdir: workspace,
    ...(limits.cpus === undefined ? {} : { cpu: limits.cpus, cpuLimit: limits.cpus }),
    ...(limits.memoryMb === undefined ? {} : { memoryMiB: limits.memoryMb, memoryLimitMiB: limits.memoryMb }),
  };
  const sandbox = await client.sandboxes.create(app, kept ?? client.images.fromRegistry(settings.image), params);
  const prepared = await sandbox.exec(['mkdir', '-p', stateDir]);
  if ((await prepared.wait()) === 0) return sandbox;
  throw new AppError(
    'tool_unavailable',
    'The image has no usual small programs. Choose another one for terminal.modal.image.',
  );
}

/** What a sleeping sandbox left. */
async function keptImage(client: ModalClient, name: string): Promise<Image | undefined> {
  try {
    return await client.images.fromName(name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function modalMachine(place: Place, current: Current, isolation: Isolation, mark: string): Machine {
  const host: ScriptHost = {
    backend: 'modal',
    isolation,
    workspace: place.workspace,
    stateDir: place.stateDir,
    mark,
    run: (run) => runAwake(current, run),
    async explain({ stderr }) {
      const sandbox = await current.get();
      if ((await sandbox.poll()) === null) return undefined;
      current.forget();
      return endedError(new Error(stderr));
    },
  };
  let destroyed = false;
  return {
    ...scriptOperations(host),
    hibernate: () => hibernate(place, current),
    async destroy() {
      if (destroyed) return;
      try {
        await removeAll(place);
        destroyed = true;
      } catch (error) {
        throw explainModal('could not be removed', error);
      } finally {
        current.forget();
      }
    },
    close() {
      current.forget();
      return Promise.resolve();
    },
  };
}

/** A sandbox that ended since the last call is found out when a call fails, so that none is spent on asking before. */
async function runAwake(current: Current, run: ShellRun): Promise<ShellResult> {
  const sandbox = await untilAborted(current.get(), run.signal);
  let hasBegun = false;
  try {
    return await runInSandbox(sandbox, run, () => (hasBegun = true));
  } catch (error) {
    if (error instanceof AppError) throw error;
    const isOver = await sandbox.poll().then(
      (status) => status !== null,
      (failure: unknown) => isMissing(failure),
    );
    if (!isOver) throw explainModal('failed', error);
    current.forget();
    if (hasBegun) throw endedError(error);
  }
  const fresh = await untilAborted(current.get(), run.signal);
  try {
    return await runInSandbox(fresh, run, () => undefined);
  } catch (error) {
    throw explainModal('failed', error);
  }
}

function endedError(cause: unknown): AppError {
  return new AppError(
    'terminal_unreachable',
    'The sandbox ended while the command ran, and the command with it. Files of the workspace are kept. The next command makes a new sandbox.',
    { retryable: true, cause },
  );
}

async function hibernate({ cloud: { client }, settings, name }: Place, current: Current): Promise<void> {
  const sandbox = await current.get();
  try {
    if ((await sandbox.poll()) === null) {
      const before = await keptImage(client, name);
      const image = await sandbox.snapshotFilesystem({
        timeoutMs: SNAPSHOT_MS,
        ttlMs: settings.keep_snapshots_days * DAY_MS,
      });
      await image.publish(name);
      await sandbox.terminate({ wait: true });
      if (before !== undefined && before.imageId !== image.imageId) await client.images.delete(before.imageId);
    }
  } catch (error) {
    throw explainModal('could not be put to sleep', error);
  }
  current.forget();
}

async function removeAll({ cloud: { client }, settings, name }: Place): Promise<void> {
  const missing = (error: unknown) => {
    if (!isMissing(error)) throw error;
  };
  try {
    const sandbox = await client.sandboxes.fromName(settings.app, name);
    await sandbox.terminate({ wait: true });
  } catch (error) {
    missing(error);
  }
  const kept = await keptImage(client, name);
  if (kept !== undefined) await client.images.delete(kept.imageId).catch(missing);
  await client.volumes.delete(name, { allowMissing: true });
}
