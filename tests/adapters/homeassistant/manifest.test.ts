import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { homeAssistantManifest } from '../../../adapters/homeassistant/manifest.ts';
import { DEFAULT_BLOCKED, homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import type { LoginIo, LoginQuestion } from '../../../adapters/login.ts';
import { accountId } from '../../../shared/ids.ts';
import { startHomeServer, type HomeServer, type HomeServerOptions } from '../../support/homeassistant/server.ts';
import { hexId } from '../../support/homeassistant/world.ts';

const base = { url: 'http://ha.test:8123/', token: ' eyJhbGciOi.abc-def_ghi.jkl ' };

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = homeAssistantSettings.parse(base);
    expect(settings).toEqual({
      url: 'http://ha.test:8123',
      token: 'eyJhbGciOi.abc-def_ghi.jkl',
      conversation: true,
      watched: [],
      notify: {},
      blocked_domains: DEFAULT_BLOCKED,
    });
    const more = homeAssistantSettings.parse({
      ...base,
      notify: { default: 'notify.mobile_app_x', [hexId()]: ['notify.a', 'notify.b'] },
      watched: [{ entities: ['lock.*'] }, { events: ['zha_event'], data: { command: 'on' } }],
    });
    expect(homeAssistantSettings.parse(more)).toEqual(more);
    expect(more.notify['default']).toEqual(['notify.mobile_app_x']);
  });

  it.each([
    [{ url: 'homeassistant.local:8123' }],
    [{ url: 'ftp://ha.test' }],
    [{ url: 'http://ha.test/?x=1' }],
    [{ token: 'short' }],
    [{ token: 'with a space in the token' }],
    [{ tokn: 'x' }],
    [{ notify: { ada: 'notify.x' } }],
    [{ notify: { default: 'light.turn_on' } }],
    [{ notify: { default: 'notify.send_message' } }],
    [{ watched: [{}] }],
    [{ watched: [{ entities: ['everything'] }] }],
    [{ watched: [{ entities: ['a.b'], events: ['c'] }] }],
    [{ watched: [{ events: ['state_changed'] }] }],
    [{ watched: [{ events: ['herald_message'] }] }],
    [{ watched: [{ events: ['x'], to: ['on'] }] }],
    [{ watched: [{ entities: ['a.b'], above: 1, to: ['on'] }] }],
    [{ watched: [{ entities: ['a.b'], data: { x: 1 } }] }],
    [{ watched: [{ entities: ['a.b'], cooldown_seconds: -1 }] }],
    [{ blocked_domains: ['not a domain'] }],
  ])('refuse %j', (settings) => {
    expect(homeAssistantSettings.safeParse({ ...base, ...settings }).success).toBe(false);
  });
});

describe('verify', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  const start = async (options?: HomeServerOptions): Promise<HomeServer> => {
    const home = await startHomeServer(options);
    closers.push(() => home.close());
    return home;
  };
  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  };
  const check = (settings: Record<string, unknown>) =>
    homeAssistantManifest.verify?.(
      { platform: 'homeassistant', account: accountId('default'), settings: { ...base, ...settings }, fetch },
      AbortSignal.timeout(8_000),
    );

  it('says which home it is', async () => {
    const { url, token } = await start();
    expect(await check({ url, token })).toMatchObject({ ok: true, name: 'Test Home (Home Assistant 2026.11.1)' });
  });

  it('says what is wrong with token, user or proxy', async () => {
    const home = await start();
    const told = await check({ url: home.url, token: 'a-wrong-token-of-mine' });
    expect(told).toMatchObject({ ok: false, reason: 'auth', message: expect.stringContaining('long-lived') });
    expect(JSON.stringify(told)).not.toContain('a-wrong-token-of-mine');
    const { url, token } = await start({ admin: false });
    expect(await check({ url, token })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('administrator'),
    });
    expect(await check({ url, token, conversation: false })).toMatchObject({ ok: true });
    const bare = await start({ withoutWebSocket: true });
    expect(await check({ url: bare.url, token: bare.token })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('WebSocket'),
    });
  });

  it('says what is wrong with the address, and takes the token nowhere else', async () => {
    const home = await start();
    expect(await check({ url: home.url.replace('http:', 'https:') })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('http://'),
    });
    expect(await check({ url: 'http://no-such-host.invalid:8123' })).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('name'),
    });
    const seen: string[] = [];
    const target = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.end('{"message":"API running."}');
    });
    const moved = await serve(
      (_request, response) => void response.writeHead(301, { location: `${target}/api/` }).end(),
    );
    expect(await check({ url: moved })).toMatchObject({ reason: 'settings', message: expect.stringContaining(target) });
    expect(seen).toEqual([]);
    const other = await serve((_request, response) => void response.end('<html>a router</html>'));
    expect(await check({ url: other })).toMatchObject({
      reason: 'settings',
      message: expect.stringContaining('not Home Assistant'),
    });
    const answers: [number, string, string][] = [
      [400, 'Bad Request', 'trusted_proxies'],
      [400, 'The plain HTTP request was sent to HTTPS port', 'https://'],
      [403, 'Forbidden', 'ip_bans'],
      [502, 'Bad Gateway', '502'],
    ];
    for (const [status, body, told] of answers) {
      const url = await serve((_request, response) => void response.writeHead(status).end(body));
      expect(await check({ url })).toMatchObject({ ok: false, message: expect.stringContaining(told) });
    }
    await home.goAway();
    expect(await check({ url: home.url })).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('8123'),
    });
  });
});

describe('login', () => {
  it('asks until address and token are right, and offers the phones', async () => {
    const home = await startHomeServer();
    const said: string[] = [];
    const shown: string[] = [];
    const asked: LoginQuestion[] = [];
    const answers = ['http://127.0.0.1:9', 'wrong-wrong-wrong', home.url, home.token];
    const io: LoginIo = {
      ask: async (question) => {
        asked.push(question);
        return answers.shift() ?? '';
      },
      choose: async ({ options }) => options.at(1)?.value ?? '',
      show: (step) => void shown.push(step.kind === 'url' ? step.url : ''),
      say: (text) => void said.push(text),
      fetch,
      signal: AbortSignal.timeout(10_000),
    };
    try {
      const login = await homeAssistantManifest.login?.();
      const result = await login?.(io);
      expect(result).toEqual({
        name: 'Test Home (Home Assistant 2026.11.1)',
        settings: { url: home.url, notify: { default: 'notify.mobile_app_ada' } },
        secrets: { token: home.token },
      });
      expect(homeAssistantSettings.safeParse({ ...result?.settings, ...result?.secrets }).success).toBe(true);
      expect(asked.map(({ key, initial, secret }) => [key, initial, secret])).toEqual([
        ['url', 'http://homeassistant.local:8123', undefined],
        ['token', undefined, true],
        ['url', 'http://127.0.0.1:9', undefined],
        ['token', undefined, true],
      ]);
      expect(asked[0]?.check?.('homeassistant')).toContain('It ');
      expect(asked[0]?.check?.('http://192.168.1.5:8123')).toBeUndefined();
      expect(asked[1]?.check?.('short')).toContain('It must be');
      expect(shown).toContain(`${home.url}/profile/security`);
      expect(said).toEqual([
        expect.stringContaining('could not be reached'),
        expect.stringContaining('Found Test Home'),
      ]);
    } finally {
      await home.close();
    }
  });
});
