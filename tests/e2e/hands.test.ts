// Hands, end to end: the model runs a command in the sandbox, writes a file and calls an MCP server; the person is asked in the web chat,
// the gateway is killed while the question is open, and the press of a button after the next start lets the call happen, once.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { inOrder } from '../support/model-server-script.ts';

const MEMORY = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-memory/dist/index.js', import.meta.url),
);
const BWRAP = '/usr/bin/bwrap';
const missing = fs.existsSync(BWRAP) ? '' : ` (skipped: no ${BWRAP} on this machine)`;

const timelineShape = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      direction: z.enum(['in', 'out']),
      html: z.string().optional(),
      buttons: z.array(z.array(z.object({ label: z.string(), data: z.string() }))),
    }),
  ),
});
const serversShape = z.object({ result: z.array(z.object({ name: z.string(), offered: z.array(z.string()) })) });
const entity = (name: string) => ({ entities: [{ name, entityType: 'thing', observations: ['seen once'] }] });

describe.skipIf(missing !== '')(`hands${missing}`, () => {
  let model: ModelServer;
  let home: string;
  let calls: string;
  let gateway: GatewayProcess;
  let cookie = '';
  let posts = 0;

  beforeAll(async () => {
    model = await startModelServer({
      script: inOrder(
        { toolCalls: [{ name: 'terminal', arguments: { command: 'echo made in the sandbox | tee made.txt' } }] },
        { toolCalls: [{ name: 'write_file', arguments: { path: 'plan.md', content: '# Plan\n' } }] },
        { toolCalls: [{ name: 'mcp_memory_read_graph', arguments: {} }] },
        { toolCalls: [{ name: 'mcp_memory_create_entities', arguments: entity('umbrella') }] },
        { text: 'All of it is done.' },
      ),
    });
    home = makeHome();
    calls = path.join(home, 'calls.log');
    const file = path.join(home, 'graph.jsonl');
    writeConfig({
      gateway: { port: 0 },
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
      mcp_servers: {
        memory: {
          // What the server is asked is written down: its own file does not tell how often.
          command: '/bin/sh',
          args: ['-c', 'tee -a "$1" | exec "$2" "$3"', 'sh', calls, process.execPath, MEMORY],
          env: { MEMORY_FILE_PATH: file },
        },
      },
    });
    gateway = await startGatewayProcess({ home });
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  function writeConfig(config: unknown): void {
    fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify(config), { mode: 0o600 });
  }

  async function post(route: string, body: Record<string, unknown>): Promise<number> {
    const answer = await fetch(`${gateway.url}${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie },
      body: JSON.stringify({ id: `request-${++posts}`, ...body }),
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  async function entries() {
    const answer = await fetch(`${gateway.url}/timeline?limit=50`, { headers: { cookie } });
    return timelineShape.parse(await answer.json()).entries;
  }

  const asked = () =>
    waitFor('the request', async () => (await entries()).find(({ html }) => html?.includes('May I do this?')));
  const done = async () => (await entries()).filter(({ html }) => html?.includes('All of it is done.')).length;
  const timesCalled = (tool: string) =>
    fs
      .readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line.includes('tools/call') && line.includes(tool)).length;

  it('a browser becomes the owner’s, and the MCP server is known', async () => {
    const session = await fetch(`${gateway.url}/session`, { method: 'POST' });
    cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
    const code = await waitFor('the link', () => /#link=([\w-]+)/.exec(gateway.output())?.[1]);
    expect(await post('/messages', { text: `/link ${code}` })).toBe(202);
    await waitFor('to be paired', async () =>
      (await entries()).some(({ html }) => html?.includes('you are the owner here')),
    );
    await waitFor('the tools of the server', async () => {
      const { body } = await requestSocket(gateway.socket, { path: '/control/mcp.servers', body: {} });
      return serversShape.parse(JSON.parse(body)).result[0]?.offered.includes('create_entities');
    });
  });

  it('works in sandbox and workspace unasked, and asks before it gives something to a server', async () => {
    expect(await post('/messages', { text: 'make the plan and remember my umbrella' })).toBe(202);
    const request = await asked();
    expect(request.html).toContain('umbrella');
    const [space = ''] = fs.readdirSync(path.join(home, 'workspaces'));
    const workspace = path.join(home, 'workspaces', space);
    expect(fs.readFileSync(path.join(workspace, 'made.txt'), 'utf8')).toBe('made in the sandbox\n');
    expect(fs.readFileSync(path.join(workspace, 'plan.md'), 'utf8')).toBe('# Plan\n');
    expect(timesCalled('create_entities')).toBe(0);
  });

  it('killed while it asks, it goes on after the answer, and does everything once', { timeout: 60_000 }, async () => {
    const request = await asked();
    await gateway.kill('SIGKILL');
    gateway = await startGatewayProcess({ home });
    const allow = request.buttons.flat().find(({ label }) => label === 'Allow once');
    expect(await post('/buttons', { data: allow?.data, message: request.key })).toBe(202);
    await waitFor('the answer', async () => (await done()) > 0);
    expect(timesCalled('create_entities')).toBe(1);
    expect(timesCalled('read_graph')).toBe(1);
    expect(fs.readFileSync(path.join(home, 'graph.jsonl'), 'utf8')).toContain('umbrella');
    expect(model.calls).toHaveLength(5);
    expect((await entries()).filter(({ html }) => html?.includes('May I do this?'))).toHaveLength(1);
    expect(await post('/buttons', { data: allow?.data, message: request.key })).toBe(202);
    await waitFor('to be told', async () => (await entries()).some(({ html }) => html?.includes('No request of mine')));
    expect([await done(), timesCalled('create_entities')]).toEqual([1, 1]);
  });
});
