import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTypedValue, setConfigValue, setSecret } from '../../config/edit.ts';
import { loadConfig } from '../../config/load.ts';
import { AppError } from '../../shared/errors.ts';
import { sampleManifests } from './sample-manifests.ts';
import { makeHome } from './temp-home.ts';

const options = { env: {}, manifests: sampleManifests };

const set = (home: string, key: string, value: unknown) => setConfigValue(home, key, value, options);
const yamlOf = (home: string) => readFile(path.join(home, 'config.yaml'), 'utf8');
const envOf = (home: string) => readFile(path.join(home, '.env'), 'utf8');
const load = (home: string) => loadConfig({ home, ...options });

describe('setConfigValue', () => {
  test('changes one value and keeps comments, order, quotes and blank lines', async () => {
    const yaml = `# my settings
model:
  name: 'old' # the small one

# where it listens
gateway:
  # not 7420: taken
  port: 8080
budget: { per_day_usd: 3 } # dollars
`;
    const home = await makeHome({ yaml });
    await set(home, 'model.name', 'new');
    await set(home, 'gateway.port', 9090);
    await set(home, 'budget.per_day_usd', null);
    const changed = yaml
      .replace("'old'", "'new'")
      .replace('8080', '9090')
      .replace('per_day_usd: 3', 'per_day_usd: null');
    expect(await yamlOf(home)).toBe(changed);
  });

  test('makes file, folder and sections, private', async () => {
    const home = path.join(await makeHome(), 'deep', 'home');
    await set(home, 'providers.mine.models."gpt-4.1".context_length', 1000);
    await set(home, 'gateway.allowed_hosts', ['a.example']);
    const { config } = await load(home);
    expect(config.providers['mine']?.models['gpt-4.1']?.context_length).toBe(1000);
    expect(config.gateway.allowed_hosts).toEqual(['a.example']);
    expect((await stat(path.join(home, 'config.yaml'))).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual(['config.yaml']);
  });

  test.each(['# only a comment\n', 'gateway:\n', 'gateway: # later\nmodel: {}\n', '', 'null\n'])(
    'starts from %j',
    async (yaml) => {
      const home = await makeHome({ yaml });
      await set(home, 'gateway.port', 1);
      expect((await load(home)).config.gateway.port).toBe(1);
      for (const comment of yaml.match(/#.*/g) ?? []) expect(await yamlOf(home)).toContain(comment);
    },
  );

  test('entries of lists by number, and removal', async () => {
    const home = await makeHome({
      yaml: 'fallback_models:\n  - name: a # first\n  - name: b\nlogging: {level: debug}\n',
    });
    await set(home, 'fallback_models.1.name', 'c');
    await set(home, 'logging.level', undefined);
    const { config } = await load(home);
    expect(config.fallback_models.map((model) => model.name)).toEqual(['a', 'c']);
    expect(config.logging.level).toBe('info');
    expect(await yamlOf(home)).toContain('# first');
  });

  test.each([
    ['gateway.port', 'abc', 'expected a whole number'],
    ['gateway.prot', 1, 'Did you mean port?'],
    ['platforms.parot.enabled', true, 'Did you mean parrot?'],
    ['platforms.parrot.enabled', true, 'PARROT_BOT_TOKEN'],
    ['model.name', '${NOPE}', 'NOPE'],
  ])('refuses %s = %j and writes nothing', async (key, value, message) => {
    const yaml = 'gateway: {port: 1}\n';
    const home = await makeHome({ yaml });
    await expect(set(home, key, value)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(message),
    });
    expect(await yamlOf(home)).toBe(yaml);
    expect(await readdir(home)).toEqual(['config.yaml']);
  });

  test('a broken file can be mended value by value, but not made worse', async () => {
    const home = await makeHome({ yaml: 'gateway: {port: abc, drain_ms: x}\n' });
    await expect(set(home, 'gateway.host', 7)).resolves.toBeUndefined();
    await expect(set(home, 'gateway.queue_mode', 'x')).rejects.toMatchObject({ code: 'config_invalid' });
    await set(home, 'gateway.port', 1);
    await set(home, 'gateway.drain_ms', 2);
    expect((await load(home)).config.gateway).toMatchObject({ port: 1, drain_ms: 2, host: '7' });
  });

  test('a file that is no YAML is told and left alone', async () => {
    const home = await makeHome({ yaml: 'gateway: [\n' });
    await expect(set(home, 'gateway.port', 1)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('config.yaml:'),
    });
    expect(await yamlOf(home)).toBe('gateway: [\n');
  });

  test('nothing is set inside of a single value', async () => {
    const home = await makeHome({ yaml: 'model: {name: x}\n' });
    await expect(set(home, 'model.name.first', 1)).rejects.toMatchObject({ code: 'bad_input' });
    await expect(set(home, '..', 1)).rejects.toMatchObject({ code: 'bad_input' });
  });

  test('a link stays a link', async () => {
    const home = await makeHome();
    await mkdir(path.join(home, 'dotfiles'));
    await writeFile(path.join(home, 'dotfiles', 'real.yaml'), 'gateway: {port: 1}\n');
    await symlink('dotfiles/real.yaml', path.join(home, 'config.yaml'));
    await set(home, 'gateway.port', 2);
    expect(await readFile(path.join(home, 'dotfiles', 'real.yaml'), 'utf8')).toContain('port: 2');
    expect(await readdir(path.join(home, 'dotfiles'))).toEqual(['real.yaml']);
  });

  test('a home that cannot be written says so', async () => {
    const home = path.join(await makeHome(), 'file');
    await writeFile(home, '');
    const error: unknown = await set(path.join(home, 'inside'), 'gateway.port', 1).catch((reason: unknown) => reason);
    expect(error instanceof AppError ? error.code : error).toMatch(/config_unreadable|home_unwritable/);
  });

  test('what was set is what is loaded', async () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((value) => value.trim() !== '' && !value.includes('${'));
    const home = await makeHome({ yaml: '# kept\nlogging: {level: debug} # kept too\n' });
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        await set(home, 'model.name', value);
        await set(home, 'personalities.a', value);
        const { config } = await load(home);
        expect(config.model.name).toBe(value);
        expect(config.personalities['a']).toBe(value.trim());
        expect(await yamlOf(home)).toMatch(/^# kept\nlogging: .*# kept too\n/);
      }),
      { numRuns: 40 },
    );
  });
});

test('readTypedValue reads what a person types as YAML', () => {
  const typed: [string, unknown][] = [
    ['8080', 8080],
    ['1.5', 1.5],
    ['true', true],
    ['null', null],
    ['[a, 2]', ['a', 2]],
    ['{a: 1}', { a: 1 }],
    ['plain words', 'plain words'],
    ['"8080"', '8080'],
    ['+4366012345', '+4366012345'],
    ['007', '007'],
    ['123456789012345678901', '123456789012345678901'],
    ['[broken', '[broken'],
    ['@name', '@name'],
    ['http://box:1/v1', 'http://box:1/v1'],
    ['', ''],
  ];
  for (const [text, value] of typed) expect(readTypedValue(text), text).toEqual(value);
});

test('a typed decimal is kept as written: a number for prices, a text for names', async () => {
  const home = await makeHome();
  await set(home, 'budget.per_day_usd', readTypedValue('1.50'));
  await set(home, 'model.name', readTypedValue('4.10'));
  const { config } = await load(home);
  expect(config.budget.per_day_usd).toBe(1.5);
  expect(config.model.name).toBe('4.10');
});

describe('setSecret', () => {
  test('sets, replaces and removes one line, mode 0600', async () => {
    const home = path.join(await makeHome(), 'new');
    await setSecret(home, 'PARROT_BOT_TOKEN', '1:a b"c$');
    await setSecret(home, 'OTHER', 'x');
    await setSecret(home, 'PARROT_BOT_TOKEN', '2:b');
    expect(await envOf(home)).toBe('PARROT_BOT_TOKEN=2:b\nOTHER=x\n');
    await setSecret(home, 'OTHER', undefined);
    expect(await envOf(home)).toBe('PARROT_BOT_TOKEN=2:b\n');
    expect((await stat(path.join(home, '.env'))).mode & 0o777).toBe(0o600);
    expect((await load(home)).config.platforms['parrot']?.enabled).toBe(true);
  });

  test('tightens the mode of a file that was open', async () => {
    const home = await makeHome({ env: 'A=1\n', envMode: 0o644 });
    await setSecret(home, 'B', '2');
    expect((await stat(path.join(home, '.env'))).mode & 0o777).toBe(0o600);
  });

  test('refuses what could not be read back', async () => {
    const home = await makeHome();
    await expect(setSecret(home, 'NO SPACES', 'x')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(setSecret(home, 'A', 'x\0')).rejects.toMatchObject({ code: 'bad_input' });
    expect(await readdir(home)).toEqual([]);
  });

  // Root may write everything, so there is nothing to be refused.
  test.skipIf(process.getuid?.() === 0)('a read-only home is told', async () => {
    const home = await makeHome({ env: 'A=1\n' });
    await chmod(home, 0o500);
    await expect(setSecret(home, 'B', '2')).rejects.toMatchObject({ code: 'home_unwritable' });
    await chmod(home, 0o700);
    expect(await envOf(home)).toBe('A=1\n');
  });
});
