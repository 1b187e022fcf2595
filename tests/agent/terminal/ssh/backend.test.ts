// The ssh backend against a real OpenSSH server: what runs, what is kept over broken connections, and how failures are told apart.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Machine } from '../../../../agent/terminal/machine.ts';
import { makeSshBackend } from '../../../../agent/terminal/ssh/backend.ts';
import { sshSettings } from '../../../../agent/terminal/ssh/settings.ts';
import { sshdMissing, startSshServer, type SshServer } from '../../../support/machines/sshd.ts';

const idle = () => new AbortController().signal;

async function run(machine: Machine, script: string, stdin?: Uint8Array) {
  const chunks: Uint8Array[] = [];
  const { code } = await machine.exec({ script, stdin, signal: idle(), onOutput: (chunk) => chunks.push(chunk) });
  return { code, output: Buffer.concat(chunks).toString() };
}

describe.skipIf(sshdMissing !== undefined)(`ssh backend${sshdMissing === undefined ? '' : ` (${sshdMissing})`}`, () => {
  let server: SshServer;
  const machines: Machine[] = [];
  const backend = (changes: Record<string, unknown> = {}) =>
    makeSshBackend({
      settings: sshSettings.parse({
        host: '127.0.0.1',
        port: server.port,
        user: server.user,
        identity_file: server.identityFile,
        known_hosts: server.knownHosts,
        folder: server.folder,
        connect_timeout_seconds: 5,
        ...changes,
      }),
    });
  let shared: Backend | undefined;
  const open = async (key = 'p1', changes?: Record<string, unknown>) => {
    const from = changes ? backend(changes) : (shared ??= backend());
    const machine = await from.open({ key, workspace: '/nowhere', limits: {}, signal: idle() });
    machines.push(machine);
    return machine;
  };
  beforeAll(async () => {
    server = await startSshServer();
  });
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.close()));
    await server.remove();
  });

  it('runs scripts with their input, status and both outputs in order', async () => {
    const machine = await open();
    expect(machine.workspace).toBe(path.join(fs.realpathSync(server.folder), 'p1'));
    expect(await run(machine, 'echo one; echo two >&2; echo three; exit 7')).toEqual({
      code: 7,
      output: 'one\ntwo\nthree\n',
    });
    expect(await run(machine, `cat; printf '%s' "it's \\$HOME !x"`, Buffer.from('input '))).toEqual({
      code: 0,
      output: "input it's $HOME !x",
    });
    expect(await run(machine, 'cat')).toEqual({ code: 0, output: '' });
    expect((await run(machine, 'exit 255')).code).toBe(255);
    expect((await run(machine, 'kill -9 $$')).code).toBe(137);
    expect(await run(machine, 'echo "$HERALD_MACHINE"')).toEqual({ code: 0, output: 'ssh-p1\n' });
  });

  it('keeps one connection for all calls and makes a new one when it broke', async () => {
    const machine = await open('p2');
    await run(machine, 'true');
    const before = server.logins();
    await Promise.all(Array.from({ length: 5 }, () => run(machine, 'true')));
    expect(server.logins()).toBe(before);
    const broken = run(machine, 'echo begun; sleep 30');
    const outcome = expect(broken).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
    await expect.poll(() => runningHere('sleep 30')).toBe(true);
    server.dropConnections();
    await outcome;
    expect(await run(machine, 'echo again')).toEqual({ code: 0, output: 'again\n' });
    expect(server.logins()).toBe(before + 1);
  });

  it('carries files byte for byte, in one step, and keeps what was there when the connection breaks', async () => {
    const machine = await open('p3');
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7919) % 256));
    const file = `${machine.workspace}/a b/'quoted' $x.bin`;
    await machine.put(file, bytes, idle());
    expect(Buffer.compare(Buffer.from(await machine.get(file, bytes.length, idle())), bytes)).toBe(0);
    fs.chmodSync(file, 0o755);
    await machine.put(file, Buffer.from('short'), idle());
    expect(fs.statSync(file).mode & 0o777).toBe(0o755);
    expect(fs.readdirSync(path.dirname(file))).toEqual(["'quoted' $x.bin"]);
    await expect(machine.get(file, 4, idle())).rejects.toMatchObject({ code: 'too_large' });
    await expect(machine.get(`${machine.workspace}/none`, 9, idle())).rejects.toMatchObject({ code: 'not_found' });
    await expect(machine.put(machine.workspace, bytes, idle())).rejects.toMatchObject({ code: 'bad_input' });
    await expect(machine.put('relative', bytes, idle())).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('stops waiting when told to', async () => {
    const machine = await open('p4');
    const stop = new AbortController();
    const running = machine.exec({ script: 'echo up; sleep 20', signal: stop.signal, onOutput: () => stop.abort() });
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('destroys what runs there and its notes, not the workspace', async () => {
    const machine = await open('p5');
    await machine.put(`${machine.workspace}/kept`, Buffer.from('x'), idle());
    await run(machine, 'setsid sh -c "exec sleep 4711" </dev/null >/dev/null 2>&1 & sleep 0.1');
    expect(runningHere('sleep 4711')).toBe(true);
    await machine.destroy();
    await expect.poll(() => runningHere('sleep 4711')).toBe(false);
    expect(fs.existsSync(machine.stateDir)).toBe(false);
    expect(fs.existsSync(`${machine.workspace}/kept`)).toBe(true);
    await machine.destroy();
  });

  it('says what check finds', async () => {
    expect(await backend().check(idle())).toMatchObject({ ok: true });
    expect(await backend({ user: 'nobody-here' }).check(idle())).toMatchObject({
      ok: false,
      detail: expect.stringContaining('does not let Herald log in'),
    });
  });

  it('tells apart: not let in, unknown key, changed key, not there', async () => {
    const elsewhere = path.join(path.dirname(server.knownHosts), 'empty');
    fs.writeFileSync(elsewhere, '');
    await expect(open('p6', { user: 'nobody-here' })).rejects.toMatchObject({
      code: 'terminal_unreachable',
      retryable: false,
      publicMessage: expect.stringContaining('log in'),
    });
    await expect(open('p6', { known_hosts: elsewhere })).rejects.toMatchObject({
      retryable: false,
      publicMessage: expect.stringContaining('not known yet'),
    });
    const accepted = await open('p6', { known_hosts: elsewhere, host_key: 'accept-new' });
    expect(fs.readFileSync(elsewhere, 'utf8')).toContain('ssh-ed25519');
    await accepted.close();
    await server.stop();
    await expect(open('p6')).rejects.toMatchObject({ code: 'terminal_unreachable', retryable: true });
    await server.start({ newHostKey: true });
    await expect(open('p6')).rejects.toMatchObject({
      retryable: false,
      publicMessage: expect.stringContaining('not the one that is known'),
    });
    await expect(open('p6', { known_hosts: elsewhere, host_key: 'accept-new' })).rejects.toMatchObject({
      retryable: false,
    });
  });

  it('needs a host and a client', async () => {
    expect(() => makeSshBackend({ settings: sshSettings.parse({}) })).toThrow(/terminal.ssh.host/);
    const missing = makeSshBackend({ settings: sshSettings.parse({ host: 'h' }), program: '/nowhere/ssh' });
    await expect(missing.open({ key: 'k', workspace: '/', limits: {}, signal: idle() })).rejects.toMatchObject({
      code: 'tool_unavailable',
    });
  });
});

function runningHere(command: string): boolean {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === command;
      } catch {
        return false;
      }
    });
}
