// The docker backend: what it asks of the engine, what it refuses, and how it comes through what happens to containers. On the stand-in
// for the docker program, which judges every argument.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runArguments } from '../../../../agent/terminal/docker/arguments.ts';
import { makeDockerBackend } from '../../../../agent/terminal/docker/backend.ts';
import { dockerSettings } from '../../../../agent/terminal/docker/settings.ts';
import type { Machine, MachineLimits } from '../../../../agent/terminal/machine.ts';
import { makeStandIn, type StandIn } from '../../../support/machines/program.ts';

const signal = new AbortController().signal;
const standIns: StandIn[] = [];

afterEach(() => {
  for (const standIn of standIns.splice(0)) standIn.remove();
});

function rig() {
  const standIn = makeStandIn('docker');
  standIns.push(standIn);
  const backend = (changes: Record<string, unknown> = {}) =>
    makeDockerBackend({
      settings: dockerSettings.parse(changes),
      instance: 'test',
      privatePaths: ['/home/me/.herald'],
      program: standIn.program,
      workspace: path.join(standIn.inside, 'workspace'),
      stateDir: path.join(standIn.inside, 'state'),
    });
  return {
    standIn,
    backend,
    open: (changes: Record<string, unknown> = {}, limits: MachineLimits = {}) =>
      backend(changes).open({ key: 'p1', workspace: '/x', limits, signal }),
    docker: (...args: string[]) => execFileSync(standIn.program, args, { env: {}, encoding: 'utf8' }).trim(),
    runs: () => fs.readFileSync(path.join(standIn.folder, 'runs.jsonl'), 'utf8').trim().split('\n').length,
  };
}

async function run(machine: Machine, script: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}

describe('containers', () => {
  it('are made once per key, and found again after a restart', async () => {
    const { open, runs, docker } = rig();
    const machine = await open();
    await run(machine, 'echo kept > note');
    const again = await open();
    expect(await run(again, 'cat note')).toBe('kept\n');
    expect(runs()).toBe(1);
    docker('stop', '-t', '0', 'herald-test-p1');
    expect(await run(await open(), 'cat note')).toBe('kept\n');
    expect(runs()).toBe(1);
  });

  it('are made anew with other settings, with the same workspace', async () => {
    const { open, runs } = rig();
    await run(await open(), 'echo kept > note');
    expect(await run(await open({}, { memoryMb: 256 }), 'cat note')).toBe('kept\n');
    expect(await run(await open({ network: false }, { memoryMb: 256 }), 'cat note')).toBe('kept\n');
    expect(runs()).toBe(3);
  });

  it('sleep, and wake up with the next command; a pause ends too', async () => {
    const { open, docker, standIn } = rig();
    const machine = await open();
    await run(machine, 'setsid sleep 4712 >/dev/null 2>&1 &');
    await machine.hibernate?.();
    const id = docker('ps', '--all', '--format', '{{.ID}}');
    expect(docker('ps', '--format', '{{.ID}}')).toBe('');
    expect(await run(machine, 'echo up')).toBe('up\n');
    const file = path.join(standIn.folder, 'containers', id);
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('running', 'paused'));
    expect(await run(machine, 'echo again')).toBe('again\n');
  });

  it('are told as gone when somebody removed them, and destroyed without a trace', async () => {
    const { open, docker, standIn } = rig();
    const machine = await open();
    docker('rm', '--force', 'herald-test-p1');
    await expect(run(machine, 'true')).rejects.toMatchObject({ code: 'terminal_gone' });
    const next = await open();
    await next.destroy();
    await next.destroy();
    await run(await open(), 'echo mine > note');
    // The machine of before does not take away what was made since.
    await machine.destroy();
    await next.destroy();
    const newest = await open();
    expect(await run(newest, 'cat note')).toBe('mine\n');
    await newest.destroy();
    expect(fs.readdirSync(path.join(standIn.folder, 'containers'))).toEqual([]);
    expect(fs.readdirSync(path.join(standIn.folder, 'volumes'))).toEqual([]);
  });

  it('that are stopped during a command say so, and may be tried again', async () => {
    const { open, docker } = rig();
    const machine = await open();
    const broken = machine.exec({
      script: 'echo up; sleep 30',
      signal,
      onOutput: () => docker('stop', '-t', '0', 'herald-test-p1'),
    });
    await expect(broken).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
    expect(await run(machine, 'echo fine')).toBe('fine\n');
  });

  it('are made once when two calls open at the same time', async () => {
    const { open, runs } = rig();
    const machines = await Promise.all([open(), open(), open()]);
    expect(await Promise.all(machines.map((machine) => run(machine, 'echo ok')))).toEqual(['ok\n', 'ok\n', 'ok\n']);
    expect(runs()).toBe(1);
  });

  it('tell an engine that is down from an image that is not there', async () => {
    const { open, backend, standIn } = rig();
    await expect(open({ image: 'nobody/none' })).rejects.toMatchObject({
      code: 'tool_unavailable',
      publicMessage: expect.stringContaining('terminal.docker.image'),
    });
    expect(await backend().check(signal)).toMatchObject({ ok: true, detail: expect.stringContaining('28.2.2') });
    fs.writeFileSync(path.join(standIn.folder, 'down'), '');
    await expect(open()).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
    expect(await backend().check(signal)).toMatchObject({ ok: false, detail: expect.stringContaining('engine') });
  });
});

describe('what is asked of the engine', () => {
  const plan = (changes: Record<string, unknown>, limits: MachineLimits = {}) =>
    runArguments({
      settings: dockerSettings.parse(changes),
      limits,
      workspace: '/workspace',
      instance: 'test',
      key: 'p1',
    });

  it('is as little as commands need', () => {
    const args = plan({ network: false }, { memoryMb: 512, cpus: 0.5, processes: 99 });
    const text = args.join(' ');
    expect(text).toContain('--cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER');
    expect(text).toContain('--security-opt no-new-privileges --pids-limit 99');
    expect(text).toContain('--memory 512m --memory-swap 512m --cpus 0.5 --network none');
    expect(text).toContain('--mount type=volume,source=herald-test-p1-workspace,target=/workspace --workdir');
    expect(text).not.toMatch(/privileged|=host|--pid |--ipc|--device|--volume|type=bind/);
    expect(plan({}).join(' ')).toContain('--pids-limit 256');
    const other = plan({ user: 'worker' }).join(' ');
    expect(other).toContain('--user worker');
    expect(other).not.toContain('--cap-add');
  });

  it('shows folders of this machine read-only unless told otherwise', () => {
    const text = plan({ volumes: ['/srv/data:/data', '/srv/out:/out:rw', 'cache:/cache'] }).join(' ');
    expect(text).toContain('--mount type=bind,source=/srv/data,target=/data,readonly');
    expect(text).toContain('--mount type=bind,source=/srv/out,target=/out --mount');
    expect(text).toContain('--mount type=volume,source=cache,target=/cache,readonly');
  });

  it.each([
    '/var/run/docker.sock:/var/run/docker.sock',
    '/run/user/1000/podman/podman.sock:/s',
    '/:/host',
    '/etc:/host-etc',
    '/etc/:/host-etc',
    '/proc:/p',
    '/dev/kmsg:/k',
    '/srv/../etc:/x',
    '/srv:/x,type=bind',
    'relative/path:/x',
    '/srv',
  ])('never shows %s', (volume) => {
    expect(dockerSettings.safeParse({ volumes: [volume] }).success).toBe(false);
  });

  it('never shows what is private to Herald', () => {
    const { backend } = rig();
    for (const source of ['/home/me/.herald', '/home/me/.herald/data', '/home/me', '/home'])
      expect(() => backend({ volumes: [`${source}:/x`] }), source).toThrow(/never see/);
    expect(() => backend({ volumes: ['/home/me/.heraldry:/x'] })).not.toThrow();
  });

  const docker = ['/usr/local/bin/docker', '/usr/bin/docker'].find((file) => fs.existsSync(file));
  it.skipIf(docker === undefined)('is understood by the docker program (skipped where there is none)', () => {
    const lines = [
      plan({ network: false, user: '1000', volumes: ['/srv/data:/data'] }, { memoryMb: 512, cpus: 1.5 }),
      ['ps', '--all', '--no-trunc', '--filter', 'label=herald.key=p1', '--format', '{{.ID}}'],
      ['inspect', '--type', 'container', '--format', '{{.Id}} {{.State.Status}}', 'x'],
      ['exec', '--interactive', 'x', 'sh', '-c', 'true'],
      ['exec', '--user', '0', 'x', 'sh', '-c', 'true'],
      ['stop', '-t', '5', 'x'],
      ['rm', '--force', '--volumes', 'x'],
      ['volume', 'rm', 'x'],
      ['version', '--format', '{{.Server.Version}}'],
    ];
    for (const args of lines) {
      // Nobody listens there: what it complains about is that, not the arguments.
      const { stderr } = spawnSync(docker ?? '', args, {
        env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
        encoding: 'utf8',
      });
      expect(stderr, args.join(' ')).toMatch(/cannot connect to the docker daemon|error during connect|dial unix/i);
    }
  });
});
