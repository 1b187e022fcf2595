// The modal backend through Modal's own software kit, against a server that speaks its gRPC and really runs commands.
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Machine, MachineLimits } from '../../../agent/terminal/machine.ts';
import { makeModalBackend } from '../../../agent/terminal/modal/backend.ts';
import { modalSettings } from '../../../agent/terminal/modal/settings.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';
import { startModalServer, type ModalServer } from '../../support/machines/modal-server.ts';

const signal = new AbortController().signal;
const serverUrlBefore = process.env['MODAL_SERVER_URL'];

afterAll(() => {
  if (serverUrlBefore === undefined) delete process.env['MODAL_SERVER_URL'];
  else process.env['MODAL_SERVER_URL'] = serverUrlBefore;
});

/** The kit takes the address of its server from the environment only. */
async function start(): Promise<ModalServer> {
  const server = await startModalServer();
  process.env['MODAL_SERVER_URL'] = server.url;
  return server;
}

function makeBackend({ token, workspace, stateDir }: ModalServer, changes: Record<string, unknown> = {}) {
  return makeModalBackend({ settings: modalSettings.parse(changes), ...token, instance: 'test', workspace, stateDir });
}

terminalContract('modal', {
  skipScripts: 'its machines are this one, whose shell the local machine is tried with',
  skipHeavy: 'the local machine and ssh are tried with it',
  slowMs: 1000,
  async open() {
    const server = await start();
    return { backend: makeBackend(server), workspace: '/nowhere', close: server.close };
  },
});

async function run(machine: Machine, script: string, stdin?: Uint8Array): Promise<string> {
  const chunks: Uint8Array[] = [];
  await machine.exec({ script, stdin, signal, onOutput: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString();
}

describe('sandboxes of modal', () => {
  let server: ModalServer;
  beforeEach(async () => {
    server = await start();
  });
  afterEach(() => server.close());
  const open = (changes?: Record<string, unknown>, limits: MachineLimits = {}) =>
    makeBackend(server, changes).open({ key: 'p1', workspace: '/x', limits, signal });

  it('are made once, found again, and end by themselves while nobody uses them', async () => {
    const machine = await open({ network: false }, { cpus: 0.5, memoryMb: 512 });
    await run(machine, 'echo kept > note');
    expect(await run(await open(), 'cat note')).toBe('kept\n');
    expect(server.created).toEqual([
      {
        imageId: 'im-FROM-debian-stable-slim',
        name: 'herald-test-p1',
        idleSeconds: 1200,
        isBlocked: true,
        memoryMb: 512,
        milliCpu: 500,
      },
    ]);
    const data = Buffer.alloc(700_000, 'abc');
    expect(await run(machine, 'wc -c', data)).toMatch(/^\s*700000\n$/);
    await machine.close();
  });

  it('sleep as an image and wake up with the next command, with all their files', async () => {
    const machine = await open();
    await run(machine, `echo kept > note; echo installed > "${server.stateDir}/program"`);
    await machine.hibernate?.();
    expect(server.running()).toBe(0);
    expect(server.images()).toEqual(['herald-test-p1:latest']);
    expect(await run(machine, `cat note "${server.stateDir}/program"`)).toBe('kept\ninstalled\n');
    await machine.hibernate?.();
    expect(await run(await open(), `cat note "${server.stateDir}/program"`)).toBe('kept\ninstalled\n');
    expect(server.created).toHaveLength(3);
  });

  it('keep the workspace when Modal ended them by itself', async () => {
    const machine = await open();
    await run(machine, 'echo kept > note');
    server.endAll();
    expect(await run(machine, 'cat note')).toBe('kept\n');
    const ended = machine.exec({ script: 'echo up; sleep 30', signal, onOutput: () => server.endAll() });
    await expect(ended).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
    expect(await run(machine, 'cat note')).toBe('kept\n');
  });

  it('are destroyed without a trace', async () => {
    const machine = await open();
    await machine.hibernate?.();
    await run(machine, 'true');
    await machine.destroy();
    await machine.destroy();
    expect([server.running(), server.volumes(), server.images()]).toEqual([0, [], []]);
  });

  it('say what is wrong with token, server and installation', async () => {
    const request = { key: 'p1', workspace: '/x', limits: {}, signal };
    const settings = modalSettings.parse({});
    const wrong = makeModalBackend({ settings, tokenId: 'ak-no', tokenSecret: 'as-no', instance: 'test' });
    await expect(wrong.open(request)).rejects.toMatchObject({
      code: 'terminal_unreachable',
      publicMessage: expect.stringContaining('token_id_env'),
    });
    const without = makeModalBackend({ settings, tokenId: undefined, tokenSecret: undefined, instance: 'test' });
    expect(await without.check(signal)).toMatchObject({ ok: false, detail: expect.stringContaining('MODAL_TOKEN_ID') });
    const missing = makeModalBackend({
      settings,
      ...server.token,
      instance: 'test',
      load: () => Promise.reject(new Error('Cannot find package')),
    });
    await expect(missing.open(request)).rejects.toMatchObject({
      code: 'tool_unavailable',
      publicMessage: expect.stringContaining('npm install --save-exact modal@0.11.1'),
    });
    expect(await makeBackend(server).check(signal)).toMatchObject({ ok: true });
  });
});
