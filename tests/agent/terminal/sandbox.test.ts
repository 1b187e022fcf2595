// The local backend in its sandbox: the contract of terminals, and what commands must not reach.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLocalBackend } from '../../../agent/terminal/local/backend.ts';
import type { Machine } from '../../../agent/terminal/machine.ts';
import { openShell, type RunRequest } from '../../../agent/terminal/shell.ts';
import { systemClock } from '../../../shared/clock.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';
import { openLocal, sandboxProblem, type LocalUnderTest } from '../../support/terminal/local.ts';

const skip = await sandboxProblem();
const never = new AbortController().signal;

terminalContract('local in its sandbox', { open: () => openLocal('require'), skip });

describe.skipIf(skip !== undefined)(`the sandbox ${skip ?? ''}`, () => {
  let under: LocalUnderTest;
  let machine: Machine;
  const run = (command: string, extra: Partial<RunRequest> = {}) =>
    openShell(machine, { clock: systemClock }).run({ command, timeoutMs: 10_000, signal: never, ...extra });
  beforeAll(async () => {
    under = await openLocal('require', { memoryMb: 200, diskMb: 5 });
    machine = await under.backend.open({
      key: 'one',
      workspace: under.workspace,
      limits: under.limits ?? {},
      signal: never,
    });
  });
  afterAll(() => under.close());

  it('says that it is one', async () => {
    expect(machine.isolation).toEqual({ files: true, network: 'per-call' });
    expect(under.backend.isolation).toEqual(machine.isolation);
    const { ok, detail } = await under.backend.check(never);
    expect(ok).toBe(true);
    expect(detail).toMatch(/sandbox \((bubblewrap|seatbelt)\)/);
  });

  it("hides the home folder, Herald's data and other machines, though their paths are known", async () => {
    const other = await under.backend.open({
      key: 'two',
      workspace: path.join(under.data, 'workspaces', 'two'),
      limits: {},
      signal: never,
    });
    await other.put(path.join(other.workspace, 'private.txt'), Buffer.from('a secret of somebody else'), never);
    const files = [
      path.join(under.home, 'secret.txt'),
      path.join(under.data, 'secret.txt'),
      path.join(other.workspace, 'private.txt'),
      path.join(machine.workspace, '..', '..', 'secret.txt'),
      '/etc/shadow',
      '/root/.bashrc',
      '/run/docker.sock',
      '/var/run/docker.sock',
      `/proc/${process.pid}/environ`,
      `/proc/1/root${under.data}/secret.txt`,
    ];
    const { output } = await run(
      files.map((file) => `cat '${file}' && echo "READ ${file}"`).join('\n') + `\nls '${under.data}' '${under.home}' /`,
    );
    expect(output).not.toContain('a secret of');
    expect(output).not.toContain('READ');
    expect(output).not.toMatch(/^(root|run|boot|srv|mnt)$/m);
    await expect(machine.get(path.join(under.data, 'secret.txt'), 100, never)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(fs.readFileSync(path.join(under.data, 'secret.txt'), 'utf8')).toBe('a secret of the host');
  });

  it('is not led out by links, neither in commands nor in file transfers nor in later calls', async () => {
    const secret = path.join(under.data, 'secret.txt');
    await run(
      [
        `ln -s '${secret}' link; ln -s '${under.data}' folder`,
        `rm -rf '${machine.stateDir}/runs' '${machine.stateDir}/shell' /tmp/* ~/* 2>/dev/null`,
        `ln -s '${under.data}' '${machine.stateDir}/shell'; ln -s '${under.data}' ~/data; ln -s /root /tmp/root`,
        `ln -s '${under.data}' '${machine.stateDir}/tmp'`,
      ].join('\n'),
    );
    await expect(machine.get(path.join(machine.workspace, 'link'), 100, never)).rejects.toMatchObject({
      code: 'not_found',
    });
    // Inside, the folder may exist as the place where the workspace lies: it is not the one outside.
    await machine.put(path.join(machine.workspace, 'folder', 'new.txt'), Buffer.from('x'), never).catch(() => {});
    expect((await run('cat link folder/secret.txt ~/data/secret.txt /tmp/root/.bashrc')).output).not.toContain(
      'a secret',
    );
    expect(fs.readdirSync(under.data).sort()).toEqual(['secret.txt', 'terminal', 'workspaces']);
    await run(`rm -f '${machine.stateDir}/shell' '${machine.stateDir}/tmp'; rm -rf ~/data /tmp/root link folder`);
    expect((await run('echo fine')).output).toBe('fine\n');
  });

  it('lets only the workspace, its own /tmp and its own home be written, which last', async () => {
    const { output } = await run(
      'for f in /usr/x /etc/x /x /opt/x; do touch "$f" 2>/dev/null && echo "WROTE $f"; done; echo a > kept; echo b > /tmp/kept; echo c > ~/kept',
    );
    expect(output).toBe('');
    expect((await run('cat kept /tmp/kept ~/kept; echo ~')).output).toBe('a\nb\nc\n/home/herald\n');
    expect(fs.existsSync('/tmp/kept')).toBe(false);
  });

  it('has no rights to gain: no capabilities, no set-uid, no new namespaces, no processes of others', async () => {
    const { output } = await run(
      "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t' ' '; unshare -Ur true 2>&1 | grep -c .; ls -d /proc/[0-9]* | wc -l",
    );
    const [effective, bounding, noNew, unshared, processes] = output.split('\n');
    expect([effective, bounding, noNew]).toEqual([
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
    ]);
    expect(Number(unshared)).toBeGreaterThan(0);
    expect(Number(processes)).toBeLessThan(20);
    expect((await run(`kill -0 ${process.pid}`)).code).not.toBe(0);
  });

  it('reaches the network only with permission, and then finds names', async () => {
    const server = net.createServer((socket) => socket.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ask = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
    try {
      expect(await run(ask)).not.toMatchObject({ code: 0 });
      expect((await run('cat /etc/resolv.conf')).code).not.toBe(0);
      expect(await run(ask, { network: true })).toMatchObject({ code: 0, output: 'reached' });
      expect((await run('cat /etc/resolv.conf', { network: true })).output).toContain('nameserver');
      // A server of its own is still possible.
      expect((await run('ls /sys/class/net 2>/dev/null; grep -c lo: /proc/net/dev')).output).toBe('1\n');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('limits memory and the size of files', async () => {
    const big = await run('head -c 400000000 /dev/zero | tail -c 399999999 | wc -c');
    expect(big.output).not.toContain('399999999');
    await run('head -c 20000000 /dev/zero > big');
    expect(fs.statSync(path.join(under.workspace, 'big')).size).toBeLessThanOrEqual(5 * 1024 * 1024);
    expect((await run('ulimit -c; ulimit -Hc')).output).toBe('0\n0\n');
  });

  it('clears its temporary files away when they are old', async () => {
    await run(
      `touch /tmp/new; mkdir /tmp/old; ln -s '${under.workspace}' /tmp/old/link; touch here; touch -t 202001010000 /tmp/old`,
    );
    await machine.hibernate?.();
    expect((await run('ls /tmp; ls here')).output).toMatch(/^(?!.*old)[\s\S]*new\nhere\n$/);
  });

  it('refuses a workspace that holds what is hidden', async () => {
    for (const workspace of [under.home, under.data, path.dirname(under.data)]) {
      await expect(under.backend.open({ key: 'three', workspace, limits: {}, signal: never })).rejects.toMatchObject({
        code: 'config_invalid',
      });
    }
    await expect(
      under.backend.open({ key: '../x', workspace: under.workspace, limits: {}, signal: never }),
    ).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('where there is no sandbox', () => {
  const options = { clock: systemClock, root: '/nonexistent', home: '/nonexistent', hidden: [], path: '/nonexistent' };

  it('says so and why, and counts as not kept apart', async () => {
    const backend = await openLocalBackend({ ...options, platform: 'linux' });
    const { ok, detail } = await backend.check(never);
    expect(ok).toBe(true);
    expect(detail).toMatch(/WITHOUT a sandbox.*Install bubblewrap/);
    expect(backend.isolation).toEqual({ files: false, network: 'always' });
    const elsewhere = await openLocalBackend({ ...options, platform: 'freebsd' });
    expect((await elsewhere.check(never)).detail).toContain('no sandbox for freebsd');
  });

  it('runs nothing when one is required', async () => {
    const backend = await openLocalBackend({ ...options, platform: 'linux', sandbox: 'require' });
    expect(await backend.check(never)).toMatchObject({ ok: false });
    await expect(
      backend.open({ key: 'k', workspace: '/nonexistent', limits: {}, signal: never }),
    ).rejects.toMatchObject({ code: 'tool_unavailable' });
  });
});
