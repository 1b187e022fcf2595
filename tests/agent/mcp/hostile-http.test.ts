// Servers over HTTP that lead elsewhere, answer in other forms, or without end.
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { json, methodOf, openHttpServer, type HttpServer } from '../../support/mcp/http-server.ts';
import { openRig, until, type McpRig } from '../../support/mcp/rig.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(more: Record<string, unknown> = {}): Promise<{ server: HttpServer; rig: McpRig }> {
  const server = await openHttpServer();
  ends.push(() => server.close());
  const rig = await openRig({ web: { url: `${server.url}/mcp`, ...more } });
  ends.push(() => rig.close());
  await until(() => rig.mcp.tools().length > 0);
  return { server, rig };
}

describe('where requests go', () => {
  test('redirects to other places are not followed, and headers of ours stay with the server', async () => {
    const { server, rig } = await open({ headers: { 'x-api-key': 'the-key-of-ours' } });
    const other = await openHttpServer();
    ends.push(() => other.close());
    server.answer = (_, response) => {
      response.writeHead(307, { location: `${other.url}/mcp` }).end();
      return true;
    };
    const result = await rig.call('mcp_web_plain');
    expect(result.isError).toBe(true);
    expect(other.seen).toEqual([]);
    expect(server.seen.every(({ headers }) => headers['x-api-key'] === 'the-key-of-ours')).toBe(true);
    expect(rig.redactor.redact('x the-key-of-ours')).not.toContain('ours');
  });

  test('a redirect within the server is followed', async () => {
    const { server, rig } = await open();
    server.answer = (seen, response) => {
      if (seen.path !== '/mcp') return false;
      response.writeHead(308, { location: '/moved' }).end();
      return true;
    };
    expect((await rig.call('mcp_web_plain')).text).toBe('done');
  });
});

describe('answers', () => {
  const call = (server: HttpServer, answer: HttpServer['answer']) => {
    server.answer = (seen, response) => methodOf(seen) === 'tools/call' && answer(seen, response);
  };

  test('of a wrong kind or form are told in words of ours', async () => {
    const { server, rig } = await open();
    for (const [type, body, words] of [
      ['text/html', '<html>', /answered something that MCP does not allow/],
      ['application/json', '{ broken', /answered something that MCP does not allow/],
      ['application/json', '{"jsonrpc":"2.0"}', /answered something that MCP does not allow/],
    ] as const) {
      call(server, (_, response) => json(response, 200, body, { 'content-type': type }));
      expect((await rig.call('mcp_web_plain')).text).toMatch(words);
    }
    call(server, (_, response) => json(response, 500, 'x'.repeat(1_000_000)));
    const broken = await rig.call('mcp_web_plain');
    expect(broken.text).toMatch(/HTTP status 500/);
    server.answer = () => false;
    expect((await rig.call('mcp_web_plain')).text).toBe('done');
  });

  test('that are too large are not read to the end', async () => {
    const { server, rig } = await open();
    for (const type of ['application/json', 'text/event-stream']) {
      let sent = 0;
      call(server, (_, response) => {
        response.writeHead(200, { 'content-type': type });
        response.write(type === 'application/json' ? '"' : 'data: "');
        const piece = 'x'.repeat(256 * 1024);
        const more = () => {
          sent += piece.length;
          if (!response.destroyed && sent < 64 * 1024 * 1024) response.write(piece, () => setImmediate(more));
        };
        more();
        return true;
      });
      const result = await rig.call('mcp_web_plain');
      expect(result.text, type).toMatch(/larger than 10 MB|ended|reached/);
      expect(sent).toBeLessThan(40 * 1024 * 1024);
    }
  });

  test('that never come are given up', async () => {
    const { server, rig } = await open({ timeout: 0.2 });
    call(server, () => true);
    expect((await rig.call('mcp_web_plain')).text).toMatch(/did not answer/);
  });

  test('that the session is over begin another, and the call is made once', async () => {
    const { server, rig } = await open();
    let refused = 0;
    call(server, (_, response) => refused++ === 0 && json(response, 404, { error: 'session' }));
    expect((await rig.call('mcp_web_plain')).text).toBe('done');
    expect(server.seen.filter((seen) => seen.method === 'POST' && methodOf(seen) === 'initialize')).toHaveLength(2);
    expect(server.seen.filter((seen) => seen.method === 'POST' && methodOf(seen) === 'tools/call')).toHaveLength(2);
  });

  test('without rights are told with what to do, and nothing is registered anywhere', async () => {
    const { server, rig } = await open({ auth: 'oauth' });
    server.answer = (_, response) => json(response, 401, {}, { 'www-authenticate': 'Bearer' });
    const result = await rig.call('mcp_web_plain');
    expect(result.text).toMatch(/wants a login.*herald mcp login web/);
    expect(rig.mcp.status()[0]?.state).toBe('needs-login');
    expect(new Set(server.seen.map(({ path }) => path))).toEqual(new Set(['/mcp']));
  });
});

test('an event stream that ends again and again is not asked for without end', async () => {
  const server = await openHttpServer();
  ends.push(() => server.close());
  server.answer = (seen, response) => {
    if (seen.method !== 'GET') return false;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end('retry: 0\nid: 1\ndata: \n\n');
    return true;
  };
  const rig = await openRig({ web: { url: `${server.url}/mcp` } });
  ends.push(() => rig.close());
  const streams = () => server.seen.filter(({ method }) => method === 'GET').length;
  await until(() => streams() >= 25);
  await systemClock.sleep(200);
  expect(streams()).toBeLessThanOrEqual(30);
  expect((await rig.call('mcp_web_plain')).text).toBe('done');
});

test('an answer whose stream breaks off is told at once', async () => {
  const { server, rig } = await open();
  for (const how of ['end', 'destroy'] as const) {
    server.answer = (seen, response) => {
      if (methodOf(seen) !== 'tools/call') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n', () => response[how]());
      return true;
    };
    const started = performance.now();
    expect((await rig.call('mcp_web_plain')).text).toMatch(/ended in the middle/);
    expect(performance.now() - started).toBeLessThan(5_000);
  }
});
