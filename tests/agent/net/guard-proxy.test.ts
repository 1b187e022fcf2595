// The browser's way out, spoken to as a browser does.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGuardProxy, type GuardProxy } from '../../../agent/net/guard-proxy.ts';
import { makeTestGuard, openSite, reply, type Site } from '../../support/web/site.ts';

let site: Site;
let proxy: GuardProxy;
let asked: string[];

beforeEach(async () => {
  asked = [];
  site = await openSite((seen, response) =>
    reply(response, `${seen.method} ${seen.url} ${seen.body}`, { status: 201, headers: { 'x-of-site': 'yes' } }),
  );
  const name = (address: string) => (host: string) => {
    asked.push(host);
    return [address];
  };
  proxy = await openGuardProxy(
    makeTestGuard(
      { allowHosts: [`site.test:${site.port}`], websiteBlocklist: ['blocked.test'] },
      {
        'site.test': () => name('127.0.0.1')('site.test'),
        'inside.test': () => name('10.0.0.1')('inside.test'),
        'blocked.test': () => name('93.184.216.34')('blocked.test'),
      },
    ),
  );
});
afterEach(async () => {
  await proxy.close();
  await site.close();
});

const authorization = () => `Basic ${Buffer.from(`${proxy.username}:${proxy.password}`).toString('base64')}`;

async function get(url: string, headers: Record<string, string> = {}, body?: string) {
  const call = request({
    host: '127.0.0.1',
    port: proxy.port,
    path: url,
    method: body === undefined ? 'GET' : 'POST',
    headers: { host: 'x', 'proxy-authorization': authorization(), ...headers },
    agent: false,
  });
  call.end(body);
  const [response] = await once(call, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, text };
}

/** All that comes back for a CONNECT, with `then` sent after it. */
async function tunnel(target: string, then = '', authorized = true): Promise<string> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.setTimeout(3_000, () => socket.destroy());
  socket.write(
    `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorized ? `Proxy-Authorization: ${authorization()}\r\n` : ''}\r\n${then}`,
  );
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('the guarding proxy', () => {
  it('forwards plain requests, without what is between neighbours', async () => {
    const headers = { connection: 'x-hop', 'x-hop': '1', 'proxy-connection': 'keep-alive', 'x-kept': '2' };
    const answer = await get(`http://site.test:${site.port}/a?b=c`, headers, 'body');
    expect(answer).toMatchObject({ status: 201, text: 'POST /a?b=c body' });
    expect(answer.headers['x-of-site']).toBe('yes');
    expect(site.seen[0]?.headers).toMatchObject({ host: `site.test:${site.port}`, 'x-kept': '2' });
    expect(Object.keys(site.seen[0]?.headers ?? {})).not.toContain('x-hop');
    expect(JSON.stringify(site.seen)).not.toMatch(/proxy-authorization|proxy-connection/);
  });

  it('opens tunnels to where it may, resolving the name once', async () => {
    const text = await tunnel(`site.test:${site.port}`, 'GET /t HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 Connection Established\r\n\r\nHTTP\/1\.1 201 Created[^]*GET \/t/);
    expect(asked).toEqual(['site.test']);
  });

  it.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    'inside.test',
    'blocked.test',
    '169.254.169.254',
    '[::ffff:127.0.0.1]',
    'nobody.test',
  ])('refuses %s, by request and by tunnel', async (host) => {
    const answer = await get(`http://${host}:${site.port}/`);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('Herald did not open this');
    expect(await tunnel(`${host}:${site.port}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(proxy.refusal(new URL(`http://${host}`).hostname)).toMatch(
      /not of the public web|metadata|blocked websites|not known/,
    );
    expect(site.seen).toEqual([]);
  });

  it('serves only who knows its password', async () => {
    expect((await get(`http://site.test:${site.port}/`, { 'proxy-authorization': 'Basic eDp5' })).status).toBe(407);
    expect(await tunnel(`site.test:${site.port}`, '', false)).toMatch(/^HTTP\/1\.1 407 /);
    expect(site.seen).toEqual([]);
  });

  it('survives nonsense', async () => {
    expect((await get('/not-absolute')).status).toBe(403);
    expect((await get('ftp://site.test/')).status).toBe(403);
    expect(await tunnel('nonsense')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await tunnel('site.test:99999')).toMatch(/^HTTP\/1\.1 40[03] /);
    expect((await get(`http://site.test:${site.port}/`)).status).toBe(201);
  });

  it('ends its connections when it is closed', async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `CONNECT site.test:${site.port} HTTP/1.1\r\nProxy-Authorization: ${authorization()}\r\nHost: x\r\n\r\n`,
    );
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await proxy.close();
    await closed;
    expect(socket.destroyed).toBe(true);
  });
});
