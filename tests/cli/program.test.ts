// Arguments, help and errors of the command line.
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import fs from 'node:fs';
import path from 'node:path';
import { makeTempHome, removeHome, runCli } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());

let home: string;
beforeEach(() => {
  home = makeTempHome();
});
afterEach(() => removeHome(home));
const run = (...args: string[]) => commands.run(args, { home });

describe('herald', () => {
  it('shows help with all exit codes when nothing is asked', async () => {
    const { code, stdout } = await runCli([], { home });
    expect(code).toBe(0);
    expect(stdout).toMatch(/Usage: herald/);
    for (const number of ['75', '78', '130']) expect(stdout).toMatch(new RegExp(`^ {2}${number} +\\S`, 'm'));
  });

  it('prints its version in words and as JSON', async () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string;
    };
    expect((await runCli(['version'], { home })).stdout).toBe(`herald ${version}\n`);
    expect((await run('--version')).stdout).toBe(`${version}\n`);
    expect(JSON.parse((await run('version', '--json')).stdout)).toMatchObject({ version });
    expect(JSON.parse((await run('--json', 'version')).stdout)).toMatchObject({ version });
  });

  it.each([
    [['sesions'], /no command "sesions"; did you mean sessions\?/],
    [['sessions', 'lst'], /unknown command 'lst'/],
    [['send', '--foo'], /unknown option '--foo'/],
    [['logs', '-n', 'many'], /whole number from 0 to 1000000/],
    [['logs', '--level', 'loud'], /debug, info, warn, error/],
    [['config', 'get'], /missing required argument 'key'/],
    [['completion', 'tcsh'], /bash, zsh, fish/],
    [['version', 'extra'], /too many arguments/],
  ])('explains what is wrong with %j in one line and exits with 2', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^herald: bad_input: /);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/See `herald .*--help`\.$/m);
  });

  it('shows the stack of an error with --debug only', async () => {
    const plain = await run('status');
    expect(plain.code).toBe(3);
    expect(plain.stderr).toMatch(/^herald: gateway_not_running: .*`herald start`\.\n$/);
    const debug = await run('status', '--debug');
    expect(debug.stderr).toMatch(/^ +at /m);
  });

  it('tells errors as JSON with --json', async () => {
    const { code, stdout, stderr } = await runCli(['status', '--json'], { home });
    expect([code, stdout]).toEqual([3, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'gateway_not_running' } });
  });

  it('takes --home before and after the command, over HERALD_HOME', async () => {
    const other = makeTempHome();
    try {
      for (const args of [
        ['--home', other, 'config', 'path'],
        ['config', 'path', '--home', other],
      ])
        expect((await run(...args)).stdout).toBe(`${path.join(other, 'config.yaml')}\n`);
      expect((await run('config', 'path')).stdout).toBe(`${path.join(home, 'config.yaml')}\n`);
    } finally {
      removeHome(other);
    }
  });

  it('creates no home by looking', async () => {
    const missing = path.join(home, 'not-there');
    for (const args of [
      ['sessions', 'list'],
      ['status'],
      ['logs'],
      ['doctor'],
      ['config', 'show'],
      ['pairing', 'list'],
      ['model'],
    ])
      await run(...args, '--home', missing);
    expect(fs.existsSync(missing)).toBe(false);
    expect((await run('sessions', 'list', '--home', missing)).code).toBe(5);
  });
});
