// The docker backend as a terminal: on a real engine where there is one, else on the stand-in for the docker program.
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDockerBackend } from '../../../../agent/terminal/docker/backend.ts';
import { dockerSettings } from '../../../../agent/terminal/docker/settings.ts';
import type { Machine } from '../../../../agent/terminal/machine.ts';
import { terminalContract } from '../../../contracts/terminal-contract.ts';
import { startRealEngine } from '../../../support/machines/podman.ts';
import { makeStandIn } from '../../../support/machines/program.ts';

const engine = await startRealEngine();
const missing = typeof engine === 'string' ? engine : undefined;
const signal = new AbortController().signal;

afterAll(async () => {
  if (typeof engine !== 'string') await engine.remove();
}, 60_000);

terminalContract('docker (stand-in for the program)', {
  skipScripts: 'its machines are this one, whose shell the local machine is tried with',
  skipHeavy: 'the local machine and ssh are tried with it',
  skip: missing === undefined ? 'a real engine does it' : undefined,
  open() {
    const standIn = makeStandIn('docker');
    const backend = makeDockerBackend({
      settings: dockerSettings.parse({ network: false }),
      instance: 'contract',
      privatePaths: [],
      program: standIn.program,
      workspace: path.join(standIn.inside, 'workspace'),
      stateDir: path.join(standIn.inside, 'state'),
    });
    return Promise.resolve({
      backend,
      workspace: '/nowhere',
      close() {
        standIn.remove();
        return Promise.resolve();
      },
    });
  },
});

terminalContract('docker (a real engine: podman)', {
  skip: missing,
  skipScripts: 'its image is busybox, which is tried by itself',
  skipHeavy: 'the local machine and ssh are tried with it',
  slowMs: 2000,
  open() {
    if (typeof engine === 'string') throw new Error(engine);
    const backend = makeDockerBackend({
      settings: dockerSettings.parse({ program: 'podman', network: false, image: engine.image }),
      instance: 'contract',
      privatePaths: [],
      program: engine.podman,
    });
    return Promise.resolve({
      backend,
      workspace: '/nowhere',
      limits: { memoryMb: 512 },
      close: () => Promise.resolve(),
    });
  },
});

const withoutDocker = missing ?? (typeof engine !== 'string' && engine.docker === undefined ? 'no docker' : undefined);

describe.skipIf(withoutDocker !== undefined)(
  `the docker program itself, on that engine${withoutDocker === undefined ? '' : ` (skipped: ${withoutDocker})`}`,
  () => {
    const open = (changes: Record<string, unknown>, key = 'p1') => {
      if (typeof engine === 'string' || engine.docker === undefined) throw new Error('not there');
      const { program, host } = engine.docker;
      const settings = dockerSettings.parse({ host, image: engine.image, network: false, ...changes });
      const backend = makeDockerBackend({ settings, instance: 'real', privatePaths: [], program });
      return backend.open({ key, workspace: '/x', limits: { memoryMb: 256, cpus: 1, processes: 64 }, signal });
    };

    it('keeps commands apart, and finds the container again', async () => {
      const machine = await open({ tmp_mb: 7 });
      const status = await run(machine, 'cat /proc/self/status');
      // Bits 0, 1 and 3: CHOWN, DAC_OVERRIDE, FOWNER. Source: linux/capability.h.
      expect(status).toMatch(/CapEff:\s*0+b\n/);
      expect(status).toMatch(/CapBnd:\s*0+b\n/);
      expect(status).toMatch(/NoNewPrivs:\s*1\n/);
      expect(await run(machine, 'ls /sys/class/net')).toBe('lo\n');
      expect(await run(machine, 'mount | grep " /tmp "')).toMatch(/size=7168k/);
      expect(await run(machine, 'ls -A /workspace | wc -l')).toBe('0\n');
      await machine.put('/workspace/kept', Buffer.from('x'), signal);
      await machine.hibernate?.();
      expect(await run(machine, 'cat kept; ls -d /var/tmp/herald')).toBe('x/var/tmp/herald\n');
      const again = await open({ tmp_mb: 7 });
      expect(await run(again, 'touch /root-note; echo ok')).toBe('ok\n');
      expect(await run(machine, 'ls /root-note')).toBe('/root-note\n');
      const changed = await open({ tmp_mb: 8 });
      expect(await run(changed, 'cat kept; ls /root-note 2>/dev/null')).toBe('x');
      await expect(run(machine, 'true')).rejects.toMatchObject({ code: 'terminal_gone' });
      await changed.destroy();
      await changed.destroy();
    });

    it('lets another user than root work in the workspace', async () => {
      const machine = await open({ user: '1000:1000' }, 'p2');
      expect(await run(machine, 'id -u; touch own && stat -c %u own')).toBe('1000\n1000\n');
      await machine.put('/workspace/a/b', Buffer.from('y'), signal);
      expect(Buffer.from(await machine.get('/workspace/a/b', 9, signal)).toString()).toBe('y');
      await expect(machine.put('/etc/passwd', Buffer.from('z'), signal)).rejects.toMatchObject({ code: 'not_allowed' });
      await machine.destroy();
    });
  },
);

async function run(machine: Machine, script: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}
