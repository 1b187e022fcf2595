// The secrets that platforms need, as their manifests say, with the option of `herald setup` for each.
import type { AdapterManifest } from '../../adapters/contract.ts';
import { manifests } from '../../adapters/manifests.ts';

export interface PlatformSecret {
  manifest: AdapterManifest;
  title: string;
  secret: AdapterManifest['secrets'][number];
  /** Option without its dashes, such as <platform>-token-env. */
  flag: string;
}

export function secretFlags(): readonly PlatformSecret[] {
  return manifests.flatMap((manifest) =>
    manifest.secrets.map((secret) => ({
      manifest,
      title: manifest.title,
      secret,
      flag: flagOf(manifest.id, secret.key),
    })),
  );
}

function flagOf(platform: string, key: string): string {
  const words = key.split('_').filter((word) => word !== 'bot');
  return [platform, ...words, 'env'].join('-').toLowerCase();
}
