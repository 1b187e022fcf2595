// Whether a model answers: one real call with a few tokens, and what to do when it fails. Used by `setup`, `model` and `doctor`.
import { suggestName } from '../../config/suggest.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ResolveDeps } from '../../agent/providers/resolve.ts';
import type { Provider } from '../../agent/providers/types.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError, asAppError, type ErrorCode } from '../../shared/errors.ts';

export interface ModelChoice {
  /** Preset, or an entry of `providers` in config.yaml. */
  provider: string;
  /** Undefined: the service's usual model, else the first that it lists. */
  model: string | undefined;
  /** Undefined: the service's usual address. */
  baseUrl: string | undefined;
  /** Undefined: whatever the environment or .env holds. */
  key: string | undefined;
}

export type ModelCheck =
  | { ok: true; model: string }
  | {
      ok: false;
      code: ErrorCode;
      /** What is wrong and what to do. */ message: string;
      /** Which model was tried, when it came to that. */ model: string | undefined;
    };

const CALL_TIMEOUT_MS = 60_000;
const LIST_TIMEOUT_MS = 15_000;
/** OpenAI's Responses API refuses fewer than 16 (https://developers.openai.com/api/docs/api-reference/responses, read 2026-11-21). */
const CALL_TOKENS = 32;

export interface CheckDeps {
  clock: Clock;
  fetch: typeof fetch;
  loaded: LoadedConfig;
}

/** What agent/providers needs of the configuration. */
export function resolveDeps({ clock, fetch, loaded }: CheckDeps): ResolveDeps {
  return { clock, fetch, lookup: loaded.lookup, providers: loaded.config.providers };
}

/** Calls the model once. Never rejects. */
export async function checkModel(choice: ModelChoice, deps: CheckDeps): Promise<ModelCheck> {
  let model = choice.model;
  try {
    const provider = await openChoice(choice, deps);
    model ??= await usualModel(choice.provider, provider);
    if (model === undefined)
      return { ok: false, code: 'model_not_found', message: `${choice.provider} lists no models. Name one.`, model };
    await callOnce(provider, model);
    return { ok: true, model };
  } catch (error) {
    const known = asAppError(error);
    return { ok: false, code: known.code, message: await explain(known, { ...choice, model }, deps), model };
  }
}

/** Models on offer; empty when the service lists none. Rejects with AppError. */
export async function listModels(choice: ModelChoice, deps: CheckDeps): Promise<readonly string[]> {
  const provider = await openChoice(choice, deps);
  return provider.listModels(timeoutSignal(LIST_TIMEOUT_MS));
}

async function openChoice(choice: ModelChoice, deps: CheckDeps): Promise<Provider> {
  const { openProvider } = await import('../../agent/providers/resolve.ts');
  const settings = { provider: choice.provider, base_url: choice.baseUrl, api_key: choice.key };
  return openProvider(settings, resolveDeps(deps));
}

async function usualModel(id: string, provider: Provider): Promise<string | undefined> {
  const { findPreset } = await import('../../agent/providers/presets.ts');
  return findPreset(id)?.defaultModel ?? (await provider.listModels(timeoutSignal(LIST_TIMEOUT_MS)))[0];
}

async function callOnce(provider: Provider, model: string): Promise<void> {
  const request = {
    model,
    system: [],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Reply with the word ok.' }] }],
    tools: [],
    maxOutputTokens: CALL_TOKENS,
    cacheKey: 'herald-setup',
  } as const;
  for await (const event of provider.stream(request, timeoutSignal(CALL_TIMEOUT_MS))) if (event.type === 'done') return;
  throw new AppError('model_protocol', 'The answer broke off.');
}

function timeoutSignal(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new AppError('timeout', 'No answer in time.')), ms).unref();
  return controller.signal;
}

/** The provider's errors speak to somebody in a chat; here nothing was sent and nothing is kept. */
async function explain(error: AppError, choice: ModelChoice, deps: CheckDeps): Promise<string> {
  const { provider, model } = choice;
  switch (error.code) {
    case 'model_auth':
      return `${provider} does not accept the key. Check that it was copied whole and belongs to this service.`;
    case 'model_billing':
      return `${provider} accepts the key, but the account has no credit. Top it up, or choose another service.`;
    case 'model_not_found':
      return `${provider} does not know the model ${model ?? ''}.${await nearest(choice, deps)}`;
    case 'model_unreachable':
      return `${choice.baseUrl ?? provider} cannot be reached. Check the network and the address.`;
    case 'timeout':
      return `${choice.baseUrl ?? provider} did not answer in time. Check the network, or try again.`;
    case 'model_rate_limited':
    case 'model_overloaded':
      return `${provider} takes no calls right now. Try again in a while.`;
    case 'model_protocol':
      return `What answers at ${choice.baseUrl ?? provider} does not speak the expected API. Check the address (many end in /v1).`;
    case 'model_bad_request':
      return `${provider} refused the call as malformed. Check the model name and, for an own server, the address.`;
    default:
      return error.publicMessage;
  }
}

async function nearest(choice: ModelChoice, deps: CheckDeps): Promise<string> {
  const names = await listModels(choice, deps).catch(() => []);
  const near = suggestName(choice.model ?? '', names);
  if (near !== undefined) return ` Did you mean ${near}?`;
  return names.length === 0 ? '' : ` It offers ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}.`;
}
