// The official conformance suite of MCP, all of its scenarios for clients, against ours.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { serveScenarios } from '../../support/mcp/conformance-client.ts';

/** Scenarios that must fail, with the reason. One that passes fails the test too. */
const EXPECTED_FAILURES: Readonly<Record<string, string>> = {
  'auth/cross-app-access-complete-flow':
    'an extension for companies whose identity provider exchanges tokens: Herald has no such provider',
};

/** Scenarios that may warn, with the reason; what fails among all the others is tried again by itself. */
const TIMED: Readonly<Record<string, string>> = {
  'sse-retry': 'it measures how soon we come back, and a busy machine comes late',
};

const SCENARIOS = 26;
const require = createRequire(import.meta.url);
const suite = path.join(
  path.dirname(require.resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);
const shim = path.join(import.meta.dirname, '../../support/mcp/conformance-shim.mjs');

test('all scenarios for clients', { timeout: 120_000 }, async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mcp-suite-'));
  const socket = path.join(dir, 's');
  const server = await serveScenarios(socket);
  try {
    const command = `${process.execPath} ${shim} ${socket}`;
    const runSuite = (...which: string[]) =>
      new Promise<string>((resolve) =>
        execFile(
          process.execPath,
          [suite, 'client', '--command', command, ...which, '-o', path.join(dir, 'results')],
          { maxBuffer: 64 * 1024 * 1024, cwd: dir },
          (error, stdout, stderr) => resolve(`${stderr}\n${stdout}\nexit ${error === null ? 0 : 'failed'}`),
        ),
      );
    const output = await runSuite('--suite', 'all');
    const results = [...output.matchAll(/^([✓✗]) (\S+): \d+ passed, (\d+) failed/gm)];
    const failed = results.flatMap(([, mark, name = '', count]) =>
      mark === '✓' || (count === '0' && name in TIMED) ? [] : [name],
    );
    for (const name of failed.filter((one) => one in TIMED)) {
      const again = await runSuite('--scenario', name);
      expect(again, again).toMatch(/^Passed: .*, 0 failed/m);
      failed.splice(failed.indexOf(name), 1);
    }
    expect(results.length, output).toBe(SCENARIOS);
    expect(failed, output).toEqual(Object.keys(EXPECTED_FAILURES));
  } finally {
    await new Promise((resolve) => server.close(resolve));
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
