// Tools and MCP servers over the control API.
import { afterEach, expect, test } from 'vitest';
import type { McpControl } from '../../../gateway/control/operation.ts';
import { openControl, type ControlFixture } from './fixture.ts';

let fixture: ControlFixture | undefined;
afterEach(() => fixture?.gateway.close());

/** Servers that remember what was asked of them. */
function makeServers(asked: string[]): McpControl {
  return {
    list: async () => [
      { name: 'memory', transport: 'stdio', state: 'ready', offered: ['read'], heldBack: ['write'], lines: ['memory'] },
    ],
    beginLogin: async (server) => ({ address: `https://login/${server}` }),
    awaitLogin: async (server, waitMs) => {
      asked.push(`wait ${server} ${waitMs}`);
      return false;
    },
    completeLogin: async (server, address) => void asked.push(`complete ${server} ${address}`),
    logout: async (server) => void asked.push(`logout ${server}`),
    allow: async (server, tools) => void asked.push(`allow ${server} ${tools?.join() ?? 'all'}`),
    refresh: async (server) => void asked.push(`refresh ${server}`),
  };
}

test('servers are listed, logged in to and asked again', async () => {
  fixture = await openControl();
  const asked: string[] = [];
  fixture.context.mcp = makeServers(asked);
  const { call } = fixture;
  expect(await call('mcp.servers', {})).toMatchObject([{ name: 'memory', heldBack: ['write'] }]);
  expect(await call('mcp.login', { server: 'memory' })).toEqual({ address: 'https://login/memory' });
  expect(await call('mcp.login.wait', { server: 'memory', waitMs: 5 })).toEqual({ done: false });
  await call('mcp.login.complete', { server: 'memory', address: 'http://127.0.0.1/cb?code=1' });
  await call('mcp.logout', { server: 'memory' });
  await call('mcp.refresh', { server: 'memory' });
  await call('mcp.allow', { server: 'memory' });
  await call('mcp.allow', { server: 'memory', tools: ['write'] });
  expect(asked).toEqual([
    'wait memory 5',
    'complete memory http://127.0.0.1/cb?code=1',
    'logout memory',
    'refresh memory',
    'allow memory all',
    'allow memory write',
  ]);
  const typo = call('mcp.allow', { server: 'memory', tools: ['wriet'] });
  await expect(typo).rejects.toMatchObject({ code: 'not_found', publicMessage: expect.stringContaining('write') });
  expect(asked).toHaveLength(6);
});

test('whom a program speaks for is the owner, or the person that is named', async () => {
  fixture = await openControl();
  const { call, gateway, fake } = fixture;
  const ann = await gateway.pair(fake, 'ann');
  const bob = await gateway.pair(fake, 'bob', 'member');
  expect(await call('mcp.person', {})).toEqual({ id: ann.id, name: 'ann' });
  expect(await call('mcp.person', { person: 'bob' })).toEqual({ id: bob.id, name: 'bob' });
  await expect(call('mcp.person', { person: 'eve' })).rejects.toMatchObject({ code: 'not_found' });
});
