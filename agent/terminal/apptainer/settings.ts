// What can be set about containers of Apptainer or Singularity.
import { z } from 'zod';

export const apptainerSettings = z.strictObject({
  program: z
    .enum(['apptainer', 'singularity'])
    .default('apptainer')
    .describe('Command line program. Default apptainer.'),
  image: z
    .string()
    .regex(
      /^([a-z]+:\/\/|\/)[A-Za-z0-9._:/@+-]+$/,
      'write an image file with its whole path, or an address such as docker://debian:stable',
    )
    .default('docker://debian:stable-slim')
    .describe(
      'Image that commands run in. It needs a POSIX sh and the usual small programs. Default docker://debian:stable-slim.',
    ),
  network: z
    .boolean()
    .default(true)
    .describe('Whether commands reach the network. false: they have none. Default true.'),
  system_files: z
    .enum(['kept', 'forgotten', 'read-only'])
    .default('forgotten')
    .describe(
      'What commands may change outside of the workspace, such as installed packages. kept: it stays, where the system allows overlays. forgotten: until the container ends. read-only: nothing. Default forgotten.',
    ),
  limits: z
    .boolean()
    .default(false)
    .describe(
      'Applies the limits of processor, memory and processes. Needs cgroups that the user may use. Default false.',
    ),
});

export type ApptainerSettings = z.output<typeof apptainerSettings>;
