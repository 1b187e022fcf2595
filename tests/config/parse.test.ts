import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig, type ConfigOverride, type ParsedConfig } from '../../config/parse.ts';
import { formatProblem } from '../../config/problems.ts';
import { makeConfigSchema, type Config, type PlatformManifest } from '../../config/schema.ts';
import { coreSections } from '../../config/sections.ts';
import type { Variable } from '../../config/source/environment.ts';
import { sampleManifests } from './sample-manifests.ts';

interface Given {
  env?: Record<string, string>;
  dotenv?: Record<string, string>;
  overrides?: readonly ConfigOverride[];
  manifests?: readonly PlatformManifest[];
}

function parse(text: string, given: Given = {}): ParsedConfig {
  const variables = new Map<string, Variable>();
  for (const [name, value] of Object.entries(given.dotenv ?? {})) variables.set(name, { value, kind: 'dotenv' });
  for (const [name, value] of Object.entries(given.env ?? {})) variables.set(name, { value, kind: 'env' });
  return parseConfig({
    text,
    manifests: given.manifests ?? sampleManifests,
    variables,
    overrides: given.overrides ?? [],
  });
}

function good(text: string, given: Given = {}): Config {
  const parsed = parse(text, given);
  expect(told(parsed)).toEqual([]);
  if (parsed.config === undefined) throw new Error('no configuration');
  return parsed.config;
}

function told(parsed: ParsedConfig): string[] {
  return parsed.problems.map((problem) => formatProblem(problem, 'config.yaml'));
}

function bad(text: string, given: Given = {}): string[] {
  const parsed = parse(text, given);
  expect(parsed.config).toBeUndefined();
  return told(parsed);
}

const parrot = (config: Config) => config.platforms['parrot']?.accounts[0];

describe('defaults', () => {
  test.each(['', '\n\n', '# only a comment\n', '---\n', 'null', '\ufeff', 'gateway:\nmodel:\n  # nothing yet\n'])(
    '%j is an empty configuration',
    (text) => {
      const config = good(text);
      expect(config.gateway).toMatchObject({
        host: '127.0.0.1',
        port: 7420,
        answer_ttl_hours: 24,
        queue_mode: 'queue',
        allow_all_users: false,
      });
      expect(config.agent.max_iterations).toBe(90);
      expect(config.sessions.dm_scope).toBe('person');
      expect(config.pairing.unauthorized_dm).toBe('code');
      expect(config.platforms['window']).toMatchObject({
        enabled: true,
        accounts: [{ name: 'default', settings: { title: 'Herald' } }],
      });
      expect(config.platforms['parrot']?.enabled).toBe(false);
    },
  );

  test('every setting is described, and a description that names its default names the right one', () => {
    const undescribed: string[] = [];
    let compared = 0;
    const visit = (node: unknown, name: string) => {
      const { properties, additionalProperties, items, description, ...own } = schemaNode.parse(node);
      if (name !== '' && description === undefined) undescribed.push(name);
      const value = own.default;
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
        compared++;
        expect(description, name).toContain(`efault ${String(value)}`);
      }
      for (const [key, inner] of Object.entries(properties ?? {})) visit(inner, name === '' ? key : `${name}.${key}`);
      for (const inner of [additionalProperties, items]) {
        const entry = schemaNode.safeParse(inner);
        if (entry.success && entry.data.properties !== undefined)
          visit({ ...entry.data, description: description ?? '' }, `${name}.*`);
      }
    };
    visit(z.toJSONSchema(z.strictObject(coreSections), { io: 'input' }), '');
    expect(undescribed).toEqual([]);
    expect(compared).toBeGreaterThan(20);
  });

  test('the result is frozen through and through', () => {
    const config = good('fallback_models: [{name: x}]', { env: { PARROT_BOT_TOKEN: '1:a' } });
    expect(Object.isFrozen(config.gateway)).toBe(true);
    expect(Object.isFrozen(config.agent.tools)).toBe(true);
    expect(Object.isFrozen(config.fallback_models[0])).toBe(true);
    expect(Object.isFrozen(parrot(config)?.settings)).toBe(true);
    expect(Object.isFrozen(parrot(config)?.allowed_users)).toBe(true);
  });
});

const schemaNode = z.looseObject({
  description: z.string().optional(),
  default: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
});

describe('problems', () => {
  test('name file, line, column, key, what was found and what is allowed, all at once', () => {
    expect(
      bad(
        [
          'gateway:',
          '  prot: 1',
          '  port: abc',
          '  queue_mode: steeer',
          '  drain_ms: 1.5',
          'modle: {}',
          'budget: {per_day_usd: lots}',
          'agent:',
          '  timezone: Mars/Base',
          'fallback_models:',
          '  - name: ok',
          '  - {name: [x], base_url: example}',
        ].join('\n'),
      ).toSorted(),
    ).toEqual(
      [
        'config.yaml:2:3 gateway.prot: there is no such setting. Did you mean port? Allowed here: host, port, allowed_hosts, allowed_users, allow_all_users, max_concurrent_turns, debounce_ms, queue_mode, receipts, turn_timeout_ms, answer_ttl_hours, backfill_hours, backfill_messages, max_upload_mb, drain_ms.',
        'config.yaml:3:9 gateway.port: found "abc"; expected a whole number from 0 to 65535',
        'config.yaml:4:15 gateway.queue_mode: found "steeer"; expected one of queue, steer, collect, interrupt. Did you mean steer?',
        'config.yaml:5:13 gateway.drain_ms: found 1.5; expected a whole number from 0 to 600000',
        'config.yaml:6:1 modle: there is no such setting. Did you mean model? Allowed here: model, fallback_models, model_auxiliary, model_small, model_vision, providers, gateway, agent, approvals, terminal, web, browser, images, execute_code, mcp_servers, mcp_server, skills, scheduler, review, workers, budget, sessions, pairing, logging, voice, memory, personalities, platforms.',
        'config.yaml:7:23 budget.per_day_usd: found "lots"; expected a number from 0',
        'config.yaml:9:13 agent.timezone: found "Mars/Base": write a time zone such as Europe/Vienna or UTC',
        'config.yaml:12:6 fallback_models.1.name: found a list; expected a text, not empty',
        'config.yaml:12:27 fallback_models.1.base_url: found "example": write a web address such as http://127.0.0.1:11434/v1',
      ].toSorted(),
    );
  });

  test.each([
    ['a: 1\ngateway: {}\na: 2', 'config.yaml:3:1: a stands twice in its section: keep one of them'],
    ['gateway:\n\tport: 1', 'config.yaml:2:1: indented by a tab: YAML takes spaces only'],
    ['- a\n- b', 'config.yaml:1:1: must be a map of sections such as "model:" and "gateway:"'],
    ['just text', 'config.yaml:1:1: must be a map of sections such as "model:" and "gateway:"'],
    ['model: {}\n---\nmodel: {}', 'config.yaml:2:1: a second document begins here (---): keep one'],
    [
      'platforms: [parrot]',
      'config.yaml:1:1 platforms: must be a section with one key per platform: parrot, owl-post, window',
    ],
    ['platforms: {window: 1}', 'config.yaml:1:21 platforms.window: found 1; expected a section with keys'],
    ['logging: {level: !x info}', 'config.yaml:1:18: is not plain YAML: Unresolved tag: !x'],
    ['budget: {per_turn_usd: .nan}', 'config.yaml:1:24 budget.per_turn_usd: found NaN; expected a number from 0'],
    ['budget: {per_turn_usd: .inf}', 'config.yaml:1:24 budget.per_turn_usd: found Infinity; expected a number from 0'],
    [
      'personalities: {"a b": x}',
      'config.yaml:1:17 personalities."a b": this name cannot be used: use up to 32 letters, digits, _ and -',
    ],
  ])('%j', (text, message) => {
    expect(bad(text)[0]).toBe(message);
  });

  test('anchors that contain themselves, or multiply, end', () => {
    expect(bad('model: &a {name: *a}')[0]).toContain('nested too deeply or repeats itself too often');
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    expect(bad(lines.join('\n'))[0]).toContain('repeats itself too often');
  });

  test('deep nesting is told, not a crash', () => {
    expect(bad(`model: ${'['.repeat(20_000)}`)).not.toEqual([]);
    expect(bad(`model: ${'['.repeat(100)}${']'.repeat(100)}`)[0]).toContain('too deeply');
  });

  test('an empty value is not set, while null is said', () => {
    expect(good('budget:\n  per_turn_usd:\n  per_day_usd: null').budget).toMatchObject({
      per_turn_usd: 2,
      per_day_usd: null,
    });
    expect(bad('gateway: {port: null}')).toEqual([
      'config.yaml:1:17 gateway.port: found null; expected a whole number from 0 to 65535',
    ]);
  });

  test('values of secrets are never shown', () => {
    const messages = bad(
      'model: {api_key: [sk-very-secret-value]}\nplatforms: {parrot: {token: {a: hunter2hunter2}, webhook_secret: [x]}}',
      {},
    ).join('\n');
    expect(messages).toContain('model.api_key: found a list');
    expect(messages).not.toContain('hunter2');
    expect(bad('gateway: {port: "${SECRET}"}', { env: { SECRET: 'hunter2hunter2' } })[0]).toContain(
      'found a text of 14 characters',
    );
  });

  test('keys that mean something to JavaScript are keys like others', () => {
    expect(bad('__proto__: {gateway: 1}')[0]).toBe('config.yaml:1:1 __proto__: this name cannot be used');
    expect(bad('gateway: {constructor: 1}')[0]).toContain('gateway.constructor: there is no such setting');
    expect(bad('platforms: {toString: {}}')[0]).toContain('platforms.toString: there is no such setting');
  });
});

describe('ids and numbers as text', () => {
  test('digits are kept as written', () => {
    const config = good(
      'platforms:\n  parrot:\n    token: 1:a\n    allowed_users: [123456789012345678901, +4366012345, 007, anna]\n    home_chat: -1001234567890123456\nmodel: {name: 4.10}',
    );
    expect(parrot(config)?.allowed_users).toEqual(['123456789012345678901', '+4366012345', '007', 'anna']);
    expect(parrot(config)?.home_chat).toBe('-1001234567890123456');
    expect(config.model.name).toBe('4.10');
  });

  test('a text where a number belongs stays an error in the file', () => {
    expect(bad('gateway: {port: "8080"}')).toEqual([
      'config.yaml:1:17 gateway.port: found "8080"; expected a whole number from 0 to 65535',
    ]);
  });
});

describe('variables', () => {
  test('are put in, also as numbers, switches and lists', () => {
    const config = good(
      'gateway: {port: "${PORT}", allow_all_users: "${OPEN}", allowed_hosts: "${HOSTS}"}\nmodel: {base_url: "http://${HOST}:${PORT}/v1"}',
      {
        env: { PORT: '8080', OPEN: 'no', HOSTS: 'a.example, b.example', HOST: 'box' },
      },
    );
    expect(config.gateway).toMatchObject({
      port: 8080,
      allow_all_users: false,
      allowed_hosts: ['a.example', 'b.example'],
    });
    expect(config.model.base_url).toBe('http://box:8080/v1');
  });

  test('unknown ones are told once, with their name', () => {
    expect(bad('gateway:\n  port: ${NOPE}\n  host: a${NOPE_TOO}b')).toEqual([
      'config.yaml:2:9 gateway.port: uses ${NOPE}, which is not set: set NOPE in the environment or in .env, or write $${ for a literal ${',
      'config.yaml:3:9 gateway.host: uses ${NOPE_TOO}, which is not set: set NOPE_TOO in the environment or in .env, or write $${ for a literal ${',
    ]);
  });

  test('the escape writes a literal, and values are not expanded again', () => {
    const config = good('personalities: {a: "$${HOME} $5 ${X}"}', { env: { X: '${Y}' } });
    expect(config.personalities['a']).toBe('${HOME} $5 ${Y}');
  });

  test.each(['${', '${}', '${a b}', '${1}'])('%j is an error', (text) => {
    expect(bad(`personalities: {a: '${text}'}`)[0]).toContain('without the name of a variable');
  });
});

describe('precedence', () => {
  test('option > config.yaml > environment > .env > default', () => {
    const given: Given = { env: { HERALD_PORT: '2' }, dotenv: { HERALD_HOST: '::1' } };
    expect(good('', given).gateway).toMatchObject({ port: 2, host: '::1' });
    expect(good('gateway: {port: 3}', given).gateway.port).toBe(3);
    const overrides = [{ key: 'gateway.port', value: '4', flag: '--port' }];
    const parsed = parse('gateway: {port: 3}', { ...given, overrides });
    expect(parsed.config?.gateway.port).toBe(4);
    expect(parsed.sources.get('gateway.port')).toEqual({ kind: 'flag', flag: '--port' });
    expect(parsed.sources.get('gateway.host')).toEqual({ kind: 'dotenv', name: 'HERALD_HOST' });
  });

  test('bad values name the option or the variable', () => {
    const overrides = [{ key: 'gateway.port', value: 'x', flag: '--port' }];
    expect(bad('', { overrides })).toEqual([
      'option --port gateway.port: found "x"; expected a whole number from 0 to 65535',
    ]);
    expect(bad('', { env: { HERALD_PORT: '99999' } })).toEqual([
      'environment variable HERALD_PORT gateway.port: found 99999; expected a whole number from 0 to 65535',
    ]);
    expect(bad('', { dotenv: { PARROT_ALLOW_ALL_USERS: 'maybe' } })).toEqual([
      '.env variable PARROT_ALLOW_ALL_USERS platforms.parrot.allow_all_users: found "maybe"; expected true or false',
    ]);
    expect(bad('gateway: 7', { env: { HERALD_PORT: '1' } })).toEqual([
      'config.yaml:1:10 gateway: found 7; expected a section with keys',
    ]);
  });
});

describe('platforms', () => {
  const token = { PARROT_BOT_TOKEN: '12345:abcdef' };

  test('a secret in the environment starts a platform; enabled: false beats it', () => {
    expect(good('', { env: token }).platforms['parrot']?.enabled).toBe(true);
    expect(good('platforms: {parrot: {enabled: false}}', { env: token }).platforms['parrot']?.enabled).toBe(false);
    expect(good('', { env: { ...token, PARROT_ENABLED: 'false' } }).platforms['parrot']?.enabled).toBe(false);
    expect(good('', { env: { OWL_POST_ENABLED: '1' } }).platforms['owl-post']?.enabled).toBe(true);
    expect(good('platforms: {window: {enabled: false}}').platforms['window']?.enabled).toBe(false);
  });

  test('a platform without secrets starts when the file has a section for it', () => {
    expect(good('').platforms['owl-post']?.enabled).toBe(false);
    expect(good('platforms: {owl-post: {require_mention: false}}').platforms['owl-post']?.enabled).toBe(true);
  });

  test('settings without the secret warn; enabled: true without it is an error that names the variable', () => {
    const parsed = parse('platforms:\n  parrot: {require_mention: false}');
    expect(parsed.config?.platforms['parrot']?.enabled).toBe(false);
    expect(parsed.warnings).toEqual([
      'Parrot has settings but does not start: PARROT_BOT_TOKEN is not set (or platforms.parrot.token).',
    ]);
    expect(bad('platforms:\n  parrot: {enabled: true}')).toEqual([
      'config.yaml:2:3 platforms.parrot.token: is missing while parrot is switched on; set PARROT_BOT_TOKEN in .env, or enabled: false',
    ]);
  });

  test('environment names of the common settings', () => {
    const account = parrot(
      good('', {
        env: {
          ...token,
          PARROT_ALLOWED_USERS: '1, 2,anna',
          PARROT_HOME_CHANNEL: '-100',
          PARROT_ALLOW_ALL_USERS: 'yes',
        },
      }),
    );
    expect(account).toMatchObject({
      allowed_users: ['1', '2', 'anna'],
      home_chat: '-100',
      allow_all_users: true,
      group_policy: 'allowlist',
      require_mention: true,
    });
    const gateway = good('', { env: { GATEWAY_ALLOWED_USERS: '7', GATEWAY_ALLOW_ALL_USERS: 'true' } }).gateway;
    expect(gateway).toMatchObject({ allowed_users: ['7'], allow_all_users: true });
  });

  test('typos are told beside all keys that are allowed there, also in switched-off platforms', () => {
    expect(bad('platforms: {parot: {}}')[0]).toContain('Did you mean parrot? Allowed here: parrot, owl-post, window.');
    const message = bad('platforms:\n  parrot:\n    enabled: false\n    pol_seconds: 3')[0];
    expect(message).toContain(
      'config.yaml:4:5 platforms.parrot.pol_seconds: there is no such setting. Did you mean poll_seconds?',
    );
    expect(message).toContain('allowed_users');
    expect(message).toContain('accounts');
  });

  test('several accounts share what stands beside them', () => {
    const config = good(
      'platforms:\n  parrot:\n    allowed_users: [1]\n    poll_seconds: 5\n    accounts:\n      home: {token: "1:aaaa"}\n      work: {token: "2:bbbb", allowed_users: [2], enabled: false}',
    );
    expect(config.platforms['parrot']).toMatchObject({
      enabled: true,
      accounts: [
        {
          name: 'home',
          enabled: true,
          allowed_users: ['1'],
          settings: { token: '1:aaaa', poll_seconds: 5 },
          path: 'platforms.parrot.accounts.home',
        },
        { name: 'work', enabled: false, allowed_users: ['2'], settings: undefined },
      ],
    });
  });

  test('one named account takes the environment; two with one login are refused', () => {
    const one = good('platforms: {parrot: {accounts: {home: {}}}}', { env: token });
    expect(one.platforms['parrot']?.accounts).toMatchObject([
      { name: 'home', enabled: true, settings: { token: '12345:abcdef' } },
    ]);
    expect(bad('platforms:\n  parrot:\n    token: 1:a\n    accounts:\n      home: {}\n      work: {}')).toEqual([
      'config.yaml:6:7 platforms.parrot.accounts.work: has the same login as account home; each account needs its own',
    ]);
  });

  test('a bad shared setting is told once, at its own place; bad accounts are told', () => {
    expect(
      bad(
        'platforms:\n  parrot:\n    poll_seconds: 900\n    accounts:\n      home: {token: 1:a}\n      work: {token: 2:b}',
      ),
    ).toEqual(['config.yaml:3:19 platforms.parrot.poll_seconds: found 900; expected a whole number from 1 to 50']);
    expect(bad('platforms: {parrot: {accounts: [a]}}')[0]).toContain('expected a section with a name for each account');
    expect(bad('platforms: {parrot: {accounts: {}}}')[0]).toContain('expected a section with a name for each account');
    expect(bad('platforms: {parrot: {accounts: {Home Sweet: {}}}}')[0]).toContain('this name cannot be used');
    expect(bad('platforms: {parrot: {accounts: {home: 1}}}')[0]).toContain('found 1; expected a section');
    expect(bad('platforms: {parrot: {accounts: {home: {token: "1:a", accounts: {}}}}}')[0]).toContain(
      'accounts: there is no such setting',
    );
  });

  test('a manifest may not take a common key or an id twice', () => {
    const clash: PlatformManifest = {
      id: 'clash',
      title: 'Clash',
      secrets: [],
      settings: z.object({ enabled: z.string() }),
      builtin: false,
    };
    expect(() => makeConfigSchema([clash])).toThrow('common to all');
    expect(() => makeConfigSchema([...sampleManifests, ...sampleManifests])).toThrow('Two platforms');
  });
});

describe('secrets', () => {
  test('tokens, keys, named key variables and passwords in addresses are listed for the redactor', () => {
    const parsed = parse(
      'model: {api_key: key-in-file}\nproviders: {mine: {key_env: [MY_OWN], base_url: "http://me:pass1234@box/v1"}}',
      {
        env: {
          PARROT_BOT_TOKEN: '12345:abcdef',
          OPENAI_API_KEY: 'env-key',
          MY_OWN: 'named-key',
          HOME: '/home/me',
          PARROT_ALLOWED_USERS: '42',
        },
        dotenv: { EMAIL_PASSWORD: 'dotenv-pass' },
      },
    );
    expect(parsed.secrets.toSorted()).toEqual([
      '12345:abcdef',
      'dotenv-pass',
      'env-key',
      'http://me:pass1234@box/v1',
      'key-in-file',
      'named-key',
    ]);
    expect(parsed.warnings.join()).toContain('api_key');
  });

  test('are listed although the file is broken', () => {
    expect(parse('a: [', { env: { OPENAI_API_KEY: 'env-key' } }).secrets).toEqual(['env-key']);
  });
});

describe('any input', () => {
  const yamlish = fc.array(
    fc.oneof(
      fc.constantFrom(
        'gateway:',
        'model:',
        '  port: ',
        'platforms:',
        '  parrot:',
        '    token: ',
        '- ',
        '\t',
        '\n',
        '${',
        '${A}',
        '&a ',
        '*a',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '|\n',
        '!!x ',
        '# ',
        ': ',
        '---\n',
        '? ',
        '<<: ',
        '~',
        '0x1',
        '1e999',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    ),
    { maxLength: 30 },
  );

  test('gives a configuration or problems, and never throws', () => {
    let configs = 0;
    fc.assert(
      fc.property(yamlish, (parts) => {
        const parsed = parse(parts.join(''), { env: { A: 'x' } });
        if (parsed.config !== undefined) configs++;
        expect(parsed.config === undefined).toBe(parsed.problems.length > 0);
        for (const line of told(parsed)) expect(line).toMatch(/^(config\.yaml:\d+:\d+|option|environment|\.env)/);
      }),
      { numRuns: 400 },
    );
    expect(configs).toBeGreaterThan(0);
  });

  test('any JSON value in any section gives a configuration or problems', () => {
    const section = fc.constantFrom(...Object.keys(coreSections), 'platforms', 'other');
    fc.assert(
      fc.property(fc.dictionary(section, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), (root) => {
        const parsed = parse(JSON.stringify(root));
        expect(parsed.config === undefined).toBe(parsed.problems.length > 0);
      }),
      { numRuns: 400 },
    );
  });
});
