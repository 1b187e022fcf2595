// A quick command must stay quick: no SDK, no database, no server is loaded before it is needed.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHECKOUT_MAIN } from '../support/built.ts';
import { makeTempHome, removeHome, runCli, type CliResult } from './run-cli.ts';

const HEAVY = [
  'grammy',
  'openai',
  '@anthropic-ai/sdk',
  'better-sqlite3',
  'hono',
  '@hono/node-server',
  'zod',
  'kysely',
  'pino',
  '@clack/prompts',
];

let home: string;
beforeEach(() => {
  home = makeTempHome();
});
afterEach(() => removeHome(home));

async function packagesOf(args: readonly string[]): Promise<{ result: CliResult; packages: Set<string> }> {
  const file = path.join(home, 'modules.txt');
  const recorder = new URL('./module-recorder.ts', import.meta.url).href;
  const result = await runCli(args, {
    home,
    env: { MODULES_FILE: file },
    main: CHECKOUT_MAIN,
    node: ['--import', recorder],
  });
  const urls = fs.readFileSync(file, 'utf8').split('\n');
  const names = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  return { result, packages: new Set(names) };
}

describe('what is loaded', () => {
  it.each([
    [['version']],
    [['--version']],
    [['--help']],
    [['help', 'send']],
    [['send', '--help']],
    [['no-such-command']],
  ])('by herald %s is commander alone', async (args) => {
    const { result, packages } = await packagesOf(args);
    expect(result.stdout + result.stderr).not.toBe('');
    expect([...packages]).toEqual(['commander']);
  });

  it('is seen by the recorder when it happens', async () => {
    fs.writeFileSync(path.join(home, 'writer.lock'), '');
    const { packages } = await packagesOf(['status']);
    expect(packages).toContain('better-sqlite3');
    expect(packages).toContain('zod');
  });

  it('by herald setup and doctor without a model to call is no SDK and no server', async () => {
    for (const args of [['setup', '--non-interactive'], ['doctor'], ['model'], ['completion', 'bash']]) {
      const { packages } = await packagesOf(args);
      const allowed = ['zod', 'better-sqlite3', 'kysely'];
      expect([args, ...HEAVY.filter((name) => packages.has(name) && !allowed.includes(name))]).toEqual([args]);
    }
  });
});
