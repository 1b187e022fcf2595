// From the text of config.yaml and the environment to a checked, frozen configuration. Pure: no files, no process.
import { envSettings, isSecretName, type Variable } from './source/environment.ts';
import { expandVariables } from './source/expand.ts';
import { checkPlatform } from './platforms.ts';
import type { ConfigProblem, ValueSource } from './problems.ts';
import {
  makeConfigSchema,
  type Config,
  type ConfigSchema,
  type PlatformConfig,
  type PlatformManifest,
} from './schema.ts';
import { checkValue, problemKey, reportUnknownKey, type ValueContext } from './validate.ts';
import { formatPath, isSection, newSection, parsePath, setValueAt, valueAt, type ValuePath } from './value-path.ts';
import { readYaml, type YamlSource } from './source/yaml-source.ts';

/** A setting given on the command line: beats config.yaml. */
export interface ConfigOverride {
  /** Dotted name, such as gateway.port. */
  key: string;
  value: unknown;
  /** The option as the person typed it, for messages. */
  flag: string;
}

export interface ParseInput {
  text: string;
  manifests: readonly PlatformManifest[];
  variables: ReadonlyMap<string, Variable>;
  overrides: readonly ConfigOverride[];
}

export interface ParsedConfig {
  /** Undefined when there are problems. Deeply frozen. */
  config: Config | undefined;
  problems: readonly ConfigProblem[];
  warnings: readonly string[];
  /** Where each value that is no default came from, by dotted name. */
  sources: ReadonlyMap<string, ValueSource>;
  /** Values to keep out of logs, prompts and chats. */
  secrets: readonly string[];
}

/** Never throws for bad input: everything that is wrong is in `problems`. */
export function parseConfig(input: ParseInput): ParsedConfig {
  const schema = makeConfigSchema(input.manifests);
  const yaml = readYaml(input.text);
  const state = makeState(yaml, input);
  if (yaml.problems.length > 0) {
    return {
      config: undefined,
      problems: yaml.problems,
      warnings: [],
      sources: state.sources,
      secrets: collectSecrets(undefined, input),
    };
  }
  const expansion = expandVariables(yaml.root, {
    lookup: (name) => input.variables.get(name)?.value,
    sourceOf: state.context.sourceOf,
  });
  for (const problem of expansion.problems) state.context.report(problem);
  state.expanded = expansion.variables;
  const inFile = new Set(isSection(yaml.root['platforms']) ? Object.keys(yaml.root['platforms']) : []);
  fillFromEnvironment(yaml.root, input, state);
  applyOverrides(yaml.root, input, state);
  const config = checkAll(yaml.root, schema, inFile, state);
  if (config !== undefined) state.warnings.push(...configWarnings(config));
  return {
    config: config === undefined || state.problems.length > 0 ? undefined : deepFreeze(config),
    problems: state.problems,
    warnings: state.warnings,
    sources: state.sources,
    secrets: collectSecrets(yaml.root, input),
  };
}

interface ParseState {
  problems: ConfigProblem[];
  warnings: string[];
  sources: Map<string, ValueSource>;
  expanded: ReadonlyMap<string, readonly string[]>;
  context: ValueContext;
}

function makeState(yaml: YamlSource, input: ParseInput): ParseState {
  const told = new Set<string>();
  const broken = new Set<string>();
  const state: ParseState = {
    problems: [],
    warnings: [],
    sources: new Map(),
    expanded: new Map(),
    context: {
      sourceOf: (path) => nearestSource(path, (name) => state.sources.get(name)),
      keySourceOf(path) {
        const place = yaml.keys.get(formatPath(path));
        return place === undefined ? state.context.sourceOf(path) : { kind: 'file', ...place, variables: [] };
      },
      writtenAt: (path) =>
        state.context.sourceOf(path).kind === 'file' ? yaml.written.get(formatPath(path)) : undefined,
      isSecret: (path) => isSecretPath(path, input.manifests) || state.expanded.has(formatPath(path)),
      report(problem) {
        const place = problem.path === undefined ? undefined : formatPath(problem.path);
        // An account inherits shared settings, and a text whose variable is missing is told once, as that.
        if (told.has(problemKey(problem)) || (place !== undefined && broken.has(place))) return;
        told.add(problemKey(problem));
        if (place !== undefined) broken.add(place);
        state.problems.push(problem);
      },
    },
  };
  for (const [name, place] of yaml.values) state.sources.set(name, { kind: 'file', ...place, variables: [] });
  return state;
}

/** Source of the value, or of the section that should hold it. */
function nearestSource(path: ValuePath, find: (name: string) => ValueSource | undefined): ValueSource {
  for (let length = path.length; length > 0; length--) {
    const source = find(formatPath(path.slice(0, length)));
    if (source !== undefined) return source;
  }
  return { kind: 'default' };
}

function fillFromEnvironment(root: Record<string, unknown>, input: ParseInput, state: ParseState): void {
  for (const [name, variables] of state.expanded) {
    const source = state.sources.get(name);
    if (source?.kind === 'file') state.sources.set(name, { ...source, variables });
  }
  for (const setting of envSettings(input.manifests)) {
    const variable = input.variables.get(setting.env);
    const path = targetPath(root, setting.path);
    if (variable === undefined || valueAt(root, path) !== undefined) continue;
    if (setValueAt(root, path, variable.value))
      state.sources.set(formatPath(path), { kind: variable.kind, name: setting.env });
  }
}

/** With exactly one account under `accounts`, the platform's environment names are that account's. */
function targetPath(root: Record<string, unknown>, path: ValuePath): ValuePath {
  const [section, id, key] = path;
  if (section !== 'platforms' || id === undefined || key === undefined) return path;
  const accounts = valueAt(root, [section, id, 'accounts']);
  const names = isSection(accounts) ? Object.keys(accounts) : [];
  const only = names[0];
  return names.length === 1 && only !== undefined && valueAt(root, path) === undefined
    ? [section, id, 'accounts', only, key]
    : path;
}

function applyOverrides(root: Record<string, unknown>, input: ParseInput, state: ParseState): void {
  for (const override of input.overrides) {
    const path = parsePath(override.key);
    const source: ValueSource = { kind: 'flag', flag: override.flag };
    if (setValueAt(root, path, override.value)) state.sources.set(formatPath(path), source);
    else state.context.report({ path, source, message: 'cannot be set: what holds it is no section' });
  }
}

function checkAll(
  root: Record<string, unknown>,
  schema: ConfigSchema,
  inFile: ReadonlySet<string>,
  state: ParseState,
): Config | undefined {
  const { platforms: rawPlatforms, ...rest } = root;
  const ids = [...schema.platforms.keys()];
  const core = checkValue(
    {
      schema: schema.core,
      value: rest,
      locate: (path) => path,
      rootKeys: [...Object.keys(schema.core.shape), 'platforms'],
    },
    state.context,
  );
  const platforms = newSection();
  const result: Record<string, PlatformConfig> = {};
  if (rawPlatforms !== undefined && !isSection(rawPlatforms)) {
    const path = ['platforms'];
    state.context.report({
      path,
      source: state.context.sourceOf(path),
      message: `must be a section with one key per platform: ${ids.join(', ')}`,
    });
  } else {
    Object.assign(platforms, rawPlatforms);
  }
  for (const id of Object.keys(platforms))
    if (!schema.platforms.has(id)) reportUnknownKey(['platforms', id], ids, state.context);
  for (const [id, platform] of schema.platforms) {
    const warn = (message: string) => state.warnings.push(message);
    const checked = checkPlatform(
      { schema: platform, raw: platforms[id], inFile: inFile.has(id), warn },
      state.context,
    );
    if (checked !== undefined) result[id] = checked;
  }
  return core === undefined || state.problems.length > 0 ? undefined : { ...core, platforms: result };
}

function configWarnings(config: Config): string[] {
  const warnings: string[] = [];
  const { model, fallback_models, model_auxiliary, model_small, model_vision } = config;
  const models = [model, ...fallback_models, ...model_auxiliary, ...model_small, ...model_vision];
  const keyed = models.some(({ api_key }) => api_key !== undefined);
  if (keyed)
    warnings.push(
      'config.yaml holds an api_key. Keys are safer in .env: there only you can read them, and config.yaml can be shared.',
    );
  const open =
    config.gateway.allow_all_users ||
    Object.values(config.platforms).some((platform) =>
      platform.accounts.some((account) => account.enabled && account.allow_all_users),
    );
  if (open) warnings.push('allow_all_users is on: everybody who finds the bot can talk to it, and spends your budget.');
  return warnings;
}

function isSecretPath(path: ValuePath, manifests: readonly PlatformManifest[]): boolean {
  const key = path.at(-1);
  if (typeof key !== 'string') return false;
  const manifest = path[0] === 'platforms' ? manifests.find((candidate) => candidate.id === path[1]) : undefined;
  return isSecretName(key) || (manifest?.secrets.some((secret) => secret.key === key) ?? false);
}

function collectSecrets(root: unknown, input: ParseInput): string[] {
  const secrets = new Set<string>();
  const names = new Set(input.manifests.flatMap((manifest) => manifest.secrets.map((secret) => secret.env)));
  const providers = valueAt(root, ['providers']);
  for (const provider of isSection(providers) ? Object.values(providers) : []) {
    const keys = valueAt(provider, ['key_env']);
    for (const name of Array.isArray(keys) ? keys : []) names.add(String(name));
  }
  for (const [name, { value }] of input.variables) if (names.has(name) || isSecretName(name)) secrets.add(value);
  const visit = (value: unknown, path: ValuePath) => {
    if (typeof value === 'string' && (isSecretPath(path, input.manifests) || /^\w+:\/\/[^/@\s]*:[^/@\s]*@/.test(value)))
      secrets.add(value);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
  };
  visit(root, []);
  return [...secrets];
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  // Only plain data: a platform's settings may hold objects with a life of their own.
  if (
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) !== Object.prototype &&
    Object.getPrototypeOf(value) !== null
  )
    return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
