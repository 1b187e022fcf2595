// Keeps what a login flow of a platform came to: secrets in .env, everything else in config.yaml.
import { setConfigValues, setSecret } from './edit.ts';
import { readConfigFiles, type LoadOptions } from './load.ts';
import { makeConfigSchema, type PlatformManifest } from './schema.ts';
import { isSection } from './value-path.ts';
import { readYaml } from './source/yaml-source.ts';

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

/** What config.yaml has of a platform's own settings, as written and not checked; secrets of .env are not among them. */
export async function readPlatformSettings(
  home: string,
  manifest: PlatformManifest,
): Promise<Readonly<Record<string, unknown>>> {
  const { root } = readYaml((await readConfigFiles({ home })).yaml.text);
  const platforms = root['platforms'];
  const own = isSection(platforms) ? platforms[manifest.id] : undefined;
  if (!isSection(own)) return {};
  // Keys that every platform has are no business of a login flow.
  const common = makeConfigSchema([manifest]).platforms.get(manifest.id)?.common.shape ?? {};
  return Object.fromEntries(Object.entries(own).filter(([key]) => key !== 'accounts' && !Object.hasOwn(common, key)));
}
