// The paths of the views beside the chat: who is let in, and what is refused before anything is done.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PanelPort } from '../../../adapters/panels/port.ts';
import { makeWebAdapter } from '../../../adapters/web/adapter.ts';
import { accountId } from '../../../shared/ids.ts';
import { makeSocketFolder, openLocalServer, type LocalServer } from '../local-chat/rig.ts';

const account = accountId('default');
let place: Awaited<ReturnType<typeof makeSocketFolder>>;
let server: LocalServer;
let cookie: string;
let panel: PanelPort | undefined;
let done: unknown[];
const asked: { user: string; here: string | undefined }[] = [];

beforeEach(async () => {
  place = await makeSocketFolder();
  done = [];
  asked.length = 0;
  const refuse = async () => {
    throw new Error('not part of this test');
  };
  panel = {
    insights: refuse,
    profile: { claims: async () => [], why: async () => [], wrong: refuse, forget: async (id) => void done.push(id) },
  };
  server = await openLocalServer({
    platform: 'web',
    account,
    socketPath: place.socketPath,
    make: () => makeWebAdapter({ platform: 'web', account, settings: { max_upload_mb: 1 }, fetch }),
    host: (host) => ({
      ...host,
      panel: async (user, here) => {
        asked.push({ user, here });
        return panel;
      },
    }),
  });
  const answer = await fetch(`${server.http.url}/session`, { method: 'POST' });
  cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
});
afterEach(async () => {
  await server.close();
  await server.record.close();
  await place.remove();
});

const get = async (path: string, headers: Record<string, string> = { cookie }) =>
  (await fetch(server.http.url + path, { headers })).status;
const post = async (path: string, body: string, headers: Record<string, string> = {}) =>
  (
    await fetch(server.http.url + path, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', ...headers },
      body,
    })
  ).status;

describe('the paths of the panels', () => {
  it('are there for the browser of a paired person, whose user and chat it is', async () => {
    expect(await get('/panel')).toBe(200);
    expect(await get('/panel/profile')).toBe(200);
    expect(await post('/panel/profile/forget', '{"id":7}')).toBe(200);
    expect(done).toEqual([7]);
    expect(asked[0]?.user).toBe(asked[0]?.here);
    expect(cookie).toContain(asked[0]?.user);
  });

  it('are not there for a browser that is not known or not paired', async () => {
    expect(await get('/panel/profile', {})).toBe(401);
    panel = undefined;
    expect(await get('/panel')).toBe(404);
    expect(await post('/panel/profile/forget', '{"id":7}')).toBe(404);
    expect(done).toEqual([]);
  });

  it.each(['/panel/jobs', '/panel/memory', '/panel/skills', '/panel/calendar'])(
    '%s is refused where the person has no such thing',
    async (path) => {
      expect(await get(path)).toBe(403);
    },
  );

  it.each([
    ['of another site', '{"id":7}', { origin: 'https://evil.example' }, 403],
    ['of another site, as the browser says', '{"id":7}', { 'sec-fetch-site': 'cross-site' }, 403],
    ['as a form', 'id=7', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['that is no JSON', '{', {}, 400],
    ['with a field too many', '{"id":7,"all":true}', {}, 400],
    ['with a number that is none', '{"id":"7"}', {}, 400],
    ['that is too large', JSON.stringify({ id: 7, more: 'x'.repeat(1_100_000) }), {}, 413],
  ])('a change %s is refused', async (_, body, headers, status) => {
    expect(await post('/panel/profile/forget', body, headers)).toBe(status);
    expect(done).toEqual([]);
  });

  it.each([
    ['GET', '/panel/profile/forget', 404],
    ['POST', '/panel/profile', 404],
    ['GET', '/panel/constructor', 404],
    ['GET', '/panel/__proto__', 404],
    ['GET', '/panel/why', 400],
    ['GET', '/panel/why?id=1e3', 400],
    ['GET', '/panel/insights?days=0', 400],
    ['GET', '/panel/insights?days=91', 400],
  ])('%s %s is answered with %i', async (method, path, status) => {
    expect(await (method === 'GET' ? get(path) : post(path, '{}'))).toBe(status);
  });
});
