// The official example servers through the client: everything (over both transports), filesystem, memory.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ElicitationQuestion, SamplingRequest } from '../../../agent/mcp/ports.ts';
import { openRig, officialServer, until, type McpRig } from '../../support/mcp/rig.ts';

const open: McpRig[] = [];
afterEach(async () => {
  for (const rig of open.splice(0)) await rig.close();
});
async function rigWith(...args: Parameters<typeof openRig>): Promise<McpRig> {
  const rig = await openRig(...args);
  open.push(rig);
  return rig;
}

describe('everything, over stdio', () => {
  test('smoke', async () => {
    const rig = await rigWith({ every: officialServer('everything', 'stdio') });
    await until(() => rig.mcp.tools().length > 0);
    console.log(
      rig.mcp.tools().map((t) => t.name),
      JSON.stringify(rig.mcp.status(), null, 1),
    );
    console.log(await rig.call('mcp_every_echo', { message: 'hi' }));
    console.log(await rig.call('mcp_every_get_tiny_image', {}));
    console.log(await rig.call('mcp_every_list_resources', {}));
    expect(1).toBe(1);
  });
});
