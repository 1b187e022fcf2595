// Platform accounts and the gateway's settings, as the configuration has them.
import type { AdapterManifest } from '../../adapters/contract.ts';
import { manifests } from '../../adapters/manifests.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { accountId, type AccountId, type UserId } from '../../shared/ids.ts';
import { leanFetch } from '../http/lean-fetch.ts';
import type { PlatformAccount } from '../platforms.ts';
import type { GatewaySettings } from '../settings.ts';

interface Account {
  manifest: AdapterManifest;
  id: AccountId;
  settings: AccountConfig;
}

/** Who can only be the machine's owner on that platform. */
export function ownerUserOf(platform: string): UserId | undefined {
  return manifests.find((manifest) => manifest.id === platform)?.ownerUser;
}

export function accountsOf(loaded: LoadedConfig): readonly PlatformAccount[] {
  return enabledAccounts(loaded).map(({ manifest, id, settings }) => ({
    platform: manifest.id,
    account: id,
    title: manifest.title,
    async load() {
      const make = await manifest.load();
      return make({ platform: manifest.id, account: id, settings: settings.settings, fetch: leanFetch });
    },
  }));
}

export function settingsOf(loaded: LoadedConfig): GatewaySettings {
  const { config } = loaded;
  const { gateway } = config;
  const accounts = enabledAccounts(loaded);
  return {
    maxConcurrentTurns: gateway.max_concurrent_turns,
    debounceMs: gateway.debounce_ms,
    queueMode: gateway.queue_mode,
    receipts: gateway.receipts,
    turnTimeoutMs: gateway.turn_timeout_ms,
    ttlMs: gateway.answer_ttl_hours * 3_600_000,
    drainMs: gateway.drain_ms,
    backfill: { maxAgeMs: gateway.backfill_hours * 3_600_000, maxMessages: gateway.backfill_messages },
    dmScope: config.sessions.dm_scope,
    access(platform, account) {
      const own = accounts.find((one) => one.manifest.id === platform && one.id === account)?.settings;
      return {
        allowedUsers: [...(own?.allowed_users ?? []), ...gateway.allowed_users],
        allowAllUsers: (own?.allow_all_users ?? false) || gateway.allow_all_users,
        groupPolicy: own?.group_policy ?? 'disabled',
        allowedChats: own?.allowed_chats ?? [],
        requireMention: own?.require_mention ?? true,
        unauthorizedDm: own?.unauthorized_dm ?? config.pairing.unauthorized_dm,
      };
    },
  };
}

function enabledAccounts(loaded: LoadedConfig): readonly Account[] {
  return manifests.flatMap((manifest) =>
    (loaded.config.platforms[manifest.id]?.accounts ?? [])
      .filter((account) => account.enabled)
      .map((settings) => ({
        manifest,
        id: accountId(manifest.accountOf?.(settings.settings) ?? settings.name),
        settings,
      })),
  );
}
