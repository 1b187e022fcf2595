// The section `terminal` of the configuration: where commands run, and what they may use there.
import { z } from 'zod';
import { apptainerSettings } from './apptainer/settings.ts';
import { daytonaSettings } from './daytona/settings.ts';
import { dockerSettings } from './docker/settings.ts';
import { modalSettings } from './modal/settings.ts';
import { sshSettings } from './ssh/settings.ts';

export const terminalSettings = z
  .strictObject({
    backend: z
      .enum(['local', 'docker', 'ssh', 'apptainer', 'daytona', 'modal'])
      .default('local')
      .describe(
        'Where commands run. local: this machine, in a sandbox where the system has one. docker, apptainer: containers on this machine. ssh: a machine of yours. daytona, modal: sandboxes of these services. Default local.',
      ),
    sandbox: z
      .enum(['auto', 'require', 'off'])
      .default('auto')
      .describe(
        'For local. auto: commands run in a sandbox where the system has one. require: nothing runs without. off: never. Default auto.',
      ),
    timeout_seconds: z
      .int()
      .min(1)
      .max(86_400)
      .default(180)
      .describe('How long a command may take unless it asks for more, in seconds. Default 180.'),
    lifetime_seconds: z
      .int()
      .min(10)
      .max(86_400)
      .default(300)
      .describe('After this time without use a machine is let go or put to sleep, in seconds. Default 300.'),
    cpus: z.number().min(0.1).max(1024).default(1).describe('Processors that one machine may use. Default 1.'),
    memory_mb: z
      .int()
      .min(64)
      .max(4_194_304)
      .default(5120)
      .describe('Memory of one machine, in MB (1024 * 1024 bytes). Default 5120.'),
    disk_mb: z
      .int()
      .min(64)
      .max(67_108_864)
      .default(51_200)
      .describe(
        'Disk of one machine, in MB, where the backend knows such a limit (daytona with an image). Default 51200.',
      ),
    processes: z.int().min(16).max(1_048_576).default(256).describe('Processes of one machine at a time. Default 256.'),
    docker: dockerSettings.prefault({}).describe('Containers of Docker or Podman.'),
    ssh: sshSettings.prefault({}).describe('A machine that is reached by ssh.'),
    apptainer: apptainerSettings.prefault({}).describe('Containers of Apptainer or Singularity.'),
    daytona: daytonaSettings.prefault({}).describe('Sandboxes of Daytona.'),
    modal: modalSettings.prefault({}).describe('Sandboxes of Modal.'),
  })
  .refine(({ backend, ssh }) => backend !== 'ssh' || ssh.host !== undefined, {
    path: ['ssh', 'host'],
    error: 'the backend ssh needs a machine',
  });

export type TerminalSettings = z.output<typeof terminalSettings>;
