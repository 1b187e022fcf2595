import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';

import { findPreset, PRESETS } from '../../../agent/providers/presets.ts';
import {
  chooseModel,
  resolveProviders,
  type ModelSettings,
  type ResolveDeps,
} from '../../../agent/providers/resolve.ts';
import { systemClock } from '../../../shared/clock.ts';
import { collect, makeRequest } from '../../contracts/provider-contract.ts';
import { startModelServer, type ModelServer, type ModelServerOptions } from '../../support/model-server.ts';

const servers: ModelServer[] = [];
async function serve(options: Partial<ModelServerOptions> = {}): Promise<ModelServer> {
  const server = await startModelServer({ script: [{ reply: { text: 'served' } }], ...options });
  servers.push(server);
  return server;
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Port 1 on loopback: nothing listens there. */
const NOBODY = 'http://127.0.0.1:1';

function deps(env: Record<string, string> = {}, overrides: Partial<ResolveDeps> = {}): ResolveDeps {
  return { fetch, clock: systemClock, lookup: (name) => env[name], ollamaUrl: NOBODY, ...overrides };
}

const resolve = (model: ModelSettings, given: ResolveDeps, fallbacks: ModelSettings[] = []) =>
  resolveProviders(model, fallbacks, given);

const namesOf = (chain: readonly { provider: { id: string }; model: string }[]) =>
  chain.map((link) => `${link.provider.id}/${link.model}`);

describe('choosing the model without configuration', () => {
  it('takes the demo when there is nothing', async () => {
    const resolved = await resolve({}, deps());
    expect(namesOf(resolved.chain)).toEqual(['demo/demo']);
    expect(resolved.demo).toBe(true);
    expect(resolved.explanation).toContain('herald setup');
  });

  it.each([
    [{ ANTHROPIC_API_KEY: 'a-key', OPENAI_API_KEY: 'o-key' }, 'anthropic', 'ANTHROPIC_API_KEY'],
    [{ OPENAI_API_KEY: 'o-key', OPENROUTER_API_KEY: 'r-key' }, 'openai', 'OPENAI_API_KEY'],
    [{ OPENROUTER_API_KEY: 'r-key', GROQ_API_KEY: 'g-key' }, 'openrouter', 'OPENROUTER_API_KEY'],
    [{ KIMI_API_KEY: 'k-key' }, 'kimi', 'KIMI_API_KEY'],
    [{ OPENAI_API_KEY: ' ', GROQ_API_KEY: 'g-key' }, 'groq', 'GROQ_API_KEY'],
  ])('takes the first key: %j', async (env: Record<string, string>, provider, variable) => {
    const resolved = await resolve({}, deps(env));
    expect(resolved.chain[0]?.provider.id).toBe(provider);
    expect(resolved.chain[0]?.model).toBe(findPreset(provider)?.defaultModel);
    expect(resolved.explanation).toContain(variable);
    expect(resolved.explanation).not.toContain(env[variable]);
    expect(resolved.demo).toBe(false);
  });

  it('takes a local Ollama when it answers, by its own variable too', async () => {
    const server = await serve({ models: ['llama4:8b', 'other'] });
    const byUrl = await resolve({}, deps({}, { ollamaUrl: server.url }));
    expect(namesOf(byUrl.chain)).toEqual(['ollama/llama4:8b']);
    const env = { OLLAMA_HOST: `0.0.0.0:${new URL(server.url).port}` };
    const byHost = await resolve({}, deps(env, { ollamaUrl: undefined }));
    expect(namesOf(byHost.chain)).toEqual(['ollama/llama4:8b']);
    const [link] = byHost.chain;
    if (!link) throw new Error('no link');
    const request = makeRequest({ model: link.model });
    expect((await collect(link.provider.stream(request, new AbortController().signal))).reply.text).toBe('served');
    expect(server.calls[0]).toMatchObject({ path: '/v1/chat/completions', model: 'llama4:8b' });
  });

  it('takes the demo when Ollama is there without models, or does not answer in time', async () => {
    const empty = await serve({ models: [] });
    expect((await resolve({}, deps({}, { ollamaUrl: empty.url }))).demo).toBe(true);
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const started = performance.now();
    expect((await resolve({}, deps({}, { fetch: silent }))).demo).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('choosing the configured model', () => {
  it('speaks the API of the preset, or the one that is set', async () => {
    const server = await serve();
    const call = async (model: ModelSettings) => {
      const [link] = (
        await resolve({ name: 'm', base_url: server.openAiUrl, ...model }, deps({ OPENAI_API_KEY: 'key-o' }))
      ).chain;
      if (!link) throw new Error('no link');
      await collect(link.provider.stream(makeRequest({ model: link.model }), new AbortController().signal));
      return server.calls.at(-1);
    };
    // Another address than OpenAI's own is taken for an imitation, which has chat completions.
    expect(await call({ provider: 'openai' })).toMatchObject({ api: 'chat', key: 'key-o', model: 'm' });
    expect(await call({ provider: 'openai', api_mode: 'responses' })).toMatchObject({ api: 'responses' });
    expect(await call({ provider: 'custom' })).toMatchObject({ api: 'chat' });
    expect(await call({})).toMatchObject({ api: 'chat' });
    expect(await call({ api_key: 'key-c' })).toMatchObject({ key: 'key-c' });
    expect(await call({ provider: 'anthropic', base_url: server.url })).toMatchObject({ api: 'anthropic' });
  });

  it('guesses the provider from the name of the model', async () => {
    const env = { OPENAI_API_KEY: 'o', ANTHROPIC_API_KEY: 'a', OPENROUTER_API_KEY: 'r' };
    const nameOf = async (name: string) => namesOf((await resolve({ name }, deps(env))).chain)[0];
    expect(await nameOf('gpt-6-luna')).toBe('openai/gpt-6-luna');
    expect(await nameOf('claude-opus-5-5')).toBe('anthropic/claude-opus-5-5');
    expect(await nameOf('meta/llama-5')).toBe('openrouter/meta/llama-5');
    await expect(resolve({ name: 'gpt-6-luna' }, deps())).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('reads own providers and changes to presets', async () => {
    const server = await serve({ keys: ['key-2'] });
    const providers = {
      lab: { base_url: server.openAiUrl, key_env: ['LAB_KEY'] },
      openrouter: { base_url: `${server.openAiUrl}/`, key_env: ['MY_ROUTER'] },
    };
    const given = deps({ LAB_KEY: 'key-1, key-2', MY_ROUTER: 'key-2' }, { providers });
    for (const provider of ['lab', 'openrouter']) {
      const [link] = (await resolve({ provider, name: 'm' }, given)).chain;
      if (!link) throw new Error('no link');
      expect(link.provider.id).toBe(provider);
      await collect(link.provider.stream(makeRequest(), new AbortController().signal));
    }
    expect(server.calls.map((call) => call.key)).toEqual(['key-1', 'key-2', 'key-2']);
  });

  it('uses numbered variables as further keys', async () => {
    const server = await serve({ keys: ['third'] });
    const env = { OPENAI_API_KEY: 'first', OPENAI_API_KEY_2: 'second', OPENAI_API_KEY_3: 'third' };
    const [link] = (await resolve({ provider: 'openai', name: 'm', base_url: server.openAiUrl }, deps(env))).chain;
    if (!link) throw new Error('no link');
    await collect(link.provider.stream(makeRequest(), new AbortController().signal));
    expect(server.calls.map((call) => call.key)).toEqual(['first', 'second', 'third']);
  });

  it('asks a local server for its first model', async () => {
    const server = await serve({ models: ['qwen-local'] });
    const resolved = await resolve({ provider: 'vllm', base_url: server.openAiUrl }, deps());
    expect(namesOf(resolved.chain)).toEqual(['vllm/qwen-local']);
    await expect(resolve({ provider: 'vllm', base_url: `${NOBODY}/v1` }, deps())).rejects.toMatchObject({
      code: 'config_invalid',
      publicMessage: expect.stringContaining('model.name'),
    });
  });

  it.each<[ModelSettings, string]>([
    [{ provider: 'opnai' }, 'Known:'],
    [{ provider: 'openai' }, 'OPENAI_API_KEY'],
    [{ provider: 'custom', name: 'm' }, 'base_url'],
    [{ provider: 'toString' }, 'Known:'],
  ])('says what is wrong with %j', async (model, words) => {
    await expect(resolve(model, deps())).rejects.toMatchObject({
      code: 'config_invalid',
      publicMessage: expect.stringContaining(words),
    });
  });

  it('keeps fallbacks in order, and leaves out those without a key', async () => {
    const env = { ANTHROPIC_API_KEY: 'a', GROQ_API_KEY: 'g' };
    const resolved = await resolve({ provider: 'anthropic', name: 'claude-opus-5-5' }, deps(env), [
      { provider: 'openai', name: 'gpt-6-luna' },
      { provider: 'groq' },
      { provider: 'demo' },
    ]);
    expect(namesOf(resolved.chain)).toEqual(['anthropic/claude-opus-5-5', 'groq/openai/gpt-oss-120b', 'demo/demo']);
    expect(resolved.explanation).toContain('fallback openai is left out');
    expect(resolved.demo).toBe(false);
  });
});

describe('choosing another model by name', () => {
  const env = { ANTHROPIC_API_KEY: 'a', GROQ_API_KEY: 'g' };
  const choose = async (name: string) => {
    const resolved = await resolve({ provider: 'anthropic' }, deps(env), [{ provider: 'groq' }]);
    return namesOf(chooseModel(resolved, name, deps(env)));
  };

  it('keeps the provider for a bare name, and the fallbacks behind it', async () => {
    expect(await choose('claude-haiku-5-5')).toEqual(['anthropic/claude-haiku-5-5', 'groq/openai/gpt-oss-120b']);
    expect(await choose('groq/llama-3.3-70b-versatile')).toEqual([
      'groq/llama-3.3-70b-versatile',
      'groq/openai/gpt-oss-120b',
    ]);
    expect(await choose('acme/some-model')).toEqual(['anthropic/acme/some-model', 'groq/openai/gpt-oss-120b']);
    expect((await choose('demo/demo'))[0]).toBe('demo/demo');
  });

  it('says what is missing for a provider without a key', async () => {
    await expect(choose('openai/gpt-6-luna')).rejects.toMatchObject({
      code: 'not_found',
      publicMessage: expect.stringContaining('OPENAI_API_KEY'),
    });
  });
});

describe('presets', () => {
  it('have distinct ids, whole addresses, and models wherever a key is needed', () => {
    expect(new Set(PRESETS.map((preset) => preset.id)).size).toBe(PRESETS.length);
    for (const preset of PRESETS.filter((entry) => entry.id !== 'custom')) {
      const url = new URL(preset.baseUrl);
      expect(url.protocol).toBe(preset.local ? 'http:' : 'https:');
      expect(preset.baseUrl).not.toMatch(/\/$/);
      expect(preset.keyEnv.length > 0).toBe(!preset.local);
      expect(preset.defaultModel !== undefined).toBe(!preset.local);
    }
  });

  it('cover the services that are promised', () => {
    const promised =
      'openai anthropic openrouter ollama vllm sglang lmstudio kimi minimax zai nous deepseek huggingface groq mistral xai gemini together custom';
    for (const id of promised.split(' ')) expect(findPreset(id)?.id).toBe(id);
  });
});

describe('loading', () => {
  it('loads no SDK before the first call, and only the one that is needed then', () => {
    const script = `
      import { registerHooks } from 'node:module';
      const loaded = new Set();
      registerHooks({
        load(url, context, next) {
          const match = /node_modules\\/(openai|@anthropic-ai\\/sdk)\\//.exec(url);
          if (match) loaded.add(match[1]);
          return next(url, context);
        },
      });
      const report = () => console.log(JSON.stringify([...loaded]));
      const { resolveProviders } = await import('./agent/providers/resolve.ts');
      const { systemClock } = await import('./shared/clock.ts');
      const env = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b' };
      const deps = { fetch: () => Promise.reject(new Error('offline')), clock: systemClock, lookup: (name) => env[name] };
      const { chain } = await resolveProviders({}, [{ provider: 'openai' }], deps);
      report();
      await chain[1].provider.listModels(new AbortController().signal).catch(() => undefined);
      report();
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(output.trim().split('\n')).toEqual(['[]', '["openai"]']);
  });
});
