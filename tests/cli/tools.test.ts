// `herald tools` and `herald mcp` against a real gateway with a real MCP server; Herald as an MCP server over pipes and HTTP, through the
// official client.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { MAIN } from '../support/built.ts';
import { bareEnv, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const MEMORY = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-memory/dist/index.js', import.meta.url),
);
const conversations = z.object({ conversations: z.array(z.object({ opening: z.string() })) });
const tools = z.object({
  tools: z.array(z.object({ name: z.string(), state: z.string(), why: z.string().optional() })),
  notes: z.array(z.string()),
});

describe('tools and MCP on the command line', () => {
  const commands = openCommandRunner();
  let home: string;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    home = makeHome({
      mcp_server: { http: true },
      mcp_servers: { memory: { command: process.execPath, args: [MEMORY] } },
    });
    gateway = await startGatewayProcess({ home, env: { OLLAMA_HOST: '127.0.0.1:9' } });
    await run('-c', 'hello from the terminal');
  });
  afterAll(async () => {
    await commands.close();
    await gateway?.kill('SIGKILL');
    removeHome(home);
  });
  const run = (...args: string[]) => commands.run(args, { home });
  const stateOf = async (name: string, ...args: string[]) => {
    const listed = tools.parse(JSON.parse((await run('tools', 'list', '--json', ...args)).stdout));
    return listed.tools.find((tool) => tool.name === name);
  };

  it('lists tools with their state, those of servers too', async () => {
    await waitFor('the tools of the server', async () => /9 tools/.test((await run('mcp', 'list')).stdout));
    const { stdout, code } = await run('tools', 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^terminal +terminal +always at hand/m);
    expect(stdout).toMatch(/mcp_memory_read_graph +always at hand/);
    expect(stdout).toMatch(/^memory \(stdio\): \w+, 9 tools/m);
  });

  it('switches tools off for all, a platform or a role, and the running gateway heeds it', async () => {
    expect((await run('tools', 'disable', 'clock')).stdout).toBe('Off by agent.tools.disabled: clock.\n');
    expect(await stateOf('clock')).toMatchObject({ state: 'off' });
    expect((await run('tools', 'enable', 'clock')).stdout).toBe('Off by agent.tools.disabled: nothing.\n');
    expect(await stateOf('clock')).toMatchObject({ state: 'prompt' });
    await run('tools', 'disable', 'web_access', '--platform', 'telegram');
    expect(await stateOf('web_search', '--platform', 'telegram')).toMatchObject({ state: 'off' });
    expect(await stateOf('web_search')).not.toMatchObject({ state: 'off' });
    await run('tools', 'disable', 'files', '--role', 'guest');
    expect(fs.readFileSync(path.join(home, 'config.yaml'), 'utf8')).toMatch(/by_role[^]*guest[^]*files/);
    const typo = await run('tools', 'disable', 'clokc');
    expect([typo.code, typo.stderr]).toEqual([0, expect.stringMatching(/No tool or group is called clokc/)]);
    await run('tools', 'enable', 'clokc');
    expect((await run('tools', 'disable', 'x', '--platform', 'nowhere')).code).toBe(5);
    expect((await run('tools', 'disable', 'a b')).code).toBe(2);
    expect((await run('tools', 'disable', 'x', '--role', 'king')).code).toBe(2);
  });

  it('asks servers again, and refuses what cannot be', async () => {
    const refreshed = await run('mcp', 'refresh', 'memory');
    expect([refreshed.code, refreshed.stdout]).toEqual([0, expect.stringMatching(/^memory \(stdio\): ready, 9 tools/)]);
    expect((await run('mcp', 'allow', 'memory')).code).toBe(0);
    const typo = await run('mcp', 'allow', 'memory', 'raed_graph');
    expect([typo.code, typo.stderr]).toEqual([5, expect.stringMatching(/no tool "raed_graph"/)]);
    const unknown = await run('mcp', 'refresh', 'nobody');
    expect([unknown.code, unknown.stderr]).toEqual([5, expect.stringMatching(/Known: memory/)]);
    const login = await run('mcp', 'login', 'memory');
    expect([login.code, login.stderr]).toEqual([2, expect.stringMatching(/auth: oauth/)]);
    const early = await run('mcp', 'login', 'memory', '--address', 'http://127.0.0.1/x');
    expect([early.code, early.stderr]).toEqual([2, expect.stringMatching(/No login/)]);
    expect((await run('mcp', 'logout', 'memory')).code).toBe(0);
  });

  it('doctor tells of server, terminal and programs', async () => {
    const { stdout } = await run('doctor');
    expect(stdout).toMatch(/^ok +mcp +memory \(stdio\)/m);
    for (const check of ['commands', 'browser', 'search', 'python'])
      expect(stdout).toMatch(new RegExp(`^\\w+ +${check} `, 'm'));
  });

  async function conversationsOver(transport: Transport): Promise<readonly string[]> {
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    try {
      const { structuredContent } = await client.callTool({ name: 'conversations_list', arguments: {} });
      return conversations.parse(structuredContent).conversations.map(({ opening }) => opening);
    } finally {
      await client.close();
    }
  }

  it('is an MCP server for a program that starts it, for its owner', async () => {
    const started = (...args: string[]) =>
      new StdioClientTransport({
        command: process.execPath,
        args: [MAIN, 'mcp', 'serve', ...args],
        env: bareEnv(home),
        stderr: 'ignore',
      });
    expect(await conversationsOver(started())).toEqual([expect.stringContaining('hello from the terminal')]);
    const nobody = await run('mcp', 'serve', '--person', 'nobody');
    expect([nobody.code, nobody.stdout, nobody.stderr]).toEqual([5, '', expect.stringMatching(/Nobody is known/)]);
  });

  it('is one on its port, for keys of people, and tells of news at once', async () => {
    const { key } = z.object({ key: z.string() }).parse(JSON.parse((await run('keys', 'create', '--json')).stdout));
    const url = new URL(`${gateway.url}/mcp`);
    const transport = (bearer: string) =>
      new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${bearer}` } } });
    const over = (bearer: string) => conversationsOver(transport(bearer));
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport(key));
    const begin = await client.callTool({ name: 'events_poll', arguments: {} });
    const { cursor } = z.object({ cursor: z.string() }).parse(begin.structuredContent);
    const waiting = client.callTool({ name: 'events_wait', arguments: { cursor, timeout_ms: 30_000 } });
    const since = performance.now();
    await run('-c', 'this is news');
    expect(JSON.stringify((await waiting).structuredContent)).toContain('this is news');
    expect(performance.now() - since).toBeLessThan(15_000);
    await client.close();
    expect(await over(key)).toEqual([expect.stringContaining('hello from the terminal')]);
    await expect(over(`${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`)).rejects.toThrow(/key|401|Unauthorized/i);
    const served = await run('mcp', 'serve', '--http');
    expect(served.stdout).toBe(`MCP at ${gateway.url}/mcp. Programs need a key: herald keys create\n`);
  });
});
