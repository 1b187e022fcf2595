// Containers of Docker or Podman, through their command line programs: one container per key, found again by its labels, with the
// workspace on a volume of its own. Commands see nothing of this machine but what the settings give them.
import { userInfo } from 'node:os';
import { AppError, asAppError } from '../../../shared/errors.ts';
import { expectMachineKey, type Backend, type Isolation, type Machine, type MachineRequest } from '../machine.ts';
import { quoteShell } from '../quote.ts';
import { runClient, type ClientProgram, type ClientResult } from '../remote/client.ts';
import { scriptOperations, type ScriptHost } from '../remote/script-machine.ts';
import {
  hasOwnUser,
  INSTANCE_LABEL,
  KEY_LABEL,
  ownerArguments,
  runArguments,
  SPEC_LABEL,
  specOf,
  volumeName,
  type ContainerPlan,
} from './arguments.ts';
import { explainEngine, goneError, isAsleep, isLeftVolume, isMissing, isNameTaken } from './errors.ts';
import { parseVolume, type DockerSettings } from './settings.ts';

const WORKSPACE = '/workspace';
/** Not on the volume, so that commands of the person do not meet it; it lives as long as the container. */
const STATE_DIR = '/var/tmp/herald';
/** Given to the first process before SIGKILL. */
const STOP_SECONDS = 5;

export interface DockerOptions {
  settings: DockerSettings;
  /** Tells this Herald's containers from those of another one on the same engine. [a-z0-9]{1,16}. */
  instance: string;
  /** Folders of this machine that no container may see, such as Herald's own. */
  privatePaths: readonly string[];
  /** Program to run in place of `settings.program`; a path. */
  program?: string | undefined;
  /** Paths inside the container. Default /workspace and /var/tmp/herald. */
  workspace?: string | undefined;
  stateDir?: string | undefined;
}

interface Engine extends DockerOptions {
  client: ClientProgram;
  isolation: Isolation;
  workspace: string;
  stateDir: string;
}

/** Throws AppError `config_invalid` for a volume that would show what is private. */
export function makeDockerBackend(options: DockerOptions): Backend {
  const { settings } = options;
  refusePrivate(settings, options.privatePaths);
  const engine: Engine = {
    ...options,
    client: { program: options.program ?? settings.program, env: clientEnvironment(settings) },
    isolation: { files: true, network: settings.network ? 'always' : 'never' },
    workspace: options.workspace ?? WORKSPACE,
    stateDir: options.stateDir ?? STATE_DIR,
  };
  return {
    id: 'docker',
    isolation: engine.isolation,
    check: (signal) => checkEngine(engine, signal),
    open: (request) => openContainer(engine, request),
  };
}

async function checkEngine(engine: Engine, signal: AbortSignal): Promise<{ ok: boolean; detail: string }> {
  try {
    const version = await must(engine, ['version', '--format', '{{.Server.Version}}'], 'cannot be asked', signal);
    const network = engine.settings.network ? 'with network' : 'without network';
    return {
      ok: true,
      detail: `${engine.settings.program} ${version.trim()}: each person has a container of ${engine.settings.image}, ${network}.`,
    };
  } catch (error) {
    return { ok: false, detail: asAppError(error).publicMessage };
  }
}

async function openContainer(engine: Engine, request: MachineRequest): Promise<Machine> {
  expectMachineKey(request.key);
  const plan: ContainerPlan = {
    settings: engine.settings,
    limits: request.limits,
    workspace: engine.workspace,
    instance: engine.instance,
    key: request.key,
  };
  const id = await findOrMake(engine, plan, request.signal);
  return containerMachine(engine, plan, id);
}

async function findOrMake(engine: Engine, plan: ContainerPlan, signal: AbortSignal): Promise<string> {
  const found = await find(engine, plan, signal);
  if (found?.spec === specOf(plan)) {
    if (found.status !== 'running') await wake(engine, found.id, signal);
    return found.id;
  }
  // Made with other settings: its limits would not be those of today. The workspace stays on its volume.
  if (found !== undefined) await must(engine, ['rm', '--force', found.id], 'could not be replaced', signal);
  if (hasOwnUser(engine.settings)) await must(engine, ownerArguments(plan), 'could not be set up', signal);
  const made = await call(engine, runArguments(plan), signal);
  if (made.code === 0) {
    const id = made.stdout.trim().split('\n').at(-1) ?? '';
    await prepare(engine, id, signal);
    return id;
  }
  // Somebody else was faster.
  const other = isNameTaken(made.stderr) ? await find(engine, plan, signal) : undefined;
  if (other !== undefined) return other.id;
  throw explainEngine(engine.settings.program, 'could not be made', made.stderr);
}

/** Podman shows a list with `{{json .}}`, Docker an object: these three words are the same in both. */
const SHOWN = `{{.Id}} {{.State.Status}} {{index .Config.Labels "${SPEC_LABEL}"}}`;

async function find(engine: Engine, plan: ContainerPlan, signal: AbortSignal) {
  const listed = await must(
    engine,
    [
      'ps',
      '--all',
      '--no-trunc',
      '--filter',
      `label=${KEY_LABEL}=${plan.key}`,
      '--filter',
      `label=${INSTANCE_LABEL}=${plan.instance}`,
      '--format',
      '{{.ID}}',
    ],
    'could not be looked for',
    signal,
  );
  const id = listed.trim().split('\n')[0] ?? '';
  if (id === '') return undefined;
  const shown = await call(engine, ['inspect', '--type', 'container', '--format', SHOWN, id], signal);
  if (shown.code !== 0) {
    if (isMissing(shown.stderr)) return undefined;
    throw explainEngine(engine.settings.program, 'could not be looked at', shown.stderr);
  }
  const [fullId = id, status = '', spec] = shown.stdout.trim().split(' ');
  return { id: fullId, status, spec };
}

/** Folders that everybody in the container may write to: the image may have a user of its own. */
async function prepare(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  const state = quoteShell(engine.stateDir);
  const open = hasOwnUser(engine.settings) ? state : `${state} ${quoteShell(engine.workspace)}`;
  const script = `mkdir -p ${state} && chmod 1777 ${open}`;
  await must(engine, ['exec', '--user', '0', id, 'sh', '-c', script], 'could not be set up', signal);
}

async function wake(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  const started = await call(engine, ['start', id], signal);
  if (started.code === 0) return;
  // Somebody stopped it half way.
  if (/paused/i.test(started.stderr)) return void (await must(engine, ['unpause', id], 'does not wake up', signal));
  throw explainEngine(engine.settings.program, 'does not wake up', started.stderr);
}

function containerMachine(engine: Engine, plan: ContainerPlan, id: string): Machine {
  const host: ScriptHost = {
    backend: 'docker',
    isolation: engine.isolation,
    workspace: engine.workspace,
    stateDir: engine.stateDir,
    mark: `docker-${plan.key}`,
    run: ({ boot, payload, onStdout, signal }) =>
      runClient(engine.client, {
        args: ['exec', '--interactive', id, 'sh', '-c', boot],
        stdin: payload,
        onStdout,
        signal,
      }),
    async explain({ code, stderr }, signal) {
      if (isAsleep(stderr)) {
        await wake(engine, id, signal);
        return 'again';
      }
      // The engine's own status, or words of it that stand in place of the end mark. Source: docker run(1), exit status.
      if (code === 125 || stderr.trim() !== '') return explainEngine(engine.settings.program, 'failed', stderr);
      return stoppedMeanwhile(engine, plan, signal);
    },
  };
  let destroyed = false;
  return {
    ...scriptOperations(host),
    async hibernate() {
      const stopped = await call(engine, ['stop', '-t', String(STOP_SECONDS), id], forever());
      if (stopped.code !== 0) throw explainEngine(engine.settings.program, 'could not be stopped', stopped.stderr);
    },
    async destroy() {
      if (destroyed) return;
      const removed = await call(engine, ['rm', '--force', '--volumes', id], forever());
      if (removed.code !== 0 && !isMissing(removed.stderr))
        throw explainEngine(engine.settings.program, 'could not be removed', removed.stderr);
      // Without force: Podman would remove containers with it, and one may have been made anew meanwhile.
      const cleared = await call(engine, ['volume', 'rm', volumeName(plan)], forever());
      if (cleared.code !== 0 && !isLeftVolume(cleared.stderr))
        throw explainEngine(engine.settings.program, 'could not be removed', cleared.stderr);
      destroyed = true;
    },
    close: () => Promise.resolve(),
  };
}

/** Nothing told why the script ended without its end mark: was the whole container ended? */
async function stoppedMeanwhile(
  engine: Engine,
  plan: ContainerPlan,
  signal: AbortSignal,
): Promise<AppError | undefined> {
  const found = await find(engine, plan, signal);
  if (found === undefined) return goneError(new Error('the container was removed during a command'));
  if (found.status === 'running') return undefined;
  return new AppError(
    'terminal_unreachable',
    'The container was stopped while the command ran, and the command with it. Files that it had written are kept. The next command starts the container again.',
    { retryable: true, cause: new Error(`container is ${found.status}`) },
  );
}

async function must(engine: Engine, args: readonly string[], doing: string, signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await call(engine, args, signal);
  if (code !== 0) throw explainEngine(engine.settings.program, doing, stderr);
  return stdout;
}

function call(engine: Engine, args: readonly string[], signal: AbortSignal): Promise<ClientResult> {
  return runClient(engine.client, { args, signal });
}

function forever(): AbortSignal {
  return new AbortController().signal;
}

function clientEnvironment(settings: DockerSettings): Record<string, string> {
  return {
    // Podman without root keeps its containers under the home folder.
    ...(settings.program === 'podman' ? { HOME: userInfo().homedir } : {}),
    ...(settings.host === undefined ? {} : { DOCKER_HOST: settings.host, CONTAINER_HOST: settings.host }),
  };
}

function refusePrivate(settings: DockerSettings, privatePaths: readonly string[]): void {
  for (const { source, isHostPath } of settings.volumes.map(parseVolume)) {
    const isPrivate = privatePaths.some((path) => isWithin(path, source) || isWithin(source, path));
    if (isHostPath && isPrivate)
      throw new AppError(
        'config_invalid',
        `terminal.docker.volumes: ${source} holds Herald's own data, which commands never see.`,
      );
  }
}

function isWithin(path: string, folder: string): boolean {
  const base = folder.endsWith('/') ? folder : `${folder}/`;
  return path === folder || path.startsWith(base);
}
