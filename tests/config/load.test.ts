import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { heraldHome, loadConfig, type LoadedConfig, type LoadOptions } from '../../config/load.ts';
import { AppError } from '../../shared/errors.ts';
import { sampleManifests } from './sample-manifests.ts';
import { makeHome } from './temp-home.ts';

type Extra = Partial<LoadOptions>;

const load = (home: string, extra: Extra = {}): Promise<LoadedConfig> =>
  loadConfig({ home, env: {}, manifests: sampleManifests, ...extra });

async function failure(home: string, extra: Extra = {}): Promise<AppError> {
  const error: unknown = await load(home, extra).catch((reason: unknown) => reason);
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

describe('home', () => {
  test('is $HERALD_HOME, with ~, absolute; else ~/.herald', () => {
    expect(heraldHome({})).toBe(path.join(homedir(), '.herald'));
    expect(heraldHome({ HERALD_HOME: '' })).toBe(path.join(homedir(), '.herald'));
    expect(heraldHome({ HERALD_HOME: '/srv/herald' })).toBe('/srv/herald');
    expect(heraldHome({ HERALD_HOME: '~/h' })).toBe(path.join(homedir(), 'h'));
    expect(heraldHome({ HERALD_HOME: 'here' })).toBe(path.resolve('here'));
  });

  test('is taken from the environment given', async () => {
    const home = await makeHome({ yaml: 'gateway: {port: 5}' });
    const loaded = await loadConfig({ env: { HERALD_HOME: home }, manifests: sampleManifests });
    expect(loaded).toMatchObject({ home, file: path.join(home, 'config.yaml'), envFile: path.join(home, '.env') });
    expect(loaded.config.gateway.port).toBe(5);
  });

  test('that does not exist is an empty configuration, and stays unmade', async () => {
    const home = path.join(await makeHome(), 'none');
    expect((await load(home)).config.gateway.port).toBe(7420);
    await expect(stat(home)).rejects.toThrow('ENOENT');
  });
});

describe('.env', () => {
  test('fills in; the real environment beats it; empty counts as not set', async () => {
    const home = await makeHome({
      env: 'PARROT_BOT_TOKEN="1:from-file"\nHERALD_PORT=1\nOPENAI_API_KEY=file-key\nEMPTY=\n',
    });
    const loaded = await load(home, { env: { HERALD_PORT: '2', OPENAI_API_KEY: '' } });
    expect(loaded.config.gateway.port).toBe(2);
    expect(loaded.config.platforms['parrot']?.accounts[0]?.settings).toMatchObject({ token: '1:from-file' });
    expect(loaded.lookup('OPENAI_API_KEY')).toBe('file-key');
    expect(loaded.lookup('EMPTY')).toBeUndefined();
    expect(loaded.lookup('constructor')).toBeUndefined();
    expect(loaded.secrets).toEqual(expect.arrayContaining(['1:from-file', 'file-key']));
    expect(loaded.warnings).toEqual([]);
  });

  test('readable by others is made private, with a warning', async () => {
    const home = await makeHome({ env: 'A=1\n', envMode: 0o644 });
    expect((await load(home)).warnings.join()).toContain('0644');
    expect((await stat(path.join(home, '.env'))).mode & 0o777).toBe(0o600);
    expect((await load(home)).warnings).toEqual([]);
  });

  test('with a line that cannot be read: file and line, never the text', async () => {
    const error = await failure(await makeHome({ env: 'A=1\nTOKEN hunter2\n' }));
    expect(error.code).toBe('config_invalid');
    expect(error.publicMessage).toMatch(/\.env:2: this line is not of the form NAME=value/);
    expect(error.publicMessage).not.toContain('hunter2');
  });
});

describe('errors', () => {
  test('tell all problems in the order of the file, with its path, and mask secrets', async () => {
    const home = await makeHome({
      yaml: 'gateway:\n  port: hunter2-key\n  prot: 1\nmodel: 3',
      env: 'OPENAI_API_KEY=hunter2-key\n',
    });
    const error = await failure(home);
    expect(error.code).toBe('config_invalid');
    const lines = error.publicMessage.split('\n');
    expect(lines[0]).toContain('3 problems');
    expect(lines.slice(1).map((line) => line.trim().split(' ')[0])).toEqual([
      `${home}/config.yaml:2:9`,
      `${home}/config.yaml:3:3`,
      `${home}/config.yaml:4:8`,
    ]);
    expect(error.publicMessage).not.toContain('hunter2');
    expect(error.publicMessage).toContain('[redacted]');
  });

  test('of a thousand bad keys tell some and count the rest', async () => {
    const yaml = Array.from({ length: 1000 }, (_, index) => `key${index}: 1`).join('\n');
    const lines = (await failure(await makeHome({ yaml }))).publicMessage.split('\n');
    expect(lines).toHaveLength(27);
    expect(lines.at(-1)).toContain('975 more');
  });

  test.each([
    ['UTF-16', Buffer.from('\ufeffmodel: {}', 'utf16le')],
    ['binary', Uint8Array.from([0xff, 0xfe, 0x80, 0x81])],
  ])('%s is not UTF-8', async (_, yaml) => {
    expect(await failure(await makeHome({ yaml }))).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('not UTF-8'),
    });
  });

  test('folders, pipes and huge files are refused without hanging', async () => {
    const folder = await makeHome();
    await mkdir(path.join(folder, 'config.yaml'));
    expect((await failure(folder)).code).toBe('config_unreadable');

    const pipe = await makeHome();
    execFileSync('mkfifo', [path.join(pipe, 'config.yaml')]);
    expect((await failure(pipe)).publicMessage).toContain('is not a file');

    const huge = await makeHome({ yaml: '' });
    await truncate(path.join(huge, 'config.yaml'), 3 * 1024 ** 3);
    expect((await failure(huge)).publicMessage).toContain('at most');
  });

  test('a home that is a file says so', async () => {
    const file = path.join(await makeHome(), 'file');
    await writeFile(file, '');
    expect((await failure(file)).code).toBe('config_unreadable');
  });

  // Root may read everything, so there is nothing to be refused.
  test.skipIf(process.getuid?.() === 0)('an unreadable file is refused', async () => {
    const home = await makeHome({ env: 'A=1', envMode: 0o000 });
    expect((await failure(home)).code).toBe('config_unreadable');
  });
});

test('byte order mark and CRLF change nothing, also not the columns', async () => {
  const home = await makeHome({ yaml: '\ufeffgateway:\r\n  port: 99\r\n', env: '\ufeffHERALD_HOST=::1\r\n' });
  const loaded = await load(home);
  expect(loaded.config.gateway).toMatchObject({ port: 99, host: '::1' });
  expect(loaded.sources.get('gateway.port')).toEqual({ kind: 'file', line: 2, column: 9, variables: [] });
  expect(loaded.sources.get('gateway')).toMatchObject({ line: 1, column: 1 });
});

test('the fingerprint follows the text of both files', async () => {
  const of = async (files: Parameters<typeof makeHome>[0]) => (await load(await makeHome(files))).fingerprint;
  const fingerprints = [
    await of({}),
    await of({ yaml: 'model: {}' }),
    await of({ env: 'A=1' }),
    await of({ yaml: 'model: {}', env: 'A=1' }),
  ];
  expect(new Set(fingerprints).size).toBe(4);
  expect(await of({ yaml: 'model: {}' })).toBe(fingerprints[1]);
});

test('random bytes in either file: a configuration or an AppError', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'herald-config-'));
  try {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 60 }), async (yaml, env) => {
        await writeFile(path.join(home, 'config.yaml'), yaml);
        await writeFile(path.join(home, '.env'), env);
        const result = await load(home).catch((error: unknown) => error);
        const isAppError = result instanceof AppError && ['config_invalid', 'config_unreadable'].includes(result.code);
        expect(isAppError || (typeof result === 'object' && result !== null && 'config' in result)).toBe(true);
      }),
      { numRuns: 150 },
    );
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
