// The arguments that containers are made with. Source: docker run(1), https://docs.docker.com/reference/cli/docker/container/run/ and
// podman-run(1), read 2026-11-21; only what both know.
import type { MachineLimits } from '../machine.ts';
import { quoteShell } from '../quote.ts';
import { parseVolume, type DockerSettings } from './settings.ts';
import { sha256Hex } from '../../../shared/digest.ts';

export const KEY_LABEL = 'herald.key';
export const INSTANCE_LABEL = 'herald.instance';
/** Tells with which settings a container was made. */
export const SPEC_LABEL = 'herald.spec';

const DEFAULT_PROCESSES = 256;
/** What package managers and file tools need; everything else is dropped. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'];
/** As first process: waits, takes in orphans, and ends at once when told to. */
const IDLE = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done';

export interface ContainerPlan {
  settings: DockerSettings;
  limits: MachineLimits;
  workspace: string;
  instance: string;
  key: string;
}

export function containerName({ instance, key }: Pick<ContainerPlan, 'instance' | 'key'>): string {
  return `herald-${instance}-${key}`;
}

export function volumeName(plan: Pick<ContainerPlan, 'instance' | 'key'>): string {
  return `${containerName(plan)}-workspace`;
}

/** Arguments of `docker run`, from `run` on. */
export function runArguments(plan: ContainerPlan): string[] {
  const made = shapeArguments(plan);
  return [
    'run',
    '--detach',
    '--name',
    containerName(plan),
    '--label',
    `${KEY_LABEL}=${plan.key}`,
    '--label',
    `${INSTANCE_LABEL}=${plan.instance}`,
    '--label',
    `${SPEC_LABEL}=${specOf(plan)}`,
    ...made,
    '--entrypoint',
    'sh',
    plan.settings.image,
    '-c',
    IDLE,
  ];
}

/** Whether commands run as another user than root, by the settings. */
export function hasOwnUser({ user }: DockerSettings): boolean {
  return user !== undefined && !/^(root|0)(:|$)/.test(user);
}

/** Arguments of the container that gives a fresh volume, which belongs to root, to the user of the settings, and ends. */
export function ownerArguments(plan: ContainerPlan): string[] {
  return [
    'run',
    '--rm',
    '--network',
    'none',
    '--cap-drop',
    'ALL',
    '--cap-add',
    'CHOWN',
    '--security-opt',
    'no-new-privileges',
    '--user',
    '0',
    '--mount',
    `type=volume,source=${volumeName(plan)},target=${plan.workspace}`,
    '--entrypoint',
    'sh',
    plan.settings.image,
    '-c',
    `chown ${quoteShell(plan.settings.user ?? '0')} ${quoteShell(plan.workspace)}`,
  ];
}

/** The same for the same settings: a container that was made with others is made anew. */
export function specOf(plan: ContainerPlan): string {
  return sha256Hex(JSON.stringify([plan.settings.image, ...shapeArguments(plan)]), 16);
}

function shapeArguments(plan: ContainerPlan): string[] {
  const { settings, limits, workspace } = plan;
  const memory = limits.memoryMb === undefined ? undefined : `${limits.memoryMb}m`;
  return [
    '--hostname',
    'herald',
    '--cap-drop',
    'ALL',
    // Podman hands added capabilities to users other than root, too.
    ...(hasOwnUser(settings) ? [] : CAPABILITIES.flatMap((capability) => ['--cap-add', capability])),
    '--security-opt',
    'no-new-privileges',
    '--pids-limit',
    String(limits.processes ?? DEFAULT_PROCESSES),
    // The same limit with swap: none beyond memory.
    ...(memory === undefined ? [] : ['--memory', memory, '--memory-swap', memory]),
    ...(limits.cpus === undefined ? [] : ['--cpus', String(limits.cpus)]),
    ...(settings.network ? [] : ['--network', 'none']),
    // exec: builds and installers run what they unpack there.
    '--tmpfs',
    `/tmp:rw,exec,nosuid,nodev,size=${settings.tmp_mb}m`,
    '--mount',
    `type=volume,source=${volumeName(plan)},target=${workspace}`,
    ...settings.volumes
      .map(parseVolume)
      .flatMap(({ source, isHostPath, target, readOnly }) => [
        '--mount',
        `type=${isHostPath ? 'bind' : 'volume'},source=${source},target=${target}${readOnly ? ',readonly' : ''}`,
      ]),
    ...(settings.user === undefined ? [] : ['--user', settings.user]),
    '--workdir',
    workspace,
  ];
}
