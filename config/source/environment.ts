// Environment names that stand for settings. A name counts only where config.yaml is silent.
import type { PlatformManifest } from '../schema.ts';
import type { ValuePath } from '../value-path.ts';

/** A variable with its value and whether it came from the real environment or from .env. */
export interface Variable {
  value: string;
  kind: 'env' | 'dotenv';
}

export interface EnvSetting {
  env: string;
  path: ValuePath;
}

const CORE_SETTINGS: readonly EnvSetting[] = [
  { env: 'HERALD_MODEL', path: ['model', 'name'] },
  { env: 'HERALD_PROVIDER', path: ['model', 'provider'] },
  { env: 'HERALD_BASE_URL', path: ['model', 'base_url'] },
  { env: 'HERALD_HOST', path: ['gateway', 'host'] },
  { env: 'HERALD_PORT', path: ['gateway', 'port'] },
  { env: 'HERALD_ALLOWED_HOSTS', path: ['gateway', 'allowed_hosts'] },
  { env: 'HERALD_TIMEZONE', path: ['agent', 'timezone'] },
  { env: 'HERALD_LOG_LEVEL', path: ['logging', 'level'] },
  { env: 'GATEWAY_ALLOWED_USERS', path: ['gateway', 'allowed_users'] },
  { env: 'GATEWAY_ALLOW_ALL_USERS', path: ['gateway', 'allow_all_users'] },
];

/** All names that stand for settings: the core's, `<PLATFORM>_…`, and the secrets of the manifests. */
export function envSettings(manifests: readonly PlatformManifest[]): readonly EnvSetting[] {
  return [...CORE_SETTINGS, ...manifests.flatMap(platformSettings)];
}

/** Prefix of a platform's environment names: its id in capitals. */
export function envPrefix(platform: string): string {
  return platform.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

function platformSettings(manifest: PlatformManifest): EnvSetting[] {
  const prefix = envPrefix(manifest.id);
  const at = (key: string): ValuePath => ['platforms', manifest.id, key];
  return [
    // WEB_ENABLED and the like belong to too many other programs.
    ...(manifest.builtin ? [] : [{ env: `${prefix}_ENABLED`, path: at('enabled') }]),
    { env: `${prefix}_ALLOWED_USERS`, path: at('allowed_users') },
    { env: `${prefix}_ALLOW_ALL_USERS`, path: at('allow_all_users') },
    { env: `${prefix}_HOME_CHANNEL`, path: at('home_chat') },
    ...manifest.secrets.map((secret) => ({ env: secret.env, path: at(secret.key) })),
  ];
}

const SECRET_WORD = /(?:^|_)(?:api_?key|key|token|secret|password|passwd|pass|credentials?)(?:_\d+)?$/i;

/** True for names that hold secrets by their last word: OPENAI_API_KEY, api_key, bot_token, EMAIL_PASSWORD. */
export function isSecretName(name: string): boolean {
  return SECRET_WORD.test(name);
}
