import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { LoginIo } from '../../../adapters/login.ts';
import { matrixManifest } from '../../../adapters/matrix/manifest.ts';
import { matrixSettings } from '../../../adapters/matrix/settings.ts';
import { findHomeserver } from '../../../adapters/matrix/setup/homeserver.ts';
import { ACCOUNT } from './matrix-harness.ts';
import { startHomeserver, type Homeserver } from '../../support/matrix/server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(): Promise<Homeserver> {
  const server = await startHomeserver();
  closers.push(() => server.close());
  return server;
}

describe('settings', () => {
  const token = 'syt_a_token_of_ours';

  it('have defaults, and take their own output', () => {
    const settings = matrixSettings.parse({ homeserver: 'https://matrix.test/', access_token: ` ${token} ` });
    expect(settings).toEqual({
      homeserver: 'https://matrix.test',
      access_token: token,
      rooms: [],
      streaming: 'edit',
      edit_interval_ms: 5_000,
    });
    expect(matrixSettings.parse(settings)).toEqual(settings);
  });

  it.each([
    [{ homeserver: 'matrix.test' }],
    [{ homeserver: 'ftp://matrix.test' }],
    [{ homeserver: 'https://matrix.test/?x' }],
    [{ access_token: 'two words' }],
    [{ access_token: 'two\nlines' }],
    [{ rooms: ['team'] }],
    [{ streaming: 'draft' }],
    [{ home_server: 'https://matrix.test' }],
  ])('refuse %j', (wrong) => {
    const settings = { homeserver: 'https://matrix.test', access_token: token, ...wrong };
    expect(matrixSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const check = (homeserver: string, token: string) =>
    matrixManifest.verify?.(
      { platform: 'matrix', account: ACCOUNT, settings: { homeserver, access_token: token }, fetch },
      AbortSignal.timeout(5_000),
    );

  it('says who we are, or what is wrong, and never the token', async () => {
    const server = await start();
    expect(await check(server.url, server.token)).toEqual({ ok: true, name: server.botId });
    const refused = await check(server.url, 'syt_not_this_one');
    expect(refused).toMatchObject({ ok: false, reason: 'auth' });
    expect(JSON.stringify(refused)).not.toContain('not_this_one');
    await server.goAway();
    expect(await check(server.url, server.token)).toMatchObject({ reason: 'unreachable' });
    const other = createServer((_request, response) => response.writeHead(404).end('nothing here')).listen(
      0,
      '127.0.0.1',
    );
    await once(other, 'listening');
    closers.push(async () => other.close());
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await check(`http://127.0.0.1:${port}`, server.token)).toMatchObject({ reason: 'settings' });
  });
});

describe('login', () => {
  /** Names of example.test lead to the loopback server. */
  const fetchVia =
    (server: Homeserver): typeof fetch =>
    async (input, init) =>
      input === 'https://example.test/.well-known/matrix/client'
        ? Response.json({ 'm.homeserver': { base_url: `${server.url}/` } })
        : fetch(input, init);

  function makeIo(server: Homeserver, answers: string[], choices: string[]) {
    const said: string[] = [];
    const io: LoginIo = {
      ask: async () => answers.shift() ?? '',
      choose: async () => choices.shift() ?? '',
      show: () => undefined,
      say: (text) => void said.push(text),
      fetch: fetchVia(server),
      signal: AbortSignal.timeout(10_000),
    };
    return { io, said };
  }

  const logIn = async (io: LoginIo) => (await matrixManifest.login?.())?.(io);

  it('makes a token of user and password, asks again when these are wrong, and keeps no password', async () => {
    const server = await start();
    const answers = ['example.test', 'herald', 'wrong', '@herald:example.test', 'herald', server.password];
    const { io, said } = makeIo(server, answers, ['password', 'password']);
    const result = await logIn(io);
    expect(result).toMatchObject({ name: server.botId, settings: { homeserver: server.url } });
    expect(result?.secrets['access_token']).toMatch(/^syt_/);
    expect(said).toContain('User or password is wrong.');
    expect(JSON.stringify([result, said])).not.toContain(server.password);
  });

  it('takes a token that works', async () => {
    const server = await start();
    const { io, said } = makeIo(server, [server.url, 'syt_wrong_token', server.url, server.token], ['token', 'token']);
    expect(await logIn(io)).toEqual({
      name: server.botId,
      settings: { homeserver: server.url },
      secrets: { access_token: server.token },
    });
    expect(said.join(' ')).toContain('refuses the access token');
  });

  it('finds a homeserver by address, name and user id', async () => {
    const server = await start();
    const ports = { fetch: fetchVia(server), signal: AbortSignal.timeout(5_000) };
    expect(await findHomeserver('https://m.test/', ports)).toBe('https://m.test');
    expect(await findHomeserver('@ann:example.test', ports)).toBe(server.url);
    const silent = { ...ports, fetch: () => Promise.reject(new Error('no network')) };
    expect(await findHomeserver('other.test', silent)).toBe('https://other.test');
    const hostile = { ...ports, fetch: async () => Response.json({ 'm.homeserver': { base_url: 'file:///etc' } }) };
    expect(await findHomeserver('other.test', hostile)).toBe('https://other.test');
    expect(await findHomeserver('not a name', ports)).toBeUndefined();
  });
});
