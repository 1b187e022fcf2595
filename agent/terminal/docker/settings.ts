// What can be set about containers of Docker or Podman.
import { z } from 'zod';

const VOLUME = /^([^:]+):(\/[^:]*)(?::(ro|rw))?$/;
/** Folders of the host that hand out more than files: whoever may write there, or see them, is not kept apart any more. */
const NEVER = [
  '/',
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/var/run',
  '/etc',
  '/boot',
  '/var/lib/docker',
  '/var/lib/containers',
];

/** A folder of the host, or a named volume, that containers see. */
export interface Volume {
  /** Absolute path of the host, or name of a volume. */
  source: string;
  isHostPath: boolean;
  target: string;
  readOnly: boolean;
}

const volumeText = z
  .string()
  .max(4096)
  .refine((text) => VOLUME.test(text), 'write /folder/here:/folder/there, with :rw at the end if it may be written')
  .refine((text) => !/[,"\n]/.test(text), 'commas and quotes cannot stand in a volume')
  .refine((text) => refusedVolume(text) === undefined, {
    error: ({ input }) => refusedVolume(String(input)) ?? 'this volume is not allowed',
  });

export const dockerSettings = z.strictObject({
  program: z
    .enum(['docker', 'podman'])
    .default('docker')
    .describe('Command line program of the engine. Default docker.'),
  host: z
    .string()
    .regex(/^(unix|tcp|ssh|npipe):\/\/\S+$/, 'write an address such as unix:///run/docker.sock')
    .optional()
    .describe('Engine to talk to (DOCKER_HOST). Default: the one that the program finds itself.'),
  image: z
    .string()
    .regex(/^[a-z0-9][A-Za-z0-9._:/@-]*$/, 'write the name of an image')
    .default('debian:stable-slim')
    .describe(
      'Image that containers are made of. It needs a POSIX sh and the usual small programs. Default debian:stable-slim.',
    ),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_.-]+)?$/, 'write a user name or id, or user:group')
    .optional()
    .describe('User inside the container. Default: as the image says.'),
  network: z
    .boolean()
    .default(true)
    .describe('Whether commands reach the network. false: containers have none. Default true.'),
  volumes: z
    .array(volumeText)
    .max(32)
    .default([])
    .describe(
      'Folders of this machine, or named volumes, that containers see besides their workspace: "/folder/here:/folder/there", read-only unless ":rw" stands at the end. Default: [].',
    ),
  tmp_mb: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(512)
    .describe('Size of /tmp, which is held in memory, in MB. Default 512.'),
});

export type DockerSettings = z.output<typeof dockerSettings>;

/** Throws nothing: what came through the schema is a volume. */
export function parseVolume(text: string): Volume {
  const [, source = '', target = '', mode] = VOLUME.exec(text) ?? [];
  return { source, isHostPath: source.startsWith('/'), target, readOnly: mode !== 'rw' };
}

function refusedVolume(text: string): string | undefined {
  const { source, isHostPath, target } = parseVolume(text);
  if (source.split('/').includes('..') || target.split('/').includes('..')) return 'write paths without ..';
  if (!isHostPath)
    return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(source) ? undefined : 'write an absolute path or the name of a volume';
  const path = source.length > 1 ? source.replace(/\/+$/, '') : source;
  if (path.endsWith('.sock')) return 'a socket of the engine would give commands all of this machine';
  if (NEVER.includes(path === '' ? '/' : path) || /^\/(proc|sys|dev)\//.test(path))
    return `${path} of this machine is never given to commands`;
  return undefined;
}
