// `herald setup --non-interactive`: everything from options, nothing asked. Secrets come by the name of the variable that holds
// them, never as an argument that others could read in the list of processes.
import { findPreset, PRESETS } from '../../agent/providers/presets.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { suggestName } from '../../config/suggest.ts';
import { AppError } from '../../shared/errors.ts';
import type { Given } from '../context.ts';
import type { SetupPlan } from './save.ts';
import { secretFlags } from './secret-flags.ts';

/** Throws AppError `bad_input` when the options say nothing, or name what is not there. */
export function planFromFlags(given: Given, loaded: LoadedConfig): SetupPlan {
  const model = modelFromFlags(given, loaded);
  const secrets = new Map<string, string>();
  for (const { flag, secret } of secretFlags()) {
    const name = given.text(camelCase(flag));
    if (name !== undefined) secrets.set(secret.env, readVariable(loaded, name, `--${flag}`));
  }
  if (!model && secrets.size === 0) {
    const flags = secretFlags().map(({ flag }) => `--${flag}`);
    throw new AppError(
      'bad_input',
      `There is nothing to set up: give --provider${flags.map((flag) => ` or ${flag}`).join('')}.`,
    );
  }
  return { model, secrets };
}

function modelFromFlags(given: Given, loaded: LoadedConfig): SetupPlan['model'] {
  const provider = given.text('provider');
  const keyVariable = given.text('keyEnv');
  if (provider === undefined) {
    const stray = ['model', 'baseUrl', 'keyEnv'].find((option) => given.text(option) !== undefined);
    if (stray === undefined) return undefined;
    throw new AppError('bad_input', 'Name the service with --provider.');
  }
  const choice = {
    provider: knownProvider(provider, loaded),
    model: given.text('model'),
    baseUrl: given.text('baseUrl'),
    key: keyVariable === undefined ? undefined : readVariable(loaded, keyVariable, '--key-env'),
  };
  return { choice, keyEnv: keyNameOf(provider, loaded) };
}

/** The variable under which a service's key is kept; undefined for one that needs none. */
export function keyNameOf(provider: string, loaded: LoadedConfig): string | undefined {
  return loaded.config.providers[provider]?.key_env?.[0] ?? (findPreset(provider) ?? findPreset('custom'))?.keyEnv[0];
}

function knownProvider(id: string, loaded: LoadedConfig): string {
  const known = [...PRESETS.map((preset) => preset.id), ...Object.keys(loaded.config.providers), 'demo'];
  if (known.includes(id)) return id;
  const near = suggestName(id, known);
  throw new AppError(
    'bad_input',
    `There is no service ${id}. ${near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean ${near}?`}`,
  );
}

function readVariable(loaded: LoadedConfig, name: string, flag: string): string {
  const value = loaded.lookup(name);
  if (value !== undefined) return value;
  throw new AppError(
    'bad_input',
    `${flag} names ${JSON.stringify(name)}, which is not set. Give the name of a variable that holds the secret.`,
  );
}

/** As commander names an option's value. */
function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
