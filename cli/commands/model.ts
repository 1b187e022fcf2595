// `herald model`: which model answers, which are on offer, and choosing another. Keys are the business of `herald setup`.
import { manifests } from '../../adapters/manifests.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { suggestName } from '../../config/suggest.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../output.ts';
import { listModels, resolveDeps, type CheckDeps } from '../setup/model-check.ts';
import { saveModel } from '../setup/save.ts';
import { tellGateway } from './config.ts';

export async function runModel(context: CliContext, given: Given): Promise<number> {
  const loaded = await loadConfig({ home: context.home, manifests });
  const deps: CheckDeps = { clock: context.clock, fetch: context.fetch, loaded };
  const name = given.arg(0);
  if (name !== undefined) return setModel(context, name, { ...deps, force: given.flag('force') });
  return given.flag('list') ? printOffered(context, deps) : printCurrent(context, deps);
}

async function printCurrent(context: CliContext, deps: CheckDeps): Promise<number> {
  const { provider, model, explanation, demo } = await resolveCurrent(deps);
  context.print(
    { provider, model, demo, explanation },
    (value) => `${value.provider}/${value.model}\n${value.explanation}`,
  );
  return EXIT.ok;
}

async function printOffered(context: CliContext, deps: CheckDeps): Promise<number> {
  const { provider, model } = await resolveCurrent(deps);
  const names = await listModels(choiceOf(provider, deps.loaded), deps);
  context.print(
    names.map((name) => ({ provider, name, current: name === model })),
    (rows) =>
      rows.length === 0
        ? `${provider} lists no models.`
        : rows.map((row) => `${row.current ? '* ' : '  '}${printable(row.name)}`).join('\n'),
  );
  return EXIT.ok;
}

async function setModel(context: CliContext, typed: string, deps: CheckDeps & { force: boolean }): Promise<number> {
  const { provider, model } = await splitName(typed, deps);
  await checkOffered(context, { provider, model }, deps);
  await saveModel(context.home, { provider, model, baseUrl: undefined });
  const gateway = await tellGateway(context);
  context.print(
    { provider, model, gateway },
    () => `${provider}/${model} answers from now on${gateway === 'refused' ? ', after `herald reload`' : ''}.`,
  );
  return EXIT.ok;
}

/** "provider/model" of a known provider, else a model of the one in use: ids of models have slashes, too. */
async function splitName(typed: string, deps: CheckDeps): Promise<{ provider: string; model: string }> {
  const { findPreset } = await import('../../agent/providers/presets.ts');
  const slash = typed.indexOf('/');
  const prefix = typed.slice(0, Math.max(0, slash));
  const isProvider =
    prefix === 'demo' || findPreset(prefix) !== undefined || Object.hasOwn(deps.loaded.config.providers, prefix);
  if (slash > 0 && isProvider) return { provider: prefix, model: typed.slice(slash + 1) };
  if (typed === 'demo') return { provider: 'demo', model: 'demo' };
  const current = await resolveCurrent(deps);
  if (!current.demo) return { provider: current.provider, model: typed };
  throw new AppError('bad_input', `Name the service too, such as openai/${typed}; \`herald setup\` takes its key.`);
}

/** A service that cannot be asked does not stand in the way: the name is then taken as it is. */
async function checkOffered(
  context: CliContext,
  wanted: { provider: string; model: string },
  deps: CheckDeps & { force: boolean },
): Promise<void> {
  if (deps.force) return;
  let names: readonly string[];
  try {
    names = await listModels(choiceOf(wanted.provider, deps.loaded), deps);
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'config_invalid' || known.code === 'model_auth')
      throw new AppError(
        'not_allowed',
        `${wanted.provider} cannot be used: ${known.publicMessage} Run \`herald setup\`.`,
        { cause: error },
      );
    context.note(`Not checked: ${wanted.provider} did not say which models it offers.`);
    return;
  }
  if (names.length === 0 || names.includes(wanted.model)) return;
  const near = suggestName(wanted.model, names);
  throw new AppError(
    'not_found',
    `${wanted.provider} does not offer ${wanted.model}.${near === undefined ? ' `herald model --list` shows what it has' : ` Did you mean ${near}?`} (--force takes it all the same).`,
  );
}

/** The configured address counts for the configured provider only. */
function choiceOf(provider: string, loaded: LoadedConfig) {
  const { model } = loaded.config;
  const same = model.provider === provider || (model.provider === undefined && provider === 'custom');
  return {
    provider,
    model: undefined,
    baseUrl: same ? model.base_url : undefined,
    key: same ? model.api_key : undefined,
  };
}

async function resolveCurrent(deps: CheckDeps) {
  const { resolveProviders } = await import('../../agent/providers/resolve.ts');
  const { config } = deps.loaded;
  const { chain, explanation, demo } = await resolveProviders(config.model, config.fallback_models, resolveDeps(deps));
  const [first] = chain;
  if (!first) throw new AppError('internal', 'No model is left to answer.');
  return { provider: first.provider.id, model: first.model, explanation, demo };
}
