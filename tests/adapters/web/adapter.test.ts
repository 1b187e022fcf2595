// The web platform over its real server: cookie, page, files, limits. What every adapter must do is in contract.test.ts.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeWebAdapter } from '../../../adapters/web/adapter.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { accountId } from '../../../shared/ids.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { dmOf, makeSocketFolder, openLocalServer, type LocalServer } from '../local-chat/rig.ts';

const account = accountId('default');
let place: Awaited<ReturnType<typeof makeSocketFolder>>;
let server: LocalServer;

const openServer = (record = makeRecordingHost()) =>
  openLocalServer({
    platform: 'web',
    account,
    socketPath: place.socketPath,
    record,
    make: () => makeWebAdapter({ platform: 'web', account, settings: { max_upload_mb: 1 }, fetch }),
  });

beforeEach(async () => {
  place = await makeSocketFolder();
  server = await openServer();
});
afterEach(async () => {
  await server.close();
  await server.record.close();
  await place.remove();
});

const timelineShape = z.looseObject({
  entries: z.array(z.looseObject({ files: z.array(z.looseObject({ id: z.string() })) })),
});
const get = (target: string, headers: Record<string, string> = {}) => fetch(server.http.url + target, { headers });

async function openSession(cookie = ''): Promise<{ cookie: string; raw: string; device: string }> {
  const answer = await fetch(`${server.http.url}/session`, { method: 'POST', headers: { cookie } });
  const { device } = z.object({ device: z.string() }).parse(await answer.json());
  const raw = answer.headers.get('set-cookie') ?? '';
  return { cookie: raw.split(';')[0] ?? '', raw, device };
}

const post = (cookie: string, body: unknown, target = '/messages') =>
  fetch(server.http.url + target, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const upload = (cookie: string, bytes: Buffer, name: string, type = 'text/plain') =>
  fetch(`${server.http.url}/files?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { cookie, 'content-type': type },
    body: new Uint8Array(bytes),
  });

describe('the device cookie', () => {
  it('is HttpOnly, SameSite=Strict, kept for long, and names the person and the chat', async () => {
    const { cookie, raw, device } = await openSession();
    expect(device).toBe('new');
    expect(raw).toMatch(/; Path=\/; Max-Age=34560000; HttpOnly; SameSite=Strict$/);
    await post(cookie, { id: 'message-1', text: 'hello' });
    const got = await server.record.waitFor((message) => message.text === 'hello');
    expect(got.sender.id).toBe(got.chat);
    expect(cookie).toContain(got.chat);
  });

  it('is kept by a second visit, and by a restart of the server', async () => {
    const first = await openSession();
    expect(await openSession(first.cookie)).toMatchObject({ cookie: first.cookie, device: 'known' });
    const { cursors } = server.record;
    await server.close();
    server = await openServer(makeRecordingHost({ cursors }));
    expect(await openSession(first.cookie)).toMatchObject({ cookie: first.cookie, device: 'known' });
  });

  it('names the browser for people', async () => {
    const { cookie } = await openSession();
    const agents = [
      ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
      [
        'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0',
        'Edge on Windows',
      ],
      [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile/15E Safari/604',
        'Safari on iOS',
      ],
      ['<script>alert(1)</script>', 'Browser'],
    ] as const;
    for (const [index, [agent, name]] of agents.entries()) {
      await fetch(`${server.http.url}/messages`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', 'user-agent': agent },
        body: JSON.stringify({ id: `message-${index}`, text: 'hello' }),
      });
      expect(server.record.received[index]?.sender.name).toBe(name);
    }
  });

  it('is refused when it is missing, changed or made elsewhere', async () => {
    const { cookie } = await openSession();
    const [name = '', value = ''] = cookie.split('=');
    const [device = '', mac = ''] = value.split('.');
    const other = `${device.slice(0, -1)}${device.endsWith('A') ? 'B' : 'A'}`;
    const forged = [
      `${name}=${other}.${mac}`,
      `${name}=${device}.${mac.slice(0, -2)}`,
      `${name}=${device}.`,
      `${name}=${device}`,
      `x${cookie}`,
    ];
    for (const bad of ['', ...forged]) {
      for (const target of ['/events', '/timeline', '/files/x'])
        expect((await get(target, { cookie: bad })).status).toBe(401);
      expect((await post(bad, { id: 'message-1', text: 'hello' })).status).toBe(401);
    }
    expect(server.record.received).toEqual([]);
    expect((await get('/timeline', { cookie })).status).toBe(200);
  });
});

describe('the page', () => {
  it('is served at the root and below its account, with a policy that runs no inline script', async () => {
    for (const target of ['/', '/web/default/']) {
      const answer = await get(target);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const html = await answer.text();
      expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|style="/);
      for (const [, file] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
        expect((await get(target + String(file))).status).toBe(200);
      }
      expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'");
    }
  });

  it('is not sent again while it has not changed', async () => {
    const first = await get('/app.js');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    const second = await get('/app.js', { 'if-none-match': etag });
    expect([second.status, await second.text()]).toEqual([304, '']);
  });

  it('serves nothing but its files', async () => {
    for (const target of [
      '/adapter.ts',
      '/../adapter.ts',
      '/..%2fadapter.ts',
      '/page/app.js',
      '/%2e%2e/auth.ts',
      '/.env',
    ]) {
      expect([401, 404]).toContain((await get(target)).status);
    }
  });
});

describe('messages', () => {
  it('that were taken once are duplicates afterwards, with the same answer', async () => {
    const { cookie } = await openSession();
    const body = { id: 'message-1', text: 'once' };
    for (const state of ['new', 'duplicate', 'duplicate']) {
      const answer = await post(cookie, body);
      expect([answer.status, await answer.json()]).toEqual([202, { id: 'message-1', state }]);
    }
    expect(server.record.received).toHaveLength(1);
  });

  it('that could not be stored are answered with an error that asks to come again, and not acknowledged', async () => {
    const { cookie } = await openSession();
    server.record.failNext(1);
    const answer = await post(cookie, { id: 'message-1', text: 'hello' });
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({
      error: { code: 'internal', message: expect.stringContaining('sent again') },
    });
    expect((await post(cookie, { id: 'message-1', text: 'hello' })).status).toBe(202);
  });

  it('must be JSON of a known shape and size', async () => {
    const { cookie } = await openSession();
    const long = await post(cookie, { id: 'message-1', text: 'x'.repeat(1_100_000) });
    expect([long.status, await long.json()]).toMatchObject([413, { error: { code: 'too_large' } }]);
    const form = await fetch(`${server.http.url}/messages`, {
      method: 'POST',
      headers: { cookie },
      body: '{"id":"message-1","text":"x"}',
    });
    expect(form.status).toBe(415);
    for (const body of [
      '',
      '{',
      { text: 'x' },
      { id: 'a', text: 'x' },
      { id: 'message-1', text: '' },
      { id: 'message-1', text: 'x', from: 'me' },
    ]) {
      const answer = await post(cookie, body);
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'bad_input' } }]);
    }
    expect(server.record.received).toEqual([]);
  });
});

describe('files', () => {
  it('go out to their own chat alone, under a name that is safe', async () => {
    const mine = await openSession();
    const theirs = await openSession();
    await post(mine.cookie, { id: 'message-1', text: 'hello' });
    const { chat } = await server.record.waitFor((message) => message.text === 'hello');
    const file = path.join(place.folder, 'secret.html');
    await writeFile(file, '<script>alert(1)</script>');
    const stored: StoredFile = {
      kind: 'document',
      path: file,
      name: 'Übersicht "1".html\r\nX: y',
      mime: 'text/html',
      bytes: 25,
    };
    const message = {
      key: 'k1',
      body: parseMarkdown('see'),
      plain: false,
      files: [stored],
      buttons: [],
      silent: false,
    };
    await server.adapter.send(dmOf('web', account, chat), message, AbortSignal.timeout(5000));
    const page = timelineShape.parse(await (await get('/timeline', { cookie: mine.cookie })).json());
    const id = page.entries.at(-1)?.files[0]?.id ?? '';
    expect(JSON.stringify(page)).not.toContain(place.folder);
    const answer = await get(`/files/${id}`, { cookie: mine.cookie });
    expect(await answer.text()).toBe('<script>alert(1)</script>');
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect(answer.headers.get('content-disposition')).toBe(
      'attachment; filename="_bersicht _1_.htmlX: y"; filename*=UTF-8\'\'%C3%9Cbersicht%20%221%22.htmlX%3A%20y',
    );
    expect((await get(`/files/${id}`, { cookie: theirs.cookie })).status).toBe(404);
    // Not the last character: some of its bits stand for nothing.
    for (const bad of [
      `${id.slice(0, -2)}${id.at(-2) === 'A' ? 'B' : 'A'}${id.slice(-1)}`,
      'x',
      '..%2f..%2fetc%2fpasswd',
      '',
    ]) {
      expect((await get(`/files/${bad}`, { cookie: mine.cookie })).status).toBe(404);
    }
  });

  it('come in up to the limit, announced or not, and cannot be attached in another chat', async () => {
    const mine = await openSession();
    const theirs = await openSession();
    const small = await upload(mine.cookie, Buffer.from('hello'), '../../etc/note.txt');
    expect(small.status).toBe(201);
    const file = await small.json();
    expect(file).toMatchObject({ name: 'note.txt', bytes: 5 });
    const large = await upload(mine.cookie, Buffer.alloc(1024 * 1024 + 1), 'large.bin');
    expect([large.status, await large.json()]).toMatchObject([
      413,
      { error: { message: expect.stringContaining('1 MB') } },
    ]);
    const stream = await fetch(`${server.http.url}/files?name=stream.bin`, {
      method: 'POST',
      headers: { cookie: mine.cookie },
      body: new Blob([Buffer.alloc(1024 * 1024 + 1)]).stream(),
      duplex: 'half',
    });
    expect(stream.status).toBe(413);
    const id = String(Object(file).id);
    const stolen = await post(theirs.cookie, { id: 'message-1', text: 'x', files: [id] });
    expect(stolen.status).toBe(400);
    expect((await post(mine.cookie, { id: 'message-1', text: '', files: [id] })).status).toBe(202);
    const [got] = server.record.received;
    expect(got?.attachments).toMatchObject([{ kind: 'document', name: 'note.txt', mime: 'text/plain', bytes: 5 }]);
  });
});

describe('somebody who is not paired', () => {
  it('cannot leave files here, nor set anything up', async () => {
    const { cookie } = await openSession();
    server.record.isPaired = false;
    const refused = await upload(cookie, Buffer.from('x'), 'x.txt');
    expect(refused.status).toBe(403);
    expect((await get('/setup', { cookie })).status).toBe(404);
    expect((await post(cookie, { platform: 'x' }, '/setup/begin')).status).toBe(404);
    server.record.isPaired = true;
    expect((await upload(cookie, Buffer.from('x'), 'x.txt')).status).toBe(201);
  });
});
