// The apptainer backend on the stand-in for its program: the contract of terminals, what it asks for, and what it comes through.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeApptainerBackend } from '../../../agent/terminal/apptainer/backend.ts';
import { apptainerSettings } from '../../../agent/terminal/apptainer/settings.ts';
import type { Machine, MachineLimits } from '../../../agent/terminal/machine.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';
import { makeStandIn, type StandIn } from '../../support/machines/program.ts';

const signal = new AbortController().signal;
const standIns: StandIn[] = [];

afterEach(() => {
  for (const standIn of standIns.splice(0)) standIn.remove();
});

function makeBackend(standIn: StandIn, changes: Record<string, unknown> = {}) {
  return makeApptainerBackend({
    settings: apptainerSettings.parse(changes),
    folder: path.join(standIn.folder, 'kept'),
    instance: 'test',
    program: standIn.program,
    workspace: path.join(standIn.inside, 'workspace'),
    stateDir: path.join(standIn.inside, 'state'),
  });
}

terminalContract('apptainer (stand-in for the program)', {
  skipScripts: 'its machines are this one, whose shell the local machine is tried with',
  skipHeavy: 'the local machine and ssh are tried with it',
  open() {
    const standIn = makeStandIn('apptainer');
    return Promise.resolve({
      backend: makeBackend(standIn, { network: false }),
      workspace: path.join(standIn.folder, 'person'),
      close() {
        standIn.remove();
        return Promise.resolve();
      },
    });
  },
});

function rig() {
  const standIn = makeStandIn('apptainer');
  standIns.push(standIn);
  const workspace = path.join(standIn.folder, 'person');
  return {
    standIn,
    workspace,
    open: (changes: Record<string, unknown> = {}, limits: MachineLimits = {}) =>
      makeBackend(standIn, changes).open({ key: 'p1', workspace, limits, signal }),
    apptainer: (...args: string[]) =>
      execFileSync(standIn.program, args, { env: {}, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    starts: () => fs.readFileSync(path.join(standIn.folder, 'starts.jsonl'), 'utf8').trim().split('\n'),
  };
}

async function run(machine: Machine, script: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}

describe('instances of apptainer', () => {
  it('are found again, made anew with other settings, and started again when they ended', async () => {
    const { open, starts, apptainer, workspace } = rig();
    const machine = await open();
    await run(machine, 'echo kept > note');
    expect(fs.readFileSync(path.join(workspace, 'note'), 'utf8')).toBe('kept\n');
    await open();
    expect(starts()).toHaveLength(1);
    apptainer('instance', 'stop', 'herald-test-p1');
    expect(await run(machine, 'cat note')).toBe('kept\n');
    expect(starts()).toHaveLength(2);
    await open({ network: false });
    expect(starts()).toHaveLength(3);
  });

  it('get as little as commands need', async () => {
    const { open, starts } = rig();
    await open({ network: false, limits: true, system_files: 'kept' }, { memoryMb: 512, cpus: 2 });
    const [started = ''] = starts();
    const args = started.replaceAll('","', ' ');
    expect(args).toContain('--containall --no-home --cleanenv --no-eval --no-privs --bind');
    expect(args).toContain('--net --network none --overlay');
    expect(args).toContain('--cpus 2 --memory 512m --pids-limit 256 docker://debian:stable-slim herald-test-p1');
    expect(args).not.toMatch(/--writable-tmpfs|--keep-privs|--add-caps|--fakeroot/);
  });

  it('leave the files of the person when they are destroyed', async () => {
    const { open, workspace, standIn } = rig();
    const machine = await open();
    await run(machine, 'echo kept > note');
    await machine.destroy();
    await machine.destroy();
    expect(fs.existsSync(path.join(workspace, 'note'))).toBe(true);
    expect(fs.existsSync(path.join(standIn.folder, 'kept', 'p1'))).toBe(false);
    await expect(run(machine, 'true')).rejects.toMatchObject({ code: 'terminal_gone' });
  });

  it('say what is wrong', async () => {
    const { open, standIn } = rig();
    await expect(open({ image: '/nowhere/image.sif' })).rejects.toMatchObject({
      code: 'tool_unavailable',
      publicMessage: expect.stringContaining('terminal.apptainer.image'),
    });
    expect(await makeBackend(standIn).check(signal)).toMatchObject({
      ok: true,
      detail: expect.stringContaining('apptainer version 1.4.2'),
    });
    const machine = await open();
    const broken = machine.exec({
      script: 'echo up; sleep 30',
      signal,
      onOutput: () =>
        execFileSync(standIn.program, ['instance', 'stop', 'herald-test-p1'], { env: {}, stdio: 'ignore' }),
    });
    await expect(broken).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
  });
});
