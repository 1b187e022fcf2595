// Logging in at an MCP server: what a person sees, what is stored, what is never done. The flows themselves are in the conformance suite.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openOAuthServer, type OAuthServer } from '../../support/mcp/oauth-server.ts';
import { openRig, until, type McpRig } from '../../support/mcp/rig.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Visit = (server: OAuthServer, address: string) => Promise<void>;

/** A person with a browser that does as it is told. */
const browse: Visit = async (server, address) => {
  const back = await server.visit(address);
  expect((await fetch(back)).status).toBe(200);
};

async function open(visit: Visit = browse, more: { dir?: string; server?: OAuthServer; config?: object } = {}) {
  const server = more.server ?? (await openOAuthServer());
  if (!more.server) ends.push(() => server.close());
  const dir = more.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mcp-'));
  if (more.dir === undefined) ends.push(() => fs.rmSync(dir, { recursive: true, force: true }));
  const shown: string[] = [];
  const rig = await openRig(
    { cloud: { url: `${server.url}/mcp`, auth: 'oauth', ...more.config } },
    {
      dir,
      ports: {
        async showLogin(name, address) {
          shown.push(`${name} ${new URL(address).origin}`);
          await visit(server, address);
        },
      },
    },
  );
  ends.push(() => rig.close());
  return { server, rig, dir, shown };
}

const signal = new AbortController().signal;
const needsLogin = (rig: McpRig) => until(() => rig.mcp.status()[0]?.state === 'needs-login');

test('a login is begun by a person only, and then it works, also after a restart', async () => {
  const { server, rig, dir, shown } = await open();
  await needsLogin(rig);
  expect(server.events).toEqual([]);
  await rig.mcp.login('cloud', signal);
  expect(shown).toEqual([`cloud ${server.url}`]);
  expect(server.events).toEqual(['register', 'authorize', 'token authorization_code']);
  expect((await rig.call('mcp_cloud_plain')).text).toBe('done');
  const file = path.join(dir, 'tokens', 'cloud.json');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  const stored = JSON.parse(fs.readFileSync(file, 'utf8'));
  expect(rig.redactor.redact(`${stored.tokens.access_token} ${stored.tokens.refresh_token}`)).toBe(
    '[redacted] [redacted]',
  );
  await rig.mcp.close();
  const again = await open(browse, { dir, server });
  expect((await again.rig.call('mcp_cloud_plain')).text).toBe('done');
  expect(again.server.events).toHaveLength(3);
  await again.rig.mcp.logout('cloud');
  expect(fs.existsSync(file)).toBe(false);
});

test('tokens that are over are refreshed without anybody; when that fails, a person is needed', async () => {
  const { server, rig } = await open();
  await needsLogin(rig);
  await rig.mcp.login('cloud', signal);
  server.valid.clear();
  expect((await rig.call('mcp_cloud_plain')).text).toBe('done');
  expect(server.events.at(-1)).toBe('token refresh_token');
  server.valid.clear();
  const { answer } = server;
  server.answer = (seen, response) => {
    if (!seen.path.startsWith('/token')) return answer(seen, response);
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
    return true;
  };
  const result = await rig.call('mcp_cloud_plain');
  expect(result.text).toMatch(/login/);
  expect(rig.mcp.status()[0]?.state).toBe('needs-login');
  expect(server.events.filter((event) => event === 'register')).toHaveLength(1);
});

test('an answer with another state is no answer, and the listener takes nothing else', async () => {
  let redirect = '';
  const { rig } = await open(async (server, address) => {
    const back = new URL(await server.visit(address));
    redirect = back.href;
    expect(back.hostname).toBe('127.0.0.1');
    const wrong = new URL(back);
    wrong.searchParams.set('state', 'guessed');
    expect(await (await fetch(wrong)).text()).toMatch(/Nothing was done/);
    expect((await fetch(new URL('/other', back))).status).toBe(404);
    expect((await fetch(back, { method: 'POST' })).status).toBe(404);
    expect((await fetch(back)).status).toBe(200);
  });
  await needsLogin(rig);
  await rig.mcp.login('cloud', signal);
  expect((await rig.call('mcp_cloud_plain')).text).toBe('done');
  await expect(fetch(redirect)).rejects.toThrow();
});

test('the answer can be brought by hand from another machine, if it is the right one', async () => {
  const { rig } = await open(async (server, address) => {
    const back = await server.visit(address);
    const wrong = new URL(back);
    wrong.searchParams.set('state', 'guessed');
    for (const other of [wrong.href, 'nonsense', ''])
      expect(() => rig.mcp.completeLogin('cloud', other)).toThrow(/Nothing was changed/);
    rig.mcp.completeLogin('cloud', ` ${back}\n`);
  });
  await needsLogin(rig);
  expect(() => rig.mcp.completeLogin('cloud', 'http://127.0.0.1/?code=x')).toThrow(/No login/);
  await rig.mcp.login('cloud', signal);
  expect((await rig.call('mcp_cloud_plain')).text).toBe('done');
});

test('a login that is refused, stopped or led astray changes nothing', async () => {
  const refused = await open(async (server, address) => {
    const back = new URL(await server.visit(address));
    back.searchParams.delete('code');
    back.searchParams.set('error', 'access_denied');
    await fetch(back);
  });
  await needsLogin(refused.rig);
  await expect(refused.rig.mcp.login('cloud', signal)).rejects.toMatchObject({ code: 'not_allowed' });
  const stop = new AbortController();
  const stopped = await open(async () => stop.abort());
  await needsLogin(stopped.rig);
  await expect(stopped.rig.mcp.login('cloud', stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
  const astray = await open();
  astray.server.authorizeUrl = 'javascript:alert(1)';
  await needsLogin(astray.rig);
  await expect(astray.rig.mcp.login('cloud', signal)).rejects.toMatchObject({ name: 'AppError' });
  expect(astray.shown).toEqual([]);
  for (const { rig, dir } of [refused, stopped, astray]) {
    expect(rig.mcp.status()[0]?.state).toBe('needs-login');
    const file = path.join(dir, 'tokens', 'cloud.json');
    if (fs.existsSync(file)) expect(JSON.parse(fs.readFileSync(file, 'utf8')).tokens).toBeUndefined();
  }
});

test('tokens of one address are not given to another', async () => {
  const { rig, dir } = await open();
  await needsLogin(rig);
  await rig.mcp.login('cloud', signal);
  await rig.mcp.close();
  const other = await openOAuthServer();
  ends.push(() => other.close());
  const moved = await open(browse, { dir, server: other });
  await needsLogin(moved.rig);
  expect(other.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test('servers without a login say so', async () => {
  const { rig } = await open(browse, { config: { auth: 'none' } });
  await until(() => rig.mcp.status()[0]?.problem !== undefined);
  await expect(rig.mcp.login('cloud', signal)).rejects.toMatchObject({ code: 'bad_input' });
  await expect(rig.mcp.login('other', signal)).rejects.toMatchObject({ code: 'not_found' });
});
