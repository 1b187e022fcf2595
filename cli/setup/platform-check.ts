// Whether a platform accepts our login: asked of the platform itself through its manifest, before or after anything is saved.
import type { AccountCheck, AdapterManifest } from '../../adapters/contract.ts';
import { loadConfig, readConfigFiles, type LoadedConfig } from '../../config/load.ts';
import { accountId } from '../../shared/ids.ts';
import { asAppError } from '../../shared/errors.ts';

const VERIFY_TIMEOUT_MS = 15_000;

/** `unchecked`: the platform offers no way to ask. */
export type PlatformCheck = AccountCheck | { ok: true; name: ''; unchecked: true };

/** The configuration as it would be with these environment names set. Rejects with AppError like loadConfig. */
async function loadWith(
  home: string,
  manifests: readonly AdapterManifest[],
  values: ReadonlyMap<string, string>,
): Promise<LoadedConfig> {
  const files = await readConfigFiles({ home });
  const env = Object.fromEntries([...files.variables].map(([name, variable]) => [name, variable.value]));
  return loadConfig({ home, manifests, env: { ...env, ...Object.fromEntries(values) } });
}

/** Asks the platform with new secrets (by environment name), without saving them. Never rejects. */
export async function checkNewSecrets(
  home: string,
  manifest: AdapterManifest,
  input: { values: ReadonlyMap<string, string>; manifests: readonly AdapterManifest[]; fetch: typeof fetch },
): Promise<PlatformCheck> {
  try {
    const loaded = await loadWith(home, input.manifests, input.values);
    const inFile = manifest.secrets.find(
      ({ key }) => loaded.sources.get(`platforms.${manifest.id}.${key}`)?.kind === 'file',
    );
    if (inFile) {
      const key = `platforms.${manifest.id}.${inFile.key}`;
      return {
        ok: false,
        reason: 'settings',
        message: `${key} stands in config.yaml, which beats .env. Remove it there: herald config unset ${key}`,
      };
    }
    const account = loaded.config.platforms[manifest.id]?.accounts.find((entry) => entry.enabled);
    if (!account) {
      const key = `platforms.${manifest.id}.enabled`;
      return {
        ok: false,
        reason: 'settings',
        message: `${manifest.title} is off in config.yaml. Switch it on: herald config set ${key} true`,
      };
    }
    return await checkAccount(manifest, { ...account, fetch: input.fetch });
  } catch (error) {
    return { ok: false, reason: 'settings', message: asAppError(error).publicMessage };
  }
}

/** Asks the platform with the settings of one account. Never rejects. */
export async function checkAccount(
  manifest: AdapterManifest,
  account: { name: string; settings: unknown; fetch: typeof fetch },
): Promise<PlatformCheck> {
  if (!manifest.verify) return { ok: true, name: '', unchecked: true };
  const input = {
    platform: manifest.id,
    account: accountId(account.name),
    settings: account.settings,
    fetch: account.fetch,
  };
  return manifest.verify(input, AbortSignal.timeout(VERIFY_TIMEOUT_MS));
}
