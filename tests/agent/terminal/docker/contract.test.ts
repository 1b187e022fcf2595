// The docker backend as a terminal: on a real engine where there is one, else on the stand-in for the docker program. The engine is asked by
// the docker program, which is what Herald starts by default and half as dear per call as podman; podman itself is tried after it.
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDockerBackend } from '../../../../agent/terminal/docker/backend.ts';
import { dockerSettings } from '../../../../agent/terminal/docker/settings.ts';
import type { Backend, Machine } from '../../../../agent/terminal/machine.ts';
import { openShell } from '../../../../agent/terminal/shell.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { terminalContract } from '../../../contracts/terminal-contract.ts';
import { startRealEngine } from '../../../support/machines/podman.ts';
import { makeStandIn } from '../../../support/machines/program.ts';

const engine = await startRealEngine();
const missing = typeof engine === 'string' ? engine : undefined;
const hasDocker = typeof engine !== 'string' && engine.docker !== undefined;
const signal = new AbortController().signal;

/** On the real engine, asked by that program. */
function realBackend(changes: Record<string, unknown>, program: 'docker' | 'podman', instance: string): Backend {
  if (typeof engine === 'string') throw new Error(engine);
  const { image, podman, docker } = engine;
  if (program === 'podman') {
    const settings = dockerSettings.parse({ program, image, ...changes });
    return makeDockerBackend({ settings, instance, privatePaths: [], program: podman });
  }
  if (docker === undefined) throw new Error('there is no docker program');
  const settings = dockerSettings.parse({ host: docker.host, image, ...changes });
  return makeDockerBackend({ settings, instance, privatePaths: [], program: docker.program });
}

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

terminalContract('docker (a real engine)', {
  skip: missing,
  skipScripts: 'its image is busybox, which is tried by itself',
  skipHeavy: 'the local machine and ssh are tried with it',
  slowMs: 2000,
  open: () =>
    Promise.resolve({
      backend: realBackend({ network: false }, hasDocker ? 'docker' : 'podman', 'contract'),
      workspace: '/nowhere',
      limits: { memoryMb: 512 },
      close: () => Promise.resolve(),
    }),
});

const withoutDocker = missing ?? (hasDocker ? undefined : 'no docker');

describe.skipIf(withoutDocker !== undefined)(
  `the docker program itself, on that engine${withoutDocker === undefined ? '' : ` (skipped: ${withoutDocker})`}`,
  () => {
    const open = (changes: Record<string, unknown>, key = 'p1') =>
      realBackend({ network: false, ...changes }, 'docker', 'real').open({
        key,
        workspace: '/x',
        limits: { memoryMb: 256, cpus: 1, processes: 64 },
        signal,
      });

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

describe.skipIf(missing !== undefined)(`podman itself${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it('runs commands, moves files, ends what is stopped, sleeps, wakes up, and leaves nothing', async () => {
    const open = () =>
      realBackend({ network: false }, 'podman', 'podman').open({
        key: 'p1',
        workspace: '/x',
        limits: { memoryMb: 256 },
        signal,
      });
    const machine = await open();
    const shell = openShell(machine, { clock: systemClock });
    const told = await shell.run({ command: 'echo one; echo two >&2; pwd; exit 3', timeoutMs: 30_000, signal });
    expect(told).toMatchObject({ code: 3, ended: 'exit', output: 'one\ntwo\n/workspace\n' });
    const bytes = Buffer.from('a\0b\r\n\u00e9'.repeat(20_000));
    await machine.put('/workspace/kept', bytes, signal);
    expect(Buffer.compare(Buffer.from(await machine.get('/workspace/kept', bytes.length, signal)), bytes)).toBe(0);
    const controller = new AbortController();
    const stopped = shell.run({
      command: 'echo up; sleep 4719; touch late',
      timeoutMs: 60_000,
      signal: controller.signal,
      onOutput: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(await run(machine, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -cx '[4]719'")).toBe('0\n');
    await machine.hibernate?.();
    // In the words that podman has for it.
    expect(await run(machine, 'cd /workspace; wc -c < kept; ls')).toBe(`${bytes.length}\nkept\n`);
    const again = await open();
    expect(await run(again, 'echo again')).toBe('again\n');
    await again.destroy();
    await again.destroy();
    await expect(run(machine, 'true')).rejects.toMatchObject({ code: 'terminal_gone' });
  });
});

async function run(machine: Machine, script: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}
