import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { ircManifest } from '../../../adapters/irc/manifest.ts';
import { channelsOf, ircSettings, portOf } from '../../../adapters/irc/settings.ts';
import type { LoginIo, LoginQuestion } from '../../../adapters/login.ts';
import { accountId } from '../../../shared/ids.ts';
import { startIrcServer, type IrcServerOptions } from '../../support/irc/ircv3-server.ts';

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = ircSettings.parse({ host: ' irc.libera.chat ' });
    expect(settings).toEqual({
      host: 'irc.libera.chat',
      tls: true,
      nick: 'herald',
      channels: [],
      auth: 'sasl',
      trust_nicks: false,
      line_interval_ms: 1_500,
    });
    expect([portOf(settings), portOf({ ...settings, tls: false }), portOf({ ...settings, port: 7_000 })]).toEqual([
      6697, 6667, 7000,
    ]);
    const more = ircSettings.parse({
      host: 'x',
      tls_fingerprint: 'AB:'.repeat(32).slice(0, -1),
      channels: ['#a', '#b key'],
    });
    expect(ircSettings.parse(more)).toEqual(more);
    expect(channelsOf(more)).toEqual([
      { name: '#a', key: undefined },
      { name: '#b', key: 'key' },
    ]);
  });

  it.each([
    [{}],
    [{ host: 'irc.test\r\nQUIT' }],
    [{ host: 'x', nick: 'has space' }],
    [{ host: 'x', nick: '1digit' }],
    [{ host: 'x', channels: ['nochannel'] }],
    [{ host: 'x', channels: ['#a,#b'] }],
    [{ host: 'x', channels: ['#a\r\nQUIT'] }],
    [{ host: 'irc.test', tls: false, password: 'readable' }],
    [{ host: 'x', password: 'two\nlines' }],
    [{ host: 'x', password: 'with space', auth: 'nickserv' }],
    [{ host: 'x', account: 'a b' }],
    [{ host: 'x', tls_fingerprint: 'abc' }],
    [{ host: 'x', chanels: [] }],
  ])('refuse %j', (settings) => {
    expect(ircSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  const start = async (options?: IrcServerOptions): Promise<number> => {
    const server = await startIrcServer(options);
    closers.push(() => server.close());
    return server.port;
  };
  const check = (settings: Record<string, unknown>, signal = AbortSignal.timeout(5_000)) =>
    ircManifest.verify?.(
      {
        platform: 'irc',
        account: accountId('default'),
        settings: { host: '127.0.0.1', tls: false, ...settings },
        fetch,
      },
      signal,
    );

  it('says that it gets in, with and without a password', async () => {
    expect(await check({ port: await start() })).toMatchObject({ ok: true, name: 'herald on irc.test' });
    const password = 'x'.repeat(290);
    expect(await check({ port: await start({ accounts: { herald: password } }), password })).toMatchObject({
      ok: true,
    });
    expect(await check({ port: await start({ password: 'p' }), password: 'p', auth: 'server' })).toMatchObject({
      ok: true,
    });
  });

  it('says what is wrong, and not the password', async () => {
    const told = await check({ port: await start({ accounts: {} }), password: 'not-this-one' });
    expect(told).toMatchObject({ ok: false, reason: 'auth', message: expect.stringContaining('IRC_PASSWORD') });
    expect(JSON.stringify(told)).not.toContain('not-this-one');
    expect(await check({ port: await start({ password: 'p' }) })).toMatchObject({ ok: false, reason: 'auth' });
    expect(await check({ port: await start({ without: ['sasl'] }), password: 'p' })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('nickserv'),
    });
    const plain = createServer(
      (socket) => void socket.on('error', () => undefined).end(':irc.test NOTICE * :hello\r\n'),
    );
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const at = plain.address();
    expect(await check({ port: typeof at === 'object' && at ? at.port : 0, tls: true })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('does not speak TLS'),
    });
    plain.close();
    expect(await check({ host: 'no-such-host.invalid' })).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('name'),
    });
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await check({ port }, AbortSignal.timeout(200))).toMatchObject({ reason: 'unreachable' });
    silent.close();
    expect(await check({ port })).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('nothing listens'),
    });
  });
});

describe('login', () => {
  it('asks until the server lets us in', async () => {
    const server = await startIrcServer({ accounts: { herald: 'right' } });
    const at = `127.0.0.1:${server.port}`;
    const channels = '#one, #two key';
    const answers = [at, 'herald', 'wrong', channels, at, 'herald', 'right', channels];
    const said: string[] = [];
    const asked: LoginQuestion[] = [];
    const io: LoginIo = {
      ask: async (question) => {
        asked.push(question);
        return answers.shift() ?? '';
      },
      choose: async ({ options }) => options.at(1)?.value ?? '',
      show: () => undefined,
      say: (text) => void said.push(text),
      fetch,
      signal: AbortSignal.timeout(10_000),
    };
    try {
      const login = await ircManifest.login?.();
      const result = await login?.(io);
      expect(result).toEqual({
        name: 'herald on irc.test',
        settings: { host: '127.0.0.1', port: server.port, tls: false, nick: 'herald', channels: ['#one', '#two key'] },
        secrets: { password: 'right' },
      });
      expect(ircSettings.safeParse({ ...result?.settings, ...result?.secrets }).success).toBe(true);
      expect(said).toEqual([expect.stringContaining('IRC_PASSWORD'), expect.stringContaining('lets us in')]);
      expect(asked.map(({ key, secret, optional }) => [key, secret, optional]).slice(0, 4)).toEqual([
        ['host', undefined, undefined],
        ['nick', undefined, undefined],
        ['password', true, true],
        ['channels', undefined, true],
      ]);
      expect(asked[0]?.check?.('irc.test:6697')).toBeUndefined();
      expect(asked[0]?.check?.('not a host')).toContain('It must be');
      expect(asked[3]?.check?.('#a, b')).toContain('It must be');
    } finally {
      await server.close();
    }
  });
});
