import { expect, test } from 'vitest';
import { configPath, explainConfig, explainSetting } from '../../config/explain.ts';
import { loadConfig } from '../../config/load.ts';
import { sampleManifests } from './sample-manifests.ts';
import { makeHome } from './temp-home.ts';

async function loadSample() {
  const home = await makeHome({
    yaml: [
      'model: {name: big, api_key: sk-0123456789abcdef-last}',
      'gateway: {host: "${WHERE}"}',
      'fallback_models: [{name: small}]',
      'platforms:',
      '  parrot:',
      '    poll_seconds: 5',
      '    accounts:',
      '      home: {token: "${TOKEN}", allowed_users: [1, 2]}',
      '      work: {token: 2:short, enabled: false}',
    ].join('\n'),
    env: 'TOKEN=12345:token-in-dotenv\n',
  });
  return loadConfig({
    home,
    manifests: sampleManifests,
    env: { WHERE: '::1', HERALD_LOG_LEVEL: 'debug' },
    overrides: [{ key: 'gateway.port', value: 0, flag: '--port' }],
  });
}

test('every setting with its value and where it came from; secrets masked', async () => {
  const settings = explainConfig(await loadSample(), sampleManifests);
  const shown = Object.fromEntries(settings.map(({ key, value, from }) => [key, { value, from }]));
  expect(shown).toMatchObject({
    'model.name': { value: 'big', from: 'config.yaml:1:15' },
    'model.api_key': { value: '********last', from: 'config.yaml:1:29' },
    'gateway.host': { value: '::1', from: 'config.yaml:2:17 (through ${WHERE})' },
    'gateway.port': { value: 0, from: 'option --port' },
    'gateway.max_upload_mb': { value: 50, from: 'default' },
    'gateway.allowed_users': { value: [], from: 'default' },
    'logging.level': { value: 'debug', from: 'environment variable HERALD_LOG_LEVEL' },
    'fallback_models.0.name': { value: 'small', from: 'config.yaml:3:26' },
    'platforms.parrot.accounts.home.enabled': { value: true, from: 'default' },
    'platforms.parrot.accounts.home.token': { value: '********tenv', from: 'config.yaml:8:21 (through ${TOKEN})' },
    'platforms.parrot.accounts.home.allowed_users': { value: ['1', '2'] },
    'platforms.parrot.accounts.home.poll_seconds': { value: 5, from: 'config.yaml:6:19' },
    'platforms.parrot.accounts.home.api_root': { value: 'https://parrot.example', from: 'default' },
    'platforms.parrot.accounts.work.enabled': { value: false, from: 'config.yaml:9:39' },
    'platforms.window.title': { value: 'Herald', from: 'default' },
  });
  expect(Object.keys(shown)).not.toContain('platforms.parrot.accounts.work.token');
  expect(JSON.stringify(settings)).not.toMatch(/token-in-dotenv|0123456789/);
});

test('one setting, one section, or a suggestion', async () => {
  const loaded = await loadSample();
  expect(explainSetting(loaded, sampleManifests, 'gateway.port')).toEqual([
    { key: 'gateway.port', value: 0, from: 'option --port' },
  ]);
  expect(explainSetting(loaded, sampleManifests, 'budget')).toHaveLength(8);
  expect(() => explainSetting(loaded, sampleManifests, 'gateway.prot')).toThrow('Did you mean gateway.port?');
  expect(() => explainSetting(loaded, sampleManifests, 'nothing.like.this')).toThrow('herald config show');
});

test('path of the file', () => {
  expect(configPath('/srv/herald')).toBe('/srv/herald/config.yaml');
});

test('a secret inside a longer value or a list is masked too', async () => {
  const home = await makeHome({
    yaml: [
      'model: {name: big, base_url: "https://example.org/v1?api_key=${MY_KEY}"}',
      'personalities: {spy: "Say ${MY_KEY} twice."}',
      'gateway: {allowed_users: ["${MY_KEY}"]}',
    ].join('\n'),
    env: 'MY_KEY=very-private-value-1\n',
  });
  const loaded = await loadConfig({ home, manifests: sampleManifests, env: {}, overrides: [] });
  const settings = explainConfig(loaded, sampleManifests);
  expect(JSON.stringify(settings)).not.toContain('very-private-value-1');
  const shown = Object.fromEntries(settings.map(({ key, value }) => [key, value]));
  expect(shown).toMatchObject({
    'model.base_url': 'https://example.org/v1?api_key=[redacted]',
    'personalities.spy': 'Say [redacted] twice.',
    'gateway.allowed_users': ['[redacted]'],
  });
});
