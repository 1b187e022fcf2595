// herald setup and herald model, against a scripted model server: a real call proves everything before it is saved.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import type { ScriptedReply } from '../support/model-server-script.ts';
import { answerQuestions, type Steps } from './answer-questions.ts';
import { makeTempHome, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const KEY = 'sk-good-key-0123456789';
const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
let server: ModelServer;
let reply: ScriptedReply;
beforeEach(async () => {
  home = makeTempHome();
  reply = { text: 'ok' };
  server = await startModelServer({ script: () => reply, keys: [KEY], models: ['test-model', 'other-model'] });
});
afterEach(async () => {
  await server.close();
  removeHome(home);
});

const read = (name: string) => {
  const file = path.join(home, name);
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
};
const setup = (args: readonly string[], env: Record<string, string> = {}) =>
  commands.run(['setup', '--non-interactive', ...args], { home, env });
const custom = () => ['--provider', 'custom', '--base-url', server.openAiUrl];

describe('herald setup --non-interactive', () => {
  it('calls the model with the key, then saves both where they belong', async () => {
    const done = await setup([...custom(), '--model', 'test-model', '--key-env', 'MINE'], { MINE: KEY });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(server.calls.map((call) => [call.key, call.model])).toEqual([[KEY, 'test-model']]);
    expect(read('.env')).toBe(`CUSTOM_API_KEY=${KEY}\n`);
    expect(fs.statSync(path.join(home, '.env')).mode & 0o777).toBe(0o600);
    const model = await commands.run(['config', 'get', 'model', '--json'], { home });
    expect(JSON.parse(model.stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: 'model.provider', value: 'custom' }),
        expect.objectContaining({ key: 'model.name', value: 'test-model' }),
        expect.objectContaining({ key: 'model.base_url', value: server.openAiUrl }),
      ]),
    );
    expect(done.stdout).not.toContain(KEY);
    expect((await commands.run(['doctor', '--deep'], { home })).stdout).toMatch(
      /^ok +model +custom\/test-model answers$/m,
    );
  });

  it('finds the usual model of a service by itself, in the dialect of the service', async () => {
    const done = await setup(['--provider', 'anthropic', '--base-url', server.url, '--key-env', 'MINE'], { MINE: KEY });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(server.calls[0]?.api).toBe('anthropic');
    expect(read('config.yaml')).toContain(`name: ${server.calls[0]?.model}`);
    expect(read('.env')).toBe(`ANTHROPIC_API_KEY=${KEY}\n`);
  });

  it.each<[string, Partial<ScriptedReply>, string, number, string, RegExp]>([
    ['a wrong key', {}, 'sk-wrong-key-0123456789', 1, 'model_auth', /does not accept the key/],
    [
      'no credit',
      {
        status: 429,
        error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota' },
      },
      KEY,
      1,
      'model_billing',
      /no credit/,
    ],
    [
      'an unknown model',
      {
        status: 404,
        error: { type: 'invalid_request_error', code: 'model_not_found', message: 'The model does not exist' },
      },
      KEY,
      1,
      'model_not_found',
      /does not know the model tset-model\. Did you mean test-model\?/,
    ],
    ['a server that is overloaded', { status: 503 }, KEY, 1, 'model_overloaded', /takes no calls right now/],
  ])('explains %s and saves nothing', async (_what, scripted, key, code, errorCode, message) => {
    reply = { ...reply, ...scripted };
    const refused = await setup([...custom(), '--model', 'tset-model', '--key-env', 'MINE'], { MINE: key });
    expect(refused.code).toBe(code);
    expect(refused.stderr).toMatch(new RegExp(`^herald: ${errorCode}: `));
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr).toMatch(/Nothing was saved/);
    expect(refused.stdout + refused.stderr).not.toContain(key);
    expect([read('.env'), read('config.yaml')]).toEqual([undefined, undefined]);
  });

  it('saves all the same with --force', async () => {
    const done = await setup([
      '--provider',
      'custom',
      '--base-url',
      'http://127.0.0.1:9/v1',
      '--model',
      'm',
      '--force',
    ]);
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/cannot be reached/)]);
    expect(read('config.yaml')).toContain('base_url: http://127.0.0.1:9/v1');
  });

  it('takes settings of the former service away', async () => {
    fs.writeFileSync(
      path.join(home, 'config.yaml'),
      '# kept\nmodel:\n  provider: vllm\n  base_url: http://127.0.0.1:1/v1\n  context_length: 4096\n  name: old\n',
    );
    const done = await setup(['--provider', 'demo']);
    expect(done.code).toBe(0);
    expect(read('config.yaml')).toBe('# kept\nmodel:\n  provider: demo\n  name: demo\n');
  });

  it('warns when the environment hides what was saved', async () => {
    const done = await setup([...custom(), '--model', 'test-model', '--key-env', 'MINE'], {
      MINE: KEY,
      CUSTOM_API_KEY: 'sk-other-0123456789',
    });
    expect([done.code, done.stdout]).toEqual([
      0,
      expect.stringMatching(/CUSTOM_API_KEY is set in your environment to something else/),
    ]);
  });

  it.each([
    [[], /nothing to set up/],
    [['--provider', 'opnai'], /Did you mean openai\?/],
    [['--model', 'x'], /Name the service with --provider/],
    [['--provider', 'openai', '--key-env', 'NOT_SET'], /"NOT_SET", which is not set/],
  ])('refuses %j', async (args, message) => {
    const refused = await setup(args);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(read('config.yaml')).toBeUndefined();
  });

  it('asks for a terminal when it should ask', async () => {
    const refused = await commands.run(['setup'], { home });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/--non-interactive/)]);
  });
});

describe('a chat platform in herald setup', () => {
  let bots: BotApi;
  beforeEach(async () => {
    bots = await startBotApi();
    fs.writeFileSync(
      path.join(home, 'config.yaml'),
      `gateway: {port: 0}\nplatforms:\n  telegram:\n    api_root: ${bots.url}\n`,
    );
  });
  afterEach(() => bots.close());
  const connect = (token: string) => setup(['--telegram-token-env', 'BOT'], { BOT: token });

  it('is asked who we are, at the configured address, before its token is saved', async () => {
    const done = await connect(bots.token);
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/Telegram: logged in as @\w+\./)]);
    expect(bots.calls.map((call) => call.method)).toEqual(['getMe']);
    expect(read('.env')).toContain(bots.token);
    expect(fs.statSync(path.join(home, '.env')).mode & 0o777).toBe(0o600);
    const doctor = await commands.run(['doctor', '--json'], { home });
    expect(doctor.stdout).toMatch(/Telegram: logged in as @/);
    expect(doctor.stdout).toMatch(/"check": "clock",\s+"level": "ok"/);
  });

  it.each([
    [
      'a token that Telegram does not know',
      '123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      1,
      /^herald: platform_auth: Telegram: .*BotFather/,
    ],
    ['a token that is none', 'hello', 4, /^herald: config_invalid: [^]*must look like/],
  ])('refuses %s and saves nothing', async (_what, token, code, message) => {
    const refused = await connect(token);
    expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(message)]);
    expect(refused.stderr).not.toContain(token);
    expect(read('.env')).toBeUndefined();
  });

  it('that cannot be reached is not taken for a wrong token', async () => {
    await bots.goAway();
    const refused = await connect(bots.token);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^herald: platform_unreachable: .*could not be asked/),
    ]);
    expect(read('.env')).toBeUndefined();
    await bots.comeBack();
  });
});

describe('herald setup with questions', () => {
  const answer = (steps: Steps) => answerQuestions(home, ['setup'], steps);
  const UP = '\u001b[A';

  it('leads from service and platform to saved configuration, each proven before the next', async () => {
    const bots = await startBotApi();
    try {
      fs.writeFileSync(path.join(home, 'config.yaml'), `platforms:\n  telegram:\n    api_root: ${bots.url}\n`);
      const { code, screen } = await answer([
        [/Which model service/, UP],
        [/Leave the model/, UP],
        [/● Custom endpoint/, '\r'],
        [/Address of its API/, `${server.openAiUrl}\r`],
        [/Key of Custom endpoint/, 'sk-wrong-key-0123456789\r'],
        [/Model \(type to search\)/, '\r'],
        [/does not accept the key[^]*Try again/, '\r'],
        [/Which model service/, UP],
        [/Leave the model/, UP],
        [/● Custom endpoint/, '\r'],
        [/Address of its API/, `${server.openAiUrl}\r`],
        [/Key of Custom endpoint/, `${KEY}\r`],
        [/Model \(type to search\)/, '\r'],
        [/test-model of Custom endpoint answers[^]*Connect chat platforms/, ' '],
        [/◼ Telegram/, '\r'],
        [/Telegram: token/, `${bots.token}\r`],
        [/Telegram knows us as @herald_test_bot/, ''],
      ]);
      expect(code).toBe(0);
      expect(screen).not.toContain(KEY);
      expect(screen).not.toContain(bots.token);
      expect(read('.env')).toContain(`CUSTOM_API_KEY=${KEY}\n`);
      expect(read('.env')).toContain(bots.token);
      expect(read('config.yaml')).toContain('name: test-model');
    } finally {
      await bots.close();
    }
  });

  it('saves nothing when it is broken off', async () => {
    const { code, screen } = await answer([
      [/Which model service/, UP],
      [/Leave the model/, UP],
      [/● Custom endpoint/, '\r'],
      [/Address of its API/, '\u0003'],
    ]);
    expect(code).toBe(130);
    expect(screen).toMatch(/Nothing was saved/);
    expect([read('.env'), read('config.yaml')]).toEqual([undefined, undefined]);
  });
});

describe('herald model', () => {
  const model = (...args: string[]) => commands.run(['model', ...args], { home, env: { CUSTOM_API_KEY: KEY } });

  it('shows the demo model and says how to leave it', async () => {
    const { code, stdout } = await commands.run(['model'], { home });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^demo\/demo\n.*demo model/)]);
  });

  it('lists, sets, and refuses what is not on offer', async () => {
    fs.writeFileSync(
      path.join(home, 'config.yaml'),
      `model:\n  provider: custom\n  base_url: ${server.openAiUrl}\n  name: test-model\n`,
    );
    expect((await model('--list')).stdout).toBe('* test-model\n  other-model\n');
    expect((await model('other-model')).code).toBe(0);
    expect((await model()).stdout).toMatch(/^custom\/other-model\n/);
    const refused = await model('othr-model');
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringMatching(/Did you mean other-model\?/)]);
    expect((await model('othr-model', '--force')).code).toBe(0);
    expect(read('config.yaml')).toContain(`base_url: ${server.openAiUrl}`);
    const keyless = await model('openai/gpt');
    expect([keyless.code, keyless.stderr]).toEqual([5, expect.stringMatching(/needs a key.*herald setup/)]);
  });
});
