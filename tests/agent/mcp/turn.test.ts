// Whole turns with tools of MCP servers: the agent goes on whatever they do, their words are shown as data, their calls are asked about.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decideApproval } from '../../../data/policy/approvals.ts';
import { openRig, ownServer, until, type McpRig } from '../../support/mcp/rig.ts';
import { makeCall, makePorts, openHome, outline, runTurnOnce, textOf, type Home } from '../fixture.ts';

let home: Home;
let rig: McpRig | undefined;
beforeEach(async () => {
  home = await openHome();
});
afterEach(async () => {
  await rig?.close();
  await home.close();
});

async function ready(servers: Record<string, unknown>): Promise<McpRig> {
  const opened = await openRig(servers);
  rig = opened;
  await until(() => opened.mcp.status().every(({ offered }) => offered.length > 0));
  return opened;
}

/** A person who allows everything that they are asked. */
function willing(asked: string[]) {
  return makePorts({
    async requestApproval(approval) {
      asked.push(approval.tool);
      await decideApproval(home.db, home.scope, approval.id, { allow: true });
    },
  });
}

test('a server that dies, one that floods and one that lies cost a call each, and the turn ends as it should', async () => {
  const { mcp } = await ready({
    dies: ownServer('hostile-server.mjs', 'dies'),
    flood: ownServer('hostile-server.mjs', 'flood'),
    lies: ownServer('hostile-server.mjs', 'wrong-shape'),
    good: ownServer('hostile-server.mjs', 'plain'),
  });
  const asked: string[] = [];
  const { result, requests } = await runTurnOnce(
    home,
    [
      { toolCalls: [makeCall('mcp_dies_plain', {}, '1')] },
      { toolCalls: [makeCall('mcp_flood_plain', {}, '2')] },
      { toolCalls: [makeCall('mcp_lies_plain', {}, '3')] },
      { toolCalls: [makeCall('mcp_good_plain', {}, '4')] },
      { text: 'all told' },
    ],
    { agent: { tools: mcp.tools(), ports: willing(asked) } },
  );
  expect(result).toMatchObject({ end: 'done', text: 'all told' });
  const last = textOf(requests.at(-1));
  expect(last).toContain('MCP server dies ended in the middle');
  expect(last).toContain('MCP server lies answered something that MCP does not allow');
  expect(last).toContain('<untrusted from="mcp_good_plain">\ncall 1\n</untrusted>');
  expect(asked).toContain('mcp_good_plain');
  expect(outline(result.transcript).length).toBeGreaterThan(5);
});

test('a call that nobody allows is not made', async () => {
  const { mcp, call } = await ready({ good: ownServer('hostile-server.mjs', 'plain') });
  await runTurnOnce(
    home,
    [
      { toolCalls: [makeCall('mcp_good_plain', {}, '1')] },
      { toolCalls: [makeCall('mcp_good_plain', {}, '2')] },
      { text: 'no' },
    ],
    {
      agent: {
        tools: mcp.tools(),
        ports: makePorts({
          async requestApproval(approval) {
            await decideApproval(home.db, home.scope, approval.id, { allow: false });
          },
        }),
      },
    },
  );
  // It counts its calls: at most the first one, before anything foreign was read, was made unasked.
  expect(Number((await call('mcp_good_plain')).text.replace('call ', ''))).toBeLessThanOrEqual(2);
});
