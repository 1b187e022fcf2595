// Getting in, staying in, and being who and where we should be.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { waitFor } from '../../support/gateway-process.ts';
import { startIrcServer, type IrcServer, type IrcServerOptions } from '../../support/irc/ircv3-server.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import { makeAdapter, type IrcRigOptions } from './irc-rig.ts';

const MINUTE_MS = 60_000;

describe('the connection', () => {
  let server: IrcServer;
  let adapter: Adapter;
  let record: RecordingHost;
  const open = async (options: IrcRigOptions = {}, more: IrcServerOptions = {}, prepare?: () => void) => {
    server = await startIrcServer(more);
    record = makeRecordingHost();
    adapter = makeAdapter(server.port, options);
    prepare?.();
    await adapter.start(record.host);
  };
  const last = () => record.states.at(-1);
  const lines = (part: string) => server.lines.map(({ line }) => line).filter((line) => line.includes(part));

  afterEach(async () => {
    await adapter.stop();
    await record.close();
    await server.close();
  });

  it('asks for what it can use, and says that it is a bot', async () => {
    await open();
    expect(last()).toEqual({ state: 'online', detail: undefined });
    await waitFor('the mode', () => lines('MODE herald +B').length === 1);
    expect(lines('CAP REQ')[0]).toMatch(/account-tag.*chathistory|chathistory.*account-tag/);
    expect(lines('AUTHENTICATE')).toEqual([]);
  });

  it('gives the password by SASL, also a long one', async () => {
    const password = `${'långt lösenord '.repeat(18)}!`;
    await open({ settings: { password, account: 'hal' } }, { accounts: { hal: password } });
    expect(last()?.state).toBe('online');
    expect(lines('PASS')).toEqual([]);
    expect(lines('AUTHENTICATE').length).toBeGreaterThan(2);
  });

  it.each([
    ['a wrong password', { accounts: { herald: 'right' } }],
    ['a server without SASL', { without: ['sasl'] }],
  ])('asks for another login after %s, and does not knock on', async (_, options) => {
    const clock = makeFakeClock(Date.now());
    await open({ clock, settings: { password: 'wrong-password' } }, options);
    expect(last()).toMatchObject({ state: 'needs-login', detail: expect.stringContaining('IRC_PASSWORD') });
    const tries = lines('CAP LS').length;
    await clock.advance(5 * MINUTE_MS);
    expect(lines('CAP LS')).toHaveLength(tries);
    expect(server.isOnline('herald')).toBe(false);
  });

  it('gives the password to the server, or to NickServ', async () => {
    await open({ settings: { password: 'letmein', auth: 'server' } }, { password: 'letmein' });
    expect(last()?.state).toBe('online');
    await adapter.stop();
    await server.close();
    server = await startIrcServer();
    server.addUser('NickServ');
    adapter = makeAdapter(server.port, { settings: { password: 'letmein', auth: 'nickserv', account: 'hal' } });
    const started = adapter.start(record.host);
    await waitFor('the password', () => server.heard('NickServ').length === 1);
    expect(server.heard('NickServ')[0]?.text).toBe('IDENTIFY hal letmein');
    server.say('NickServ', 'herald', 'You are now identified for hal.', { type: 'NOTICE' });
    await started;
    expect(last()).toEqual({ state: 'online', detail: undefined });
  });

  it('needs a login when NickServ or the server refuses the password', async () => {
    await open({ settings: { password: 'wrong', auth: 'server' } }, { password: 'letmein' });
    expect(last()).toMatchObject({ state: 'needs-login' });
    await adapter.stop();
    await server.close();
    server = await startIrcServer();
    server.addUser('NickServ');
    adapter = makeAdapter(server.port, { settings: { password: 'wrong', auth: 'nickserv' } });
    const started = adapter.start(record.host);
    await waitFor('the password', () => server.heard('NickServ').length === 1);
    server.say('NickServ', 'herald', 'Invalid password for herald.', { type: 'NOTICE' });
    await started;
    expect(last()).toMatchObject({ state: 'needs-login', detail: expect.stringContaining('NickServ') });
  });

  it('takes another nick while ours is taken, and ours when it is free', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock }, {}, () => {
      server.addUser('herald');
      server.addUser('herald_');
    });
    expect(last()).toMatchObject({ state: 'online', detail: expect.stringContaining('herald__') });
    server.addUser('Ada', 'adal');
    server.say('Ada', 'herald__', 'hi');
    await record.waitFor((message) => message.text === 'hi');
    server.removeUser('herald');
    await clock.advance(5 * MINUTE_MS);
    await waitFor('our nick', () => server.isOnline('herald'));
    server.say('Ada', 'herald', 'you are back');
    await record.waitFor((message) => message.text === 'you are back');
  });

  it('says so when nobody can be known', async () => {
    await open({}, { without: ['account-tag'] });
    expect(last()).toMatchObject({ state: 'online', detail: expect.stringContaining('trust_nicks') });
  });

  it('joins its channels, with keys, and tells which do not let it in', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock, settings: { channels: ['#one', '#locked sesame', '#Banned'] } }, {}, () =>
      server.ban('#banned', true),
    );
    expect(last()).toMatchObject({ state: 'online', detail: expect.stringContaining('#Banned: Cannot join') });
    expect([server.members('#one'), server.members('#locked'), server.members('#banned')]).toEqual([
      ['herald'],
      ['herald'],
      [],
    ]);
    server.ban('#banned', false);
    await clock.advance(5 * MINUTE_MS);
    await waitFor('the channel', () => server.members('#banned').length === 1);
  });

  it('comes back after a kick, but not at once', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock, settings: { channels: ['#one'] } });
    server.kick('#one', 'herald');
    server.addUser('Ada', 'adal');
    server.say('Ada', 'herald', 'kicked');
    await record.waitFor((message) => message.text === 'kicked');
    await clock.advance(20_000);
    expect(server.members('#one')).toEqual([]);
    await clock.advance(15_000);
    await waitFor('the channel', () => server.members('#one').length === 1);
  });

  it('gives up a server that says nothing, and tries again', async () => {
    const clock = makeFakeClock(Date.now());
    server = await startIrcServer();
    server.silence(true);
    record = makeRecordingHost();
    adapter = makeAdapter(server.port, { clock });
    const started = adapter.start(record.host);
    await waitFor('the login', () => lines('USER').length === 1);
    await clock.advance(45_100);
    await started;
    expect(last()?.state).toBe('offline');
    server.silence(false);
    await clock.advance(2_000);
    await record.waitUntil(() => last()?.state === 'online');
  });

  it('waits longer each time that it is thrown out at once', async () => {
    const clock = makeFakeClock(Date.now());
    await open({ clock });
    for (const waitMs of [1_000, 2_000, 4_000]) {
      server.disconnect();
      await record.waitUntil(() => last()?.state === 'connecting');
      await clock.advance(waitMs * 0.6);
      expect(last()?.state).toBe('connecting');
      await clock.advance(waitMs * 0.5);
      await record.waitUntil(() => last()?.state === 'online');
    }
  });

  it('outlives what it cannot read', async () => {
    await open();
    server.addUser('Ada', 'adal');
    for (const line of [`:x ${'y'.repeat(15_000)}`, ':irc.test CAP', '@=;;= ::', ':irc.test 005 herald PREFIX=x'])
      server.sendRaw('herald', line);
    server.say('Ada', 'herald', 'still there?');
    await record.waitFor((message) => message.text === 'still there?');
    server.sendRaw('herald', 'z'.repeat(40_000), '');
    await record.waitUntil(() => last()?.state === 'connecting');
    await record.waitUntil(() => last()?.state === 'online');
  });
});

const OPENSSL = '/usr/bin/openssl';
const HAS_OPENSSL = fs.existsSync(OPENSSL);

describe.skipIf(!HAS_OPENSSL)(`TLS${HAS_OPENSSL ? '' : ' (openssl is not installed)'}`, () => {
  it('takes a certificate by its fingerprint, and no other', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-irc-tls-'));
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
    const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=irc.test'];
    execFileSync(OPENSSL, ['req', '-x509', ...options, '-keyout', key ?? '', '-out', cert ?? ''], {
      stdio: 'ignore',
    });
    const pem = { key: fs.readFileSync(key ?? '', 'utf8'), cert: fs.readFileSync(cert ?? '', 'utf8') };
    const server = await startIrcServer({ tls: pem });
    const record = makeRecordingHost();
    const fingerprint = new X509Certificate(pem.cert).fingerprint256;
    try {
      for (const [settings, state] of [
        [{ tls_fingerprint: fingerprint }, 'online'],
        [{ tls_fingerprint: 'ab'.repeat(32) }, 'offline'],
        [{}, 'offline'],
      ] as const) {
        const adapter = makeAdapter(server.port, { settings: { tls: true, ...settings } });
        await adapter.start(record.host);
        expect(record.states.at(-1)?.state).toBe(state);
        await adapter.stop();
      }
    } finally {
      await record.close();
      await server.close();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
