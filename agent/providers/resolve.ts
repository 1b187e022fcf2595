// Chooses the model: what is configured, else the first key found, else a local Ollama, else the demo. Says why in words.
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { ProviderInput } from './connection.ts';
import { DEMO_MODEL, DEMO_PROVIDER, makeDemoProvider, type DemoOptions } from './demo.ts';
import type { ChainLink } from './fallback.ts';
import { makeKeyPool, splitKeys } from './keys.ts';
import { findPreset, PRESETS, type ApiMode, type ProviderPreset } from './presets.ts';
import type { Provider } from './types.ts';

/** One model as the configuration names it (`model` and each of `fallback_models`); every part may be missing. */
export interface ModelSettings {
  provider?: string | undefined;
  name?: string | undefined;
  base_url?: string | undefined;
  api_mode?: ApiMode | undefined;
  api_key?: string | undefined;
}

/** An entry of `providers`: an own service, or changes to a preset. */
export interface ProviderSettings {
  base_url?: string | undefined;
  api_mode?: ApiMode | undefined;
  key_env?: readonly string[] | undefined;
}

export interface ResolveDeps {
  fetch: typeof fetch;
  clock: Clock;
  /** Value of an environment variable (environment before .env); undefined or '' when not set. */
  lookup: (name: string) => string | undefined;
  /** Own services by id. Default: none. */
  providers?: { readonly [id: string]: ProviderSettings } | undefined;
  /** Where a local Ollama would be. Default: OLLAMA_HOST, else http://127.0.0.1:11434. */
  ollamaUrl?: string | undefined;
  demo?: DemoOptions | undefined;
}

export interface ResolvedProviders {
  /** In order of preference; at least one. */
  chain: readonly ChainLink[];
  /** One sentence for the banner, `/status` and `herald doctor`. Names variables, never their values. */
  explanation: string;
  demo: boolean;
}

/** A local server either answers at once or is not there. */
const PROBE_MS = 300;

/**
 * The chain for `model` and `fallbacks`. Rejects with AppError `config_invalid` when a configured provider is unknown, has no
 * key, no address or no model. A fallback without a key is left out and named in the explanation instead: it must not stop
 * the model that works.
 */
export async function resolveProviders(
  model: ModelSettings,
  fallbacks: readonly ModelSettings[],
  deps: ResolveDeps,
): Promise<ResolvedProviders> {
  const primary = isSet(model) ? await configured(model, deps) : await discovered(deps);
  const { links, skipped } = await resolveOthers('fallback', fallbacks, deps);
  return {
    chain: [primary.link, ...links],
    explanation: [primary.why, ...skipped].join(' '),
    demo: primary.link.provider.id === DEMO_PROVIDER,
  };
}

/** Models beside the one that answers, in order. Those that cannot be used are left out; `skipped` says so, as `what`. */
export async function resolveOthers(
  what: string,
  entries: readonly ModelSettings[],
  deps: ResolveDeps,
): Promise<{ links: readonly ChainLink[]; skipped: readonly string[] }> {
  const links: ChainLink[] = [];
  const skipped: string[] = [];
  for (const entry of entries) {
    try {
      links.push((await configured(entry, deps)).link);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      skipped.push(`${what} ${entry.provider ?? entry.name ?? '?'} is left out: ${error.publicMessage}`);
    }
  }
  return { links, skipped };
}

/**
 * The chain for a model chosen by name: "model" of the first link's provider, or "provider/model" of any provider that has
 * a key. Fallbacks stay behind it. Throws AppError `not_found` when the provider is known but cannot be used.
 */
export function chooseModel(resolved: ResolvedProviders, name: string, deps: ResolveDeps): readonly ChainLink[] {
  const [first, ...rest] = resolved.chain;
  if (first === undefined) return [];
  const slash = name.indexOf('/');
  const providerId = slash > 0 ? name.slice(0, slash) : '';
  const known = providerId === DEMO_PROVIDER || findService(providerId, deps) !== undefined;
  // OpenRouter and others have slashes in their model ids; a provider's name before the slash wins, as it is what people mean.
  if (!known) return [{ provider: first.provider, model: name }, ...rest];
  const model = name.slice(slash + 1);
  const used = resolved.chain.find((link) => link.provider.id === providerId);
  if (used) return [{ provider: used.provider, model }, ...rest];
  try {
    return [{ provider: openProvider({ provider: providerId, name: model }, deps), model }, ...rest];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('not_found', `The model ${name} cannot be used. ${error.publicMessage}`, { cause: error });
  }
}

function isSet(model: ModelSettings): boolean {
  return model.provider !== undefined || model.name !== undefined || model.base_url !== undefined;
}

interface Choice {
  link: ChainLink;
  why: string;
}

async function configured(settings: ModelSettings, deps: ResolveDeps): Promise<Choice> {
  const named = { ...settings, provider: settings.provider ?? impliedProvider(settings, deps) };
  const provider = openProvider(named, deps);
  const model = named.name ?? findService(named.provider, deps)?.defaultModel ?? (await firstModel(provider, deps));
  if (model === undefined) {
    throw new AppError('config_invalid', `model.name is not set, and ${provider.id} lists no models. Set model.name.`);
  }
  return { link: { provider, model }, why: `Using ${model} of ${titleOf(provider.id)}, as configured.` };
}

/** Without a provider, an address means an own service, and a bare name means the service whose key is there. */
function impliedProvider(settings: ModelSettings, deps: ResolveDeps): string {
  if (settings.base_url !== undefined) return 'custom';
  const prefix = settings.name?.split('/')[0] ?? '';
  const byName = MODEL_FAMILIES.find((family) => family.pattern.test(settings.name ?? ''));
  if (byName && readKeys(findService(byName.provider, deps), settings, deps).length > 0) return byName.provider;
  const withKey = PRESETS.find((preset) => preset.keyEnv.length > 0 && readKeys(preset, {}, deps).length > 0);
  if (withKey) return withKey.id;
  throw new AppError(
    'config_invalid',
    `model.provider is not set and no key was found for ${prefix === '' ? 'the model' : `"${settings.name ?? ''}"`}. Set model.provider.`,
  );
}

const MODEL_FAMILIES: readonly { pattern: RegExp; provider: string }[] = [
  { pattern: /^claude-/, provider: 'anthropic' },
  { pattern: /^(?:gpt-|o\d)/, provider: 'openai' },
  { pattern: /^gemini-/, provider: 'gemini' },
  { pattern: /^[\w.-]+\//, provider: 'openrouter' },
];

async function discovered(deps: ResolveDeps): Promise<Choice> {
  for (const preset of PRESETS) {
    if (preset.defaultModel === undefined || readKeys(preset, {}, deps).length === 0) continue;
    const variable = preset.keyEnv.find((name) => isPresent(deps.lookup(name))) ?? preset.id;
    const link = { provider: openProvider({ provider: preset.id }, deps), model: preset.defaultModel };
    return { link, why: `Using ${link.model} of ${preset.title}, because ${variable} is set.` };
  }
  const ollama = await findOllama(deps);
  if (ollama !== undefined) {
    const provider = openProvider({ provider: 'ollama', base_url: `${ollama.url}/v1` }, deps);
    return { link: { provider, model: ollama.model }, why: `Using ${ollama.model} of the Ollama at ${ollama.url}.` };
  }
  const why = 'Using the built-in demo model: no key is set and no local Ollama answers. Set one with `herald setup`.';
  return { link: { provider: makeDemoProvider(deps.demo), model: DEMO_MODEL }, why };
}

/** A provider object for a configured service; loads no SDK and makes no call. Throws AppError `config_invalid`. */
export function openProvider(settings: ModelSettings & { provider: string }, deps: ResolveDeps): Provider {
  if (settings.provider === DEMO_PROVIDER) return makeDemoProvider(deps.demo);
  const service = findService(settings.provider, deps);
  if (service === undefined) {
    const known = [...Object.keys(deps.providers ?? {}), ...PRESETS.map((preset) => preset.id), DEMO_PROVIDER];
    throw new AppError('config_invalid', `There is no provider "${settings.provider}". Known: ${known.join(', ')}.`);
  }
  const baseUrl = (settings.base_url ?? service.baseUrl).replace(/\/+$/, '');
  if (baseUrl === '') {
    throw new AppError('config_invalid', `The provider "${service.id}" has no address. Set base_url.`);
  }
  const keys = readKeys(service, settings, deps);
  const elsewhere = settings.base_url !== undefined && baseUrl !== service.baseUrl;
  // A server of one's own often needs no key; a public service always does.
  if (keys.length === 0 && service.keyEnv.length > 0 && !elsewhere && service.id !== 'custom') {
    throw new AppError('config_invalid', `${service.title} needs a key: set ${service.keyEnv[0] ?? 'one'} in .env.`);
  }
  const input: ProviderInput = {
    id: service.id,
    baseUrl,
    keys: makeKeyPool(keys, deps.clock),
    quirks: service.quirks,
    fetch: deps.fetch,
    clock: deps.clock,
  };
  return makeProvider(settings.api_mode ?? modeOf(service, elsewhere), input);
}

/** Servers that imitate OpenAI have chat completions; few have Responses. */
function modeOf(service: ProviderPreset, elsewhere: boolean): ApiMode {
  return elsewhere && service.apiMode === 'responses' ? 'chat_completions' : service.apiMode;
}

/** Loaded with the first call: one of the three is used, if any. */
function makeProvider(mode: ApiMode, input: ProviderInput): Provider {
  let loaded: Provider | undefined;
  const load = async () => (loaded ??= await loadProvider(mode, input));
  async function* firstStream(...call: Parameters<Provider['stream']>) {
    yield* (await load()).stream(...call);
  }
  return {
    id: input.id,
    stream: (...call) => (loaded ? loaded.stream(...call) : firstStream(...call)),
    listModels: async (signal) => (await load()).listModels(signal),
  };
}

async function loadProvider(mode: ApiMode, input: ProviderInput): Promise<Provider> {
  switch (mode) {
    case 'chat_completions':
      return (await import('./openai/chat.ts')).makeOpenAiChatProvider(input);
    case 'responses':
      return (await import('./openai/responses.ts')).makeOpenAiResponsesProvider(input);
    case 'anthropic_messages':
      return (await import('./anthropic/messages.ts')).makeAnthropicProvider(input);
  }
}

/** The preset, changed by an entry of the same id, or an own service on the base of `custom`. */
function findService(id: string, deps: ResolveDeps): ProviderPreset | undefined {
  const own = deps.providers !== undefined && Object.hasOwn(deps.providers, id) ? deps.providers[id] : undefined;
  const preset = findPreset(id);
  const base = preset ?? (own === undefined ? undefined : findPreset('custom'));
  if (base === undefined || own === undefined) return base;
  return {
    ...base,
    id,
    title: preset?.title ?? id,
    baseUrl: (own.base_url ?? base.baseUrl).replace(/\/+$/, ''),
    apiMode: own.api_mode ?? (own.base_url === undefined ? base.apiMode : modeOf(base, own.base_url !== base.baseUrl)),
    keyEnv: own.key_env ?? (preset === undefined ? [] : base.keyEnv),
  };
}

/** Keys of every variable of the service, each of which may hold several; NAME_2 to NAME_9 count too. */
function readKeys(service: ProviderPreset | undefined, settings: ModelSettings, deps: ResolveDeps): string[] {
  if (settings.api_key !== undefined) return splitKeys(settings.api_key);
  const names = (service?.keyEnv ?? []).flatMap((name) => [
    name,
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => `${name}_${n}`),
  ]);
  return [...new Set(names.flatMap((name) => splitKeys(deps.lookup(name) ?? '')))];
}

function isPresent(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== '';
}

function titleOf(id: string): string {
  return findPreset(id)?.title ?? id;
}

async function firstModel(provider: Provider, deps: ResolveDeps): Promise<string | undefined> {
  const limit = startProbe(deps.clock, 5_000);
  try {
    return (await provider.listModels(limit.signal))[0];
  } catch (error) {
    throw new AppError(
      'config_invalid',
      `model.name is not set, and ${provider.id} could not be asked for its models. Set model.name.`,
      {
        cause: error,
      },
    );
  } finally {
    limit.stop();
  }
}

async function findOllama(deps: ResolveDeps): Promise<{ url: string; model: string } | undefined> {
  const url = (deps.ollamaUrl ?? ollamaHost(deps.lookup('OLLAMA_HOST'))).replace(/\/+$/, '');
  const limit = startProbe(deps.clock, PROBE_MS);
  try {
    const response = await deps.fetch(`${url}/api/tags`, { signal: limit.signal });
    if (!response.ok) return undefined;
    const model = firstTag(await response.json());
    return model === undefined ? undefined : { url, model };
  } catch {
    // Nothing there, too slow, or something else on that port: all mean "no Ollama".
    return undefined;
  } finally {
    limit.stop();
  }
}

/** As Ollama's own client reads it: scheme and port may be missing; 0.0.0.0 is where it listens, not where it is reached. */
function ollamaHost(value: string | undefined): string {
  if (value === undefined || value.trim() === '') return 'http://127.0.0.1:11434';
  const text = value.trim();
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  const withPort = /:\d+\/?$/.test(withScheme) ? withScheme : `${withScheme.replace(/\/+$/, '')}:11434`;
  return withPort.replace('//0.0.0.0:', '//127.0.0.1:');
}

/** https://docs.ollama.com/api/tags: {"models": [{"name": …}]} */
function firstTag(body: unknown): string | undefined {
  const models: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'models') : undefined;
  const first: unknown = Array.isArray(models) ? models[0] : undefined;
  const name: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function startProbe(clock: Clock, ms: number): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const stop = clock.after(ms, () => controller.abort(new AppError('timeout', 'No answer in time.')));
  return { signal: controller.signal, stop };
}
