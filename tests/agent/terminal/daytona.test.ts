// The daytona backend through Daytona's own software kit, against a server that speaks its API and really runs commands.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDaytonaBackend } from '../../../agent/terminal/daytona/backend.ts';
import { daytonaSettings } from '../../../agent/terminal/daytona/settings.ts';
import type { Machine, MachineLimits } from '../../../agent/terminal/machine.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';
import { startDaytonaServer, type DaytonaServer } from '../../support/machines/daytona-server.ts';

const signal = new AbortController().signal;

function makeBackend(
  server: DaytonaServer,
  changes: Record<string, unknown> = {},
  apiKey: string | undefined = server.apiKey,
) {
  const settings = daytonaSettings.parse({ api_url: server.apiUrl, ...changes });
  return makeDaytonaBackend({ settings, apiKey, instance: 'test' });
}

terminalContract('daytona', {
  skipScripts: 'its machines are this one, whose shell the local machine is tried with',
  skipHeavy: 'the local machine and ssh are tried with it',
  slowMs: 1000,
  async open() {
    const server = await startDaytonaServer();
    return { backend: makeBackend(server), workspace: '/nowhere', close: server.close };
  },
});

async function run(machine: Machine, script: string, stdin?: Uint8Array): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, stdin, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}

describe('sandboxes of daytona', () => {
  let server: DaytonaServer;
  beforeAll(async () => {
    server = await startDaytonaServer();
  });
  afterAll(() => server.close());
  const open = (key: string, changes?: Record<string, unknown>, limits: MachineLimits = {}) =>
    makeBackend(server, changes).open({ key, workspace: '/x', limits, signal });

  it('are made once, found again, and never bill for long while nobody uses them', async () => {
    const machine = await open('p1', { network: false });
    await run(machine, 'echo kept > "$HOME/workspace/note"');
    expect(await run(await open('p1'), 'cat "$HOME/workspace/note"')).toBe('kept\n');
    expect(server.created).toHaveLength(1);
    expect(server.created[0]).toMatchObject({
      name: 'herald-test-p1',
      labels: { 'herald.key': 'p1', 'herald.instance': 'test' },
      autoStopInterval: 15,
      autoDeleteInterval: -1,
      networkBlockAll: true,
    });
    const sized = await open('p2', { image: 'debian:12' }, { cpus: 1.5, memoryMb: 1500, diskMb: 5000 });
    expect(server.created[1]).toMatchObject({ cpu: 2, memory: 2, disk: 5, networkBlockAll: false });
    await sized.destroy();
  });

  it('sleep, and wake up with the next command, also when Daytona stopped them', async () => {
    const machine = await open('p3');
    await machine.hibernate?.();
    expect(server.states()).toContain('stopped');
    expect(await run(machine, 'echo up')).toBe('up\n');
    server.stopByItself();
    expect(await run(machine, 'echo again')).toBe('again\n');
    server.stopByItself();
    expect(await run(await open('p3'), 'echo opened')).toBe('opened\n');
  });

  it('go on telling where a connection broke, and leave no session behind', async () => {
    const machine = await open('p4');
    let drops = 0;
    const chunks: Uint8Array[] = [];
    const { code } = await machine.exec({
      script:
        'echo one; sleep 0.3; echo two; sleep 0.3; printf "three\\001\\001\\001\\002\\002\\002\\000\\377"; exit 5',
      signal,
      onOutput(chunk) {
        chunks.push(chunk);
        if (drops++ < 2) server.dropLogs();
      },
    });
    expect(code).toBe(5);
    expect(Buffer.concat(chunks).toString('latin1')).toBe('one\ntwo\nthree\u0001\u0001\u0001\u0002\u0002\u0002\u0000ÿ');
    await expect.poll(() => server.openSessions()).toBe(0);
  });

  it('take large input', async () => {
    const machine = await open('p5');
    const data = Buffer.alloc(700_000, 'abc');
    expect(await run(machine, 'wc -c', data)).toMatch(/^\s*700000\n$/);
  });

  it('that were stopped or deleted during a command or before say so', async () => {
    const machine = await open('p6');
    const stopped = machine.exec({ script: 'echo up; sleep 30', signal, onOutput: () => server.stopByItself() });
    await expect(stopped).rejects.toMatchObject({ code: 'terminal_unreachable' });
    expect(await run(machine, 'echo fine')).toBe('fine\n');
    server.deleteAll();
    await expect(run(machine, 'true')).rejects.toMatchObject({ code: 'terminal_gone' });
    await machine.destroy();
    expect(await run(await open('p6'), 'echo new')).toBe('new\n');
  });

  it('say what is wrong with key, server and installation', async () => {
    const request = { key: 'p7', workspace: '/x', limits: {}, signal };
    await expect(makeBackend(server, {}, 'wrong').open(request)).rejects.toMatchObject({
      code: 'terminal_unreachable',
      retryable: false,
      publicMessage: expect.stringContaining('api_key_env'),
    });
    const settings = daytonaSettings.parse({ api_url: server.apiUrl });
    const without = makeDaytonaBackend({ settings, apiKey: undefined, instance: 'test' });
    expect(await without.check(signal)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('DAYTONA_API_KEY'),
    });
    const missing = makeDaytonaBackend({
      settings,
      apiKey: 'k',
      instance: 'test',
      load: () => Promise.reject(new Error('Cannot find package')),
    });
    await expect(missing.open(request)).rejects.toMatchObject({
      code: 'tool_unavailable',
      publicMessage: expect.stringContaining('npm install @daytonaio/sdk@0.218.0'),
    });
    expect(await makeBackend(server).check(signal)).toMatchObject({ ok: true });
  });
});
