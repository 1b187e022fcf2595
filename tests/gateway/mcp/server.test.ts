// Herald as an MCP server, through the official client: whole conversations of a real gateway, over HTTP with keys and over pipes.
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolResultSchema, type CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, test } from 'vitest';
import { openHttpServer } from '../../../gateway/http/server.ts';
import { makeActivity } from '../../../gateway/mcp/activity.ts';
import { makeBackend } from '../../../gateway/mcp/backend.ts';
import { makeMcpService } from '../../../gateway/mcp/service.ts';
import { serveMcpStdio } from '../../../gateway/mcp/stdio.ts';
import { makeHeraldServer } from '../../../gateway/mcp/tools.ts';
import { findOperation, runOperation } from '../../../gateway/control/operations.ts';
import { requestApproval } from '../../../data/policy/approvals.ts';
import { listAudit } from '../../../data/process/audit.ts';
import { personScope } from '../../../data/scope.ts';
import { currentSession } from '../../../data/sessions.ts';
import type { Person } from '../../../data/process/people.ts';
import { silentLog } from '../../../shared/log.ts';
import { openControl, type ControlFixture } from '../control/fixture.ts';
import { listen, type Listening } from '../../support/mcp/listen.ts';
import { answer } from '../../support/gateway.ts';

const KEYS = { ann: 'key-of-ann', bob: 'key-of-bob' };
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Rig extends ControlFixture {
  ann: Person;
  bob: Person;
  server: Listening;
  connect(key: string, headers?: Record<string, string>): Promise<Client>;
  notify(): void;
}

async function open(): Promise<Rig> {
  const fixture = await openControl({
    run: async (turn) => answer(turn, `echo: ${turn.inputs.map((input) => input.text).join(' | ')}`),
  });
  ends.push(() => fixture.gateway.close());
  const { gateway, fake } = fixture;
  const ann = await gateway.pair(fake, 'ann');
  const bob = await gateway.pair(fake, 'bob', 'member');
  const activity = makeActivity(gateway.clock);
  const service = makeMcpService({
    context: { ...fixture.context, activity },
    findPerson: async (request) => {
      const key = request.headers.get('authorization')?.replace('Bearer ', '');
      return key === KEYS.ann ? ann.id : key === KEYS.bob ? bob.id : undefined;
    },
    allowedHosts: [],
    log: silentLog,
  });
  const server = await listen(service.handler);
  ends.push(async () => {
    await service.close();
    await server.close();
  });
  return {
    ...fixture,
    ann,
    bob,
    server,
    notify: () => activity.notify(),
    async connect(key) {
      const client = new Client({ name: 'test', version: '1' });
      const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${key}` } },
      });
      await client.connect(transport);
      ends.push(() => client.close());
      return client;
    },
  };
}

/** The parts of answers that tests look at. */
interface Value {
  conversations: { id: string; opening: string }[];
  messages: { id: number; text: string }[];
  events: { message: { id: number; text: string; attachments: unknown[] } }[];
  channels: { target: string }[];
  permissions: unknown[];
  next_cursor?: string;
  cursor: string;
}

async function call(
  client: Client,
  name: string,
  args: Record<string, unknown> = {},
): Promise<{ result: CallToolResult; text: string; value: Value }> {
  const result = CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
  const [first] = result.content;
  const text = first?.type === 'text' ? first.text : '';
  return { result, text, value: result.isError === true ? undefined : JSON.parse(text) };
}

async function say(rig: Rig, user: string, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await rig.fake.say(text, { user });
    await rig.gateway.settle();
  }
}

describe('over HTTP', () => {
  test('has the eleven tools, and says what each does to the world', async () => {
    const rig = await open();
    const client = await rig.connect(KEYS.ann);
    const { tools } = await client.listTools();
    expect(
      tools.map(({ name, annotations }) => `${name} ${annotations?.readOnlyHint === true ? 'reads' : 'acts'}`),
    ).toEqual([
      'conversations_list reads',
      'conversation_get reads',
      'messages_read reads',
      'messages_search reads',
      'attachments_fetch reads',
      'events_poll reads',
      'events_wait reads',
      'channels_list reads',
      'messages_send acts',
      'permissions_list_open reads',
      'permissions_respond acts',
    ]);
  });

  test('pages through conversations and messages', async () => {
    const rig = await open();
    await say(rig, 'ann', 'one', 'two', 'three', '/new', 'four');
    const client = await rig.connect(KEYS.ann);
    const first = await call(client, 'conversations_list', { limit: 1 });
    expect(first.value.conversations.map((entry) => entry.opening)).toEqual(['four']);
    const second = await call(client, 'conversations_list', { limit: 1, cursor: first.value.next_cursor });
    expect(second.value).toMatchObject({ conversations: [{ opening: 'one', messages: 6 }] });
    expect(second.value.next_cursor).toBeUndefined();
    const conversation = second.value.conversations[0]?.id;
    expect((await call(client, 'conversation_get', { conversation })).value).toMatchObject({
      id: conversation,
      opening: 'one',
    });
    const texts: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 5; page++) {
      const { value } = await call(client, 'messages_read', { conversation, limit: 4, cursor });
      texts.unshift(...value.messages.map((entry) => entry.text));
      cursor = value.next_cursor;
      if (cursor === undefined) break;
    }
    expect(texts).toEqual(['one', 'echo: one', 'two', 'echo: two', 'three', 'echo: three']);
    const found = await call(client, 'messages_search', { query: 'three' });
    expect(found.value.messages.map((hit) => hit.text).toSorted()).toEqual(['echo: three', 'three']);
  });

  test('gives out what happened since a cursor, and waits for what is new', async () => {
    const rig = await open();
    await say(rig, 'ann', 'before');
    const client = await rig.connect(KEYS.ann);
    const { cursor } = (await call(client, 'events_poll')).value;
    const waiting = call(client, 'events_wait', { cursor, timeout_ms: 40_000 });
    await say(rig, 'ann', 'news');
    rig.notify();
    const { value } = await waiting;
    const said = value.events.map((event) => event.message.text);
    expect(said).toEqual(['news', 'echo: news']);
    expect((await call(client, 'events_poll', { cursor: value.cursor })).value.events).toEqual([]);
    // The same cursor gives the same again, in pages too.
    const half = (await call(client, 'events_poll', { cursor, limit: 1 })).value;
    expect(half.events).toHaveLength(1);
    const rest = (await call(client, 'events_poll', { cursor: half.cursor })).value;
    expect(rest.events).toHaveLength(1);
    expect(rest.cursor).toBe(value.cursor);
    const refused = await call(client, 'events_poll', { cursor: 'nonsense' });
    expect(refused.result.isError).toBe(true);
  });

  test('ends a wait when the time is over', async () => {
    const rig = await open();
    const client = await rig.connect(KEYS.ann);
    const waiting = call(client, 'events_wait', { timeout_ms: 5_000 });
    let isOver = false;
    void waiting.then(() => (isOver = true));
    for (let round = 0; round < 200 && !isOver; round++) {
      await rig.gateway.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await waiting).value.events).toEqual([]);
  });

  test('sends to chats of the person, once', async () => {
    const rig = await open();
    await say(rig, 'ann', 'hello');
    const client = await rig.connect(KEYS.ann);
    const { channels } = (await call(client, 'channels_list')).value;
    expect(channels).toHaveLength(1);
    await call(client, 'messages_send', { text: 'from a program', to: channels[0]?.target });
    await rig.gateway.settle();
    expect(rig.fake.texts().filter((text) => text === 'from a program')).toHaveLength(1);
    const other = await call(client, 'messages_send', { text: 'x', to: 'somewhere:else' });
    expect(other.result.isError).toBe(true);
  });

  test('shows what is asked, and decides it once', async () => {
    const rig = await open();
    await say(rig, 'ann', 'hello');
    const scope = personScope(rig.ann.id);
    const turn = await rig.gateway.db.query.selectFrom('turns').select('id').executeTakeFirstOrThrow();
    const request = { turn: turn.id, callId: 'c', chatKey: 'k', tool: 'send', arguments: '{"a":1}', digest: 'd' };
    const client = await rig.connect(KEYS.ann);
    const { cursor } = (await call(client, 'events_poll')).value;
    const approval = await requestApproval(rig.gateway.db, scope, { ...request, ttlMs: 60_000 });
    const { events } = (await call(client, 'events_poll', { cursor })).value;
    expect(events).toMatchObject([{ type: 'permission_requested', permission: { id: approval.id, tool: 'send' } }]);
    const open_ = (await call(client, 'permissions_list_open')).value.permissions;
    expect(open_).toMatchObject([{ id: approval.id, arguments: '{"a":1}' }]);
    const bob = await rig.connect(KEYS.bob);
    expect((await call(bob, 'permissions_list_open')).value.permissions).toEqual([]);
    const stolen = await call(bob, 'permissions_respond', { permission: approval.id, allow: true });
    expect(stolen.result.isError).toBe(true);
    expect((await call(client, 'permissions_respond', { permission: approval.id, allow: true })).value).toEqual({
      decided: true,
    });
    expect((await call(client, 'permissions_respond', { permission: approval.id, allow: false })).result.isError).toBe(
      true,
    );
    const audit = await listAudit(rig.gateway.db, 10);
    expect(audit.map(({ actor, action, subject }) => [actor, action, subject])).toEqual([
      ['mcp', 'permission.allow', approval.id],
    ]);
  });

  test('keeps people apart', async () => {
    const rig = await open();
    await say(rig, 'ann', 'the secret of ann');
    const ann = await rig.connect(KEYS.ann);
    const bob = await rig.connect(KEYS.bob);
    const conversation = (await currentSession(rig.gateway.db, personScope(rig.ann.id)))?.id;
    const [message] = (await call(ann, 'messages_read', { conversation })).value.messages;
    expect(message?.text).toBe('the secret of ann');
    for (const [name, args] of [
      ['conversation_get', { conversation }],
      ['messages_read', { conversation }],
      ['attachments_fetch', { message: message?.id }],
    ] as const)
      expect((await call(bob, name, args)).result.isError, name).toBe(true);
    for (const [name, args] of [
      ['conversations_list', {}],
      ['messages_search', { query: 'secret' }],
      ['events_poll', { cursor: '0.' }],
      ['channels_list', {}],
    ] as const)
      expect((await call(bob, name, args)).text, name).not.toContain('secret');
  });

  test('gives out files of messages, and nothing from outside the home', async () => {
    const rig = await open();
    await say(rig, 'ann', 'hello');
    const inside = path.join(rig.gateway.home, 'a.png');
    fs.writeFileSync(inside, 'not really a picture');
    const link = path.join(rig.gateway.home, 'link.txt');
    fs.symlinkSync('/etc/hostname', link);
    const files = [inside, '/etc/hostname', link].map((file) => ({
      kind: 'image',
      path: file,
      name: path.basename(file),
      mime: 'image/png',
      bytes: 20,
    }));
    await rig.gateway.db.query
      .updateTable('messages')
      .set({ files: JSON.stringify(files) })
      .where('role', '=', 'user')
      .execute();
    const client = await rig.connect(KEYS.ann);
    const { cursor: _none, events } = (await call(client, 'events_poll', { cursor: '0.' })).value;
    expect(events[0]?.message.attachments).toHaveLength(3);
    expect(JSON.stringify(events)).not.toContain(rig.gateway.home);
    const message = events[0]?.message.id;
    const { result } = await call(client, 'attachments_fetch', { message });
    const data = Buffer.from('not really a picture').toString('base64');
    expect(result.content[1]).toEqual({ type: 'image', mimeType: 'image/png', data });
    for (const index of [1, 2, 3])
      expect((await call(client, 'attachments_fetch', { message, index })).result.isError, String(index)).toBe(true);
  });
});

describe('the door', () => {
  const initialize = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
  });
  const headers = (more: Record<string, string> = {}) => ({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...more,
  });
  const bearer = { authorization: `Bearer ${KEYS.ann}` };

  test('is closed without a key, with a wrong one, and to pages of other sites', async () => {
    const { server } = await open();
    const post = (more: Record<string, string>) =>
      fetch(`${server.url}/mcp`, { method: 'POST', headers: headers(more), body: initialize });
    const bare = await post({});
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toContain('Bearer');
    expect((await post({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await post({ ...bearer, origin: 'https://evil.example' })).status).toBe(403);
    expect(
      (await fetch(`${server.url}/mcp`, { headers: headers({ ...bearer, origin: 'https://evil.example' }) })).status,
    ).toBe(403);
    expect((await post(bearer)).status).toBe(200);
  });

  test('keeps a session for the key that began it, until it is ended', async () => {
    const { server } = await open();
    const url = `${server.url}/mcp`;
    const begun = await fetch(url, { method: 'POST', headers: headers(bearer), body: initialize });
    await begun.text();
    const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
    const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    const ask = (more: Record<string, string>) =>
      fetch(url, { method: 'POST', headers: headers({ ...session, ...more }), body: list });
    expect((await ask(bearer)).status).toBe(200);
    expect((await ask({ authorization: `Bearer ${KEYS.bob}` })).status).toBe(404);
    expect((await ask({})).status).toBe(401);
    expect((await fetch(url, { method: 'POST', headers: headers(bearer), body: list })).status).toBe(400);
    expect((await fetch(url, { method: 'DELETE', headers: headers({ ...session, ...bearer }) })).status).toBe(200);
    expect((await ask(bearer)).status).toBe(404);
  });

  test('lets go of sessions that nobody uses, and takes no more than it can bear', async () => {
    const rig = await open();
    const begin = async () => {
      const made = await fetch(`${rig.server.url}/mcp`, { method: 'POST', headers: headers(bearer), body: initialize });
      await made.text();
      return made;
    };
    for (let count = 0; count < 16; count++) expect((await begin()).status).toBe(200);
    expect((await begin()).status).toBe(429);
    await rig.gateway.clock.advance(31 * 60_000);
    expect((await begin()).status).toBe(200);
    const large = await fetch(`${rig.server.url}/mcp`, {
      method: 'POST',
      headers: headers(bearer),
      body: JSON.stringify({ text: 'x'.repeat(2_000_000) }),
    });
    expect(large.status).toBe(413);
  });
});

test("works behind the gateway's own HTTP server, streams included", async () => {
  const rig = await open();
  await say(rig, 'ann', 'hello');
  const service = makeMcpService({
    context: rig.context,
    findPerson: async () => rig.ann.id,
    allowedHosts: [],
    log: silentLog,
  });
  const http = await openHttpServer({
    port: 0,
    version: 'test',
    clock: rig.gateway.clock,
    log: silentLog,
    statusReport: async () => ({}),
  });
  ends.push(async () => {
    await service.close();
    await http.close();
  });
  http.mount('mcp', 'server', service.handler, { at: 'mcp' });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${http.url}/mcp`)));
  ends.push(() => client.close());
  const { value } = await call(client, 'conversations_list');
  expect(value.conversations.map((entry) => entry.opening)).toEqual(['hello']);
});

describe('over standard input and output', () => {
  test('serves one person until its client is gone', async () => {
    const rig = await open();
    await say(rig, 'bob', 'hi from bob');
    const input = new PassThrough();
    const output = new PassThrough();
    const run = (name: string, given: unknown) => {
      const operation = findOperation(name);
      if (!operation) throw new Error(name);
      return runOperation(operation, rig.context, given);
    };
    const server = await makeHeraldServer(makeBackend(run, rig.bob.id), silentLog);
    const served = serveMcpStdio({ server, input, output, signal: new AbortController().signal });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(pipes(output, input));
    const { value } = await call(client, 'conversations_list');
    expect(value.conversations.map((entry) => entry.opening)).toEqual(['hi from bob']);
    input.end();
    await served;
    await client.close();
  });
});

/** The client's side of two pipes. */
function pipes(from: PassThrough, to: PassThrough): Transport {
  const buffer = new ReadBuffer();
  const transport: Transport = {
    async start() {
      from.on('data', (chunk: Buffer) => {
        buffer.append(chunk);
        for (let message = buffer.readMessage(); message !== null; message = buffer.readMessage())
          transport.onmessage?.(message);
      });
    },
    send: async (message) => void to.write(serializeMessage(message)),
    close: async () => undefined,
  };
  return transport;
}
