// herald config: reading and changing settings.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTempHome, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
beforeEach(() => {
  home = makeTempHome();
});
afterEach(() => removeHome(home));
const run = (...args: string[]) => commands.run(['config', ...args], { home });
const file = () => path.join(home, 'config.yaml');

describe('herald config', () => {
  it('sets, gets and unsets, and keeps comments', async () => {
    fs.writeFileSync(file(), '# mine\ngateway:\n  port: 8000 # usual\n');
    expect((await run('set', 'gateway.port', '9000')).code).toBe(0);
    expect(fs.readFileSync(file(), 'utf8')).toBe('# mine\ngateway:\n  port: 9000 # usual\n');
    expect((await run('get', 'gateway.port')).stdout).toBe('9000\n');
    expect(JSON.parse((await run('get', 'gateway.port', '--json')).stdout)).toMatchObject({
      key: 'gateway.port',
      value: 9000,
    });
    expect((await run('unset', 'gateway.port')).code).toBe(0);
    expect((await run('get', 'gateway.port')).stdout).toBe('7420\n');
  });

  it('refuses a bad value with file, key and what is allowed, and changes nothing', async () => {
    const { code, stderr } = await run('set', 'gateway.port', 'many');
    expect(code).toBe(4);
    expect(stderr).toMatch(/config\.yaml:\d+:\d+ gateway\.port: found "many"; expected a whole number from 0 to 65535/);
    expect(fs.existsSync(file())).toBe(false);
  });

  it('suggests the name that was meant', async () => {
    const { code, stderr } = await run('get', 'gateway.prt');
    expect(code).toBe(5);
    expect(stderr).toMatch(/Did you mean gateway\.port\?/);
  });

  it('shows sections, what was changed, and masks secrets', async () => {
    fs.writeFileSync(file(), 'model:\n  provider: openai\n  api_key: sk-verysecretkey1234\n');
    const shown = await run('show', '--changed');
    expect(shown.stdout).toMatch(/^model\.provider +openai +.*config\.yaml:2/m);
    expect(shown.stdout).not.toContain('verysecret');
    expect((await run('get', 'gateway')).stdout.split('\n').length).toBeGreaterThan(5);
  });

  it('tells a broken file with its line', async () => {
    fs.writeFileSync(file(), 'gateway:\n  prot: 8000\n');
    const { code, stderr } = await run('show');
    expect(code).toBe(4);
    expect(stderr).toMatch(/config\.yaml:2:3 gateway\.prot/);
  });
});
