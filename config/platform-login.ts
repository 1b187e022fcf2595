// Keeps what a login flow of a platform came to: secrets in .env, everything else in config.yaml.
import { setConfigValues, setSecret } from './edit.ts';
import type { LoadOptions } from './load.ts';
import type { PlatformManifest } from './schema.ts';

export interface PlatformLogin {
  settings: Readonly<Record<string, unknown>>;
  /** By the keys of the manifest's secrets. */
  secrets: Readonly<Record<string, string>>;
}

/** Saves it and switches the platform on. Rejects like setSecret and setConfigValues; secrets that were written before then stay. */
export async function savePlatformLogin(
  home: string,
  manifest: PlatformManifest,
  login: PlatformLogin,
  options: Pick<LoadOptions, 'env' | 'manifests'>,
): Promise<void> {
  for (const { key, env } of manifest.secrets) {
    const value = login.secrets[key];
    if (value !== undefined && value !== '') await setSecret(home, env, value);
  }
  const values = new Map<string, unknown>([[`platforms.${manifest.id}.enabled`, true]]);
  for (const [key, value] of Object.entries(login.settings)) values.set(`platforms.${manifest.id}.${key}`, value);
  await setConfigValues(home, values, options);
}
