// `herald config show|get|path`: every setting with its value and where it came from, secrets masked.
import path from 'node:path';
import { AppError } from '../shared/errors.ts';
import { isSecretName } from './source/environment.ts';
import type { LoadedConfig } from './load.ts';
import { formatPlace, type ValueSource } from './problems.ts';
import type { AccountConfig, PlatformManifest } from './schema.ts';
import { suggestName } from './suggest.ts';
import { formatPath, isSection, parsePath, type ValuePath } from './value-path.ts';

export interface ExplainedSetting {
  /** Dotted name, as `herald config set` takes it. */
  key: string;
  /** Secrets are masked but for their last four characters when long enough. */
  value: unknown;
  /** Such as "config.yaml:4:9", "environment variable OPENAI_API_KEY" or "default". */
  from: string;
}

/** All settings in the order of the schema; platforms that are off show only that. */
export function explainConfig(loaded: LoadedConfig, manifests: readonly PlatformManifest[]): ExplainedSetting[] {
  const settings: ExplainedSetting[] = [];
  const { platforms, ...core } = loaded.config;
  addLeaves(core, [], loaded, settings, isSecretName);
  for (const [id, platform] of Object.entries(platforms)) {
    const secrets = manifests.find((manifest) => manifest.id === id)?.secrets.map((secret) => secret.key) ?? [];
    const isSecret = (key: string) => secrets.includes(key) || isSecretName(key);
    for (const account of platform.accounts) addAccount(account, ['platforms', id], loaded, settings, isSecret);
  }
  return settings;
}

/** Settings whose name is `key` or begins with it. Throws AppError `not_found` with a suggestion when there is none. */
export function explainSetting(
  loaded: LoadedConfig,
  manifests: readonly PlatformManifest[],
  key: string,
): ExplainedSetting[] {
  const all = explainConfig(loaded, manifests);
  const name = formatPath(parsePath(key));
  const found = all.filter((setting) => setting.key === name || setting.key.startsWith(`${name}.`));
  if (found.length > 0) return found;
  const near = suggestName(
    name,
    all.map((setting) => setting.key),
  );
  throw new AppError(
    'not_found',
    `There is no setting ${key}.${near === undefined ? ' See `herald config show`.' : ` Did you mean ${near}?`}`,
  );
}

/** Path of config.yaml in `home`; it need not exist. */
export function configPath(home: string): string {
  return path.join(home, 'config.yaml');
}

function addAccount(
  account: AccountConfig,
  platformPath: ValuePath,
  loaded: LoadedConfig,
  settings: ExplainedSetting[],
  isSecret: (key: string) => boolean,
): void {
  const accountPath = parsePath(account.path);
  const { name: _name, path: _path, settings: own, enabled, ...common } = account;
  const shown = { enabled, ...(enabled ? { ...common, ...(isSection(own) ? own : {}) } : {}) };
  const start = settings.length;
  addLeaves(shown, accountPath, loaded, settings, isSecret);
  // What an account shares with the others stands one level up.
  for (const setting of settings.slice(start)) {
    const key = parsePath(setting.key).slice(accountPath.length);
    const shared = loaded.sources.get(formatPath([...platformPath, ...key]));
    if (setting.from === 'default' && shared !== undefined) setting.from = place(shared, loaded);
  }
}

function addLeaves(
  value: unknown,
  at: ValuePath,
  loaded: LoadedConfig,
  settings: ExplainedSetting[],
  isSecret: (key: string) => boolean,
): void {
  const isLeaf = !isPlain(value) || (Object.keys(value).length === 0 && at.length > 0);
  if (!isLeaf) {
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== undefined)
        addLeaves(inner, [...at, Array.isArray(value) ? Number(key) : key], loaded, settings, isSecret);
    }
    return;
  }
  const key = at.at(-1);
  const masked = typeof key === 'string' && isSecret(key) && typeof value === 'string' ? maskSecret(value) : value;
  const source = loaded.sources.get(formatPath(at));
  settings.push({
    key: formatPath(at),
    value: typeof masked === 'string' && loaded.secrets.includes(masked) ? maskSecret(masked) : masked,
    from: source === undefined ? 'default' : place(source, loaded),
  });
}

/** Sections and lists of sections are opened; lists of plain values are shown whole. */
function isPlain(value: unknown): value is object {
  if (Array.isArray(value)) return value.some((entry) => typeof entry === 'object' && entry !== null);
  return isSection(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

function maskSecret(secret: string): string {
  return secret.length >= 16 ? `********${secret.slice(-4)}` : '********';
}

function place(source: ValueSource, loaded: LoadedConfig): string {
  const base = formatPlace(source, path.basename(loaded.file));
  const through =
    source.kind === 'file' && source.variables.length > 0
      ? ` (through ${source.variables.map((name) => `\${${name}}`).join(', ')})`
      : '';
  return `${base}${through}`;
}
