// The official conformance suite of MCP, all of its scenarios for servers, against Herald's transport, keys and sessions. The tools,
// resources and prompts that it wants to see are the suite's own.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeMcpHttp } from '../../../gateway/mcp/http.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeSuiteServer } from '../../support/mcp/conformance-server.ts';
import { listen } from '../../support/mcp/listen.ts';

const SCENARIOS = 32;
const require = createRequire(import.meta.url);
const suite = path.join(
  path.dirname(require.resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);

test('all scenarios for servers', { timeout: 60_000 }, async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mcp-suite-'));
  const http = makeMcpHttp({
    // The suite brings no keys.
    findPerson: async () => 'ann',
    makeServer: async () => makeSuiteServer(),
    allowedHosts: [],
    clock: systemClock,
    log: silentLog,
    maxSessionsEach: 64,
  });
  const server = await listen(http.handler);
  try {
    const output = await new Promise<string>((resolve) =>
      execFile(
        process.execPath,
        [suite, 'server', '--url', `${server.url}/mcp`, '--suite', 'all', '-o', path.join(dir, 'results')],
        { maxBuffer: 64 * 1024 * 1024, cwd: dir },
        (_, stdout, stderr) => resolve(`${stderr}\n${stdout}`),
      ),
    );
    const results = [...output.matchAll(/^([✓✗⚠]) (\S+): (\d+) passed, (\d+) failed/gm)];
    const failed = results.filter((match) => match[1] !== '✓').map((match) => match[2]);
    expect(results.length, output).toBe(SCENARIOS);
    expect(failed, output).toEqual([]);
    expect(output).not.toMatch(/[1-9]\d* warnings/);
  } finally {
    await http.close();
    await server.close();
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
