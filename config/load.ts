// Reads $HERALD_HOME/config.yaml and .env. The only reader of process.env in the project.
// Option > config.yaml > environment > .env > default; the real environment beats .env.
import { homedir } from 'node:os';
import path from 'node:path';
import { sha256Hex } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { makeRedactor } from '../shared/redact.ts';
import { parseDotenv } from './source/dotenv.ts';
import type { Variable } from './source/environment.ts';
import { makePrivate, readSmallFile, type SmallFile } from './source/files.ts';
import { parseConfig, type ConfigOverride, type ParsedConfig } from './parse.ts';
import { problemsError, type ValueSource } from './problems.ts';
import type { Config, PlatformManifest } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  manifests: readonly PlatformManifest[];
  /** Default: HERALD_HOME of the environment, else ~/.herald. */
  home?: string | undefined;
  /** Default: process.env. */
  env?: Environment | undefined;
  overrides?: readonly ConfigOverride[] | undefined;
}

export interface LoadedConfig {
  home: string;
  /** Path of config.yaml, which need not exist. */
  file: string;
  /** Path of .env, which need not exist. */
  envFile: string;
  /** Deeply frozen. */
  config: Config;
  /** What the redactor must mask: keys, tokens and passwords of both files and of the environment. */
  secrets: readonly string[];
  /** For the log and `herald doctor`; hold no secrets. */
  warnings: readonly string[];
  /** Where each value that is no default came from, by dotted name as in config.yaml. */
  sources: ReadonlyMap<string, ValueSource>;
  /** An environment name: the real environment, else .env. Empty counts as not set. */
  lookup(name: string): string | undefined;
  /** Changes when the text of either file does. */
  fingerprint: string;
}

/** Both files as they are. */
export interface ConfigFiles {
  home: string;
  file: string;
  envFile: string;
  yaml: SmallFile;
  variables: ReadonlyMap<string, Variable>;
  warnings: readonly string[];
  fingerprint: string;
}

/**
 * Rejects with AppError `config_invalid`, whose message tells all problems with file, line, column, key, what was found and what is
 * allowed, or `config_unreadable`. Missing files are an empty configuration; nothing is created.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const files = await readConfigFiles(options);
  const parsed = parseConfig({
    text: files.yaml.text,
    manifests: options.manifests,
    variables: files.variables,
    overrides: options.overrides ?? [],
  });
  return {
    home: files.home,
    file: files.file,
    envFile: files.envFile,
    config: requireConfig(parsed, files.file),
    secrets: parsed.secrets,
    warnings: [...files.warnings, ...parsed.warnings],
    sources: parsed.sources,
    lookup: (name) => files.variables.get(name)?.value,
    fingerprint: files.fingerprint,
  };
}

/** $HERALD_HOME as an absolute path; ~/.herald when it is not set. */
export function heraldHome(env: Environment = process.env): string {
  const home = env['HERALD_HOME'];
  if (home === undefined || home === '') return path.join(homedir(), '.herald');
  return path.resolve(home.replace(/^~(?=$|\/)/, homedir()));
}

/** Reads both files without judging config.yaml. Rejects with AppError `config_unreadable` or `config_invalid` (.env). */
export async function readConfigFiles(options: Pick<LoadOptions, 'home' | 'env'>): Promise<ConfigFiles> {
  const env = options.env ?? process.env;
  const home = options.home === undefined ? heraldHome(env) : path.resolve(options.home);
  const file = path.join(home, 'config.yaml');
  const envFile = path.join(home, '.env');
  const [yaml, dotenv] = await Promise.all([readSmallFile(file), readSmallFile(envFile)]);
  return {
    home,
    file,
    envFile,
    yaml,
    variables: mergeVariables(env, dotenv.text, envFile),
    warnings: await keepPrivate(envFile, dotenv),
    fingerprint: sha256Hex(`${yaml.text}\0${dotenv.text}`),
  };
}

function mergeVariables(env: Environment, dotenv: string, envFile: string): ReadonlyMap<string, Variable> {
  const parsed = parseDotenv(dotenv);
  if (parsed.problems.length > 0) {
    const lines = parsed.problems
      .slice(0, 25)
      .map((problem) => `  ${envFile}:${problem.line}: this line ${problem.message}`);
    throw new AppError(
      'config_invalid',
      `The file of secrets has lines that cannot be read. Nothing was changed; correct them and try again:\n${lines.join('\n')}`,
    );
  }
  const variables = new Map<string, Variable>();
  for (const { name, value } of parsed.entries) setVariable(variables, name, { value, kind: 'dotenv' });
  for (const [name, value] of Object.entries(env)) setVariable(variables, name, { value: value ?? '', kind: 'env' });
  return variables;
}

/** Empty counts as not set: compose files and shells pass empty values for what nobody gave. */
function setVariable(variables: Map<string, Variable>, name: string, variable: Variable): void {
  if (variable.value !== '') variables.set(name, variable);
}

async function keepPrivate(envFile: string, dotenv: SmallFile): Promise<string[]> {
  if (!dotenv.exists || (dotenv.mode & 0o077) === 0) return [];
  const mode = `0${dotenv.mode.toString(8)}`;
  return (await makePrivate(envFile))
    ? [`${envFile} could be read by others (mode ${mode}); its mode is 0600 now.`]
    : [`${envFile} can be read by others (mode ${mode}), and its mode cannot be changed. Run: chmod 600 ${envFile}`];
}

function requireConfig(parsed: ParsedConfig, file: string): Config {
  if (parsed.config === undefined) throw problemsError(parsed.problems, file, makeRedactor(parsed.secrets));
  return parsed.config;
}
