// `herald config show|get|path`: every setting with its value and where it came from, secrets masked.
import path from 'node:path';
import { AppError } from '../shared/errors.ts';
import { makeRedactor, type Redactor } from '../shared/redact.ts';
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
  const redactor = makeRedactor(loaded.secrets);
  addLeaves(core, [], { loaded, settings, isSecret: isSecretName, redactor });
  for (const [id, platform] of Object.entries(platforms)) {
    const secrets = manifests.find((manifest) => manifest.id === id)?.secrets.map((secret) => secret.key) ?? [];
    const isSecret = (key: string) => secrets.includes(key) || isSecretName(key);
    const listing = { loaded, settings, isSecret, redactor };
    for (const account of platform.accounts) addAccount(account, ['platforms', id], listing);
  }
  return settings;
}

interface Listing {
  loaded: LoadedConfig;
  settings: ExplainedSetting[];
  isSecret(key: string): boolean;
  /** Masks secrets that stand inside a longer text. */
  redactor: Redactor;
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

function addAccount(account: AccountConfig, platformPath: ValuePath, listing: Listing): void {
  const { loaded, settings } = listing;
  const accountPath = parsePath(account.path);
  const { name: _name, path: _path, settings: own, enabled, ...common } = account;
  const shown = { enabled, ...(enabled ? { ...common, ...(isSection(own) ? own : {}) } : {}) };
  const start = settings.length;
  addLeaves(shown, accountPath, listing);
  // What an account shares with the others stands one level up.
  for (const setting of settings.slice(start)) {
    const key = parsePath(setting.key).slice(accountPath.length);
    const shared = loaded.sources.get(formatPath([...platformPath, ...key]));
    if (setting.from === 'default' && shared !== undefined) setting.from = place(shared, loaded);
  }
}

function addLeaves(value: unknown, at: ValuePath, listing: Listing): void {
  if (isOpened(value, at)) {
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== undefined) addLeaves(inner, [...at, Array.isArray(value) ? Number(key) : key], listing);
    }
    return;
  }
  const { loaded, redactor } = listing;
  const redact = (one: unknown): unknown =>
    typeof one === 'string' ? redactor.redact(one) : Array.isArray(one) ? one.map(redact) : one;
  const key = at.at(-1);
  const source = loaded.sources.get(formatPath(at));
  const isSecret = typeof key === 'string' && listing.isSecret(key);
  listing.settings.push({
    key: formatPath(at),
    value:
      typeof value === 'string' && (isSecret || loaded.secrets.includes(value)) ? maskSecret(value) : redact(value),
    from: source === undefined ? 'default' : place(source, loaded),
  });
}

/** Sections and lists of sections are opened; empty ones, lists of plain values and what is no plain data are shown whole. */
function isOpened(value: unknown, at: ValuePath): value is object {
  if (Array.isArray(value)) return value.some((entry) => typeof entry === 'object' && entry !== null);
  if (!isSection(value) || (Object.keys(value).length === 0 && at.length > 0)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
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
