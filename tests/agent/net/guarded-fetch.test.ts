// Fetching what a model names, against a real server: where it may go, what follows a redirect, and what is too much.
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardedFetch } from '../../../agent/net/guarded-fetch.ts';
import { makeUrlGuard, type UrlGuard } from '../../../agent/net/guard.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeTestGuard, openSite, reply, type Site } from '../../support/web/site.ts';

let site: Site;
let other: Site;
let answered = 0;

beforeEach(async () => {
  answered = 0;
  other = await openSite((request, response) => reply(response, `other ${request.method} ${request.body}`));
  site = await openSite(({ url }, response) => {
    answered++;
    const to = new URLSearchParams(url.split('?')[1]).get('to');
    const status = Number(/^\/(30\d)/.exec(url)?.[1] ?? 0);
    if (status > 0 && to !== null) return reply(response, 'moved', { status, headers: { location: to } });
    if (url === '/loop') return reply(response, '', { status: 302, headers: { location: '/loop' } });
    if (url === '/bomb')
      return reply(response, gzipSync(Buffer.alloc(5_000_000)), { headers: { 'content-encoding': 'gzip' } });
    if (url === '/gzip') return reply(response, gzipSync('small'), { headers: { 'content-encoding': 'gzip' } });
    if (url === '/endless') {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const write = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', write);
      return write();
    }
    if (url === '/slow') return;
    if (url === '/drip') {
      response.writeHead(200);
      response.write('a');
      return;
    }
    reply(response, 'hello', { type: 'Text/Plain; charset=utf-8', headers: { 'x-extra': 'yes' } });
  });
});
afterEach(async () => {
  await site.close();
  await other.close();
});

function get(url: string, guard: UrlGuard, extra: Partial<Parameters<typeof guardedFetch>[1]> = {}) {
  return guardedFetch(url, { guard, clock: systemClock, timeoutMs: 5_000, ...extra });
}

/** Allows the first site under two names and the second under one. */
function open() {
  return makeTestGuard(
    { allowHosts: [`127.0.0.1:${site.port}`, `site.test:${site.port}`, `other.test:${other.port}`] },
    { 'site.test': () => ['127.0.0.1'], 'other.test': () => ['127.0.0.1'] },
  );
}

describe('where it may go', () => {
  it.each([
    'http://127.0.0.1:1/',
    'http://localhost.test/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[fe80::1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://0.0.0.0/',
    'https://192.168.1.1/',
    'http://１２７.０.０.１/',
    'http://127.0.0.1./',
    'http://inside.test/',
    'http://mixed.test/',
  ])('%s is refused', async (url) => {
    const guard = makeTestGuard(
      {},
      {
        'localhost.test': () => ['127.0.0.1'],
        'inside.test': () => ['fd00::1'],
        'mixed.test': () => ['93.184.216.34', '10.0.0.1'],
      },
    );
    await expect(get(url, guard)).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it.each(['ftp://example.com/', 'file:///etc/passwd', 'data:text/html,x', 'gopher://127.0.0.1/', 'javascript:1'])(
    '%s is no web address',
    async (url) => {
      await expect(get(url, open())).rejects.toMatchObject({ code: 'not_allowed' });
    },
  );

  it('refuses credentials in the address, and what is no address', async () => {
    await expect(get('https://user:pass@example.com/', open())).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(get('not an address', open())).rejects.toMatchObject({ code: 'bad_input' });
    await expect(get('http://nobody.test/', open())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('goes where it is allowed, and only to that port', async () => {
    const answer = await get(`${site.url}/x`, open());
    expect(answer).toMatchObject({ url: `${site.url}/x`, status: 200, contentType: 'text/plain' });
    expect(Buffer.from(answer.body).toString()).toBe('hello');
    expect(answer.header('x-extra')).toBe('yes');
    await expect(get(other.url, open())).rejects.toMatchObject({
      code: 'not_allowed',
      publicMessage: expect.stringContaining(`127.0.0.1:${other.port}`),
    });
    expect(other.seen).toEqual([]);
  });

  it('goes to private addresses when that is switched on, and to metadata services even then not', async () => {
    const guard = makeTestGuard({ allowPrivateUrls: true }, { 'meta.test': () => ['169.254.169.254'] });
    expect((await get(site.url, guard)).status).toBe(200);
    await expect(get('http://169.254.169.254/', guard)).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(get('http://meta.test/', guard)).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it('keeps to the list of blocked websites, with the names under them', async () => {
    const names = {
      'bad.test': () => ['127.0.0.1'],
      'a.bad.test': () => ['127.0.0.1'],
      'notbad.test': () => ['127.0.0.1'],
    };
    const guard = makeTestGuard({ allowPrivateUrls: true, websiteBlocklist: ['*.Bad.test'] }, names);
    await expect(get(`http://bad.test:${site.port}/`, guard)).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(get(`http://A.BAD.test.:${site.port}/`, guard)).rejects.toMatchObject({ code: 'not_allowed' });
    expect((await get(`http://notbad.test:${site.port}/`, guard)).status).toBe(200);
  });

  it('connects to the address that was checked, whatever the name says later', async () => {
    let asked = 0;
    const guard = makeTestGuard(
      { allowPrivateUrls: true },
      { 'rebind.test': () => [++asked === 1 ? '127.0.0.1' : '169.254.169.254'] },
    );
    const answer = await get(`http://rebind.test:${site.port}/`, guard);
    expect(answer.status).toBe(200);
    expect(asked).toBe(1);
    expect(site.seen[0]?.headers.host).toBe(`rebind.test:${site.port}`);
  });
});

describe('redirects', () => {
  it('are followed, and each is checked again', async () => {
    const there = await get(`${site.url}/302?to=${encodeURIComponent(`http://site.test:${site.port}/end`)}`, open());
    expect(there.url).toBe(`http://site.test:${site.port}/end`);
    for (const to of [
      other.url,
      'http://169.254.169.254/',
      'file:///etc/passwd',
      'http://u:p@site.test/',
      'http://[::1]/',
    ]) {
      await expect(get(`${site.url}/302?to=${encodeURIComponent(to)}`, open())).rejects.toMatchObject({
        code: 'not_allowed',
      });
    }
    expect(other.seen).toEqual([]);
  });

  it('end after five', async () => {
    await expect(get(`${site.url}/loop`, open())).rejects.toMatchObject({ code: 'platform_unreachable' });
    expect(answered).toBe(6);
  });

  it('take headers of ours to the same origin only', async () => {
    const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', cookie: 'a=b', accept: 'text/html' };
    await get(`${site.url}/302?to=/end`, open(), { headers });
    expect(site.seen[1]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-api-key': 'secret' });
    await get(`${site.url}/302?to=${encodeURIComponent(`http://other.test:${other.port}/`)}`, open(), { headers });
    expect(other.seen[0]?.headers).toMatchObject({ accept: 'text/html' });
    expect(JSON.stringify(other.seen)).not.toMatch(/secret|a=b/);
  });

  it('change a POST to a GET as browsers do, and carry no body to somebody else', async () => {
    const post = { method: 'POST', body: 'words', headers: { 'content-type': 'text/plain' } } as const;
    for (const status of [301, 302, 303]) await get(`${site.url}/${status}?to=/end`, open(), post);
    await get(`${site.url}/307?to=/end`, open(), post);
    const ends = site.seen.filter(({ url }) => url === '/end');
    expect(ends.map(({ method, body }) => `${method} ${body}`)).toEqual(['GET ', 'GET ', 'GET ', 'POST words']);
    expect(ends[0]?.headers['content-type']).toBeUndefined();
    const away = `${site.url}/308?to=${encodeURIComponent(`http://other.test:${other.port}/`)}`;
    await expect(get(away, open(), post)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(other.seen).toEqual([]);
  });
});

describe('limits', () => {
  it('hold for what comes out of compression, and for what never ends', async () => {
    expect(Buffer.from((await get(`${site.url}/gzip`, open(), { maxBytes: 10 })).body).toString()).toBe('small');
    for (const path of ['/bomb', '/endless']) {
      await expect(get(`${site.url}${path}`, open(), { maxBytes: 1_000_000 })).rejects.toMatchObject({
        code: 'too_large',
      });
    }
  });

  it('hold for time: before the answer and within it', async () => {
    for (const path of ['/slow', '/drip']) {
      await expect(get(`${site.url}${path}`, open(), { timeoutMs: 150 })).rejects.toMatchObject({ code: 'timeout' });
    }
  });

  it('hold for looking up the name', async () => {
    const guard = makeUrlGuard(
      { allowPrivateUrls: true, allowHosts: [], websiteBlocklist: [] },
      () => new Promise(() => {}),
    );
    await expect(get('http://slow.test/', guard, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'timeout' });
  });

  it('says when it was stopped, and when nobody is there', async () => {
    const controller = new AbortController();
    const going = get(`${site.url}/slow`, open(), { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(going).rejects.toMatchObject({ code: 'cancelled' });
    const { port } = other;
    await other.close();
    await expect(get(`http://other.test:${port}/`, open())).rejects.toMatchObject({
      code: 'platform_unreachable',
      retryable: true,
      publicMessage: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
