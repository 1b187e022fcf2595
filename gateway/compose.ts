// The composition root: the only file that knows all folders. Builds a running gateway from a home folder, and ends it in order.
import path from 'node:path';
import { manifests } from '../adapters/manifests.ts';
import type { AdapterManifest } from '../adapters/contract.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import type { ConfigOverride } from '../config/parse.ts';
import type { AccountConfig } from '../config/schema.ts';
import { watchConfig } from '../config/watch.ts';
import { openData, type StatementObserver } from '../data/db.ts';
import { ensureDir } from '../data/files.ts';
import { takeWriterLock } from '../data/lock.ts';
import { openPairing } from '../pairing/pairing.ts';
import type { AppError } from '../shared/errors.ts';
import { systemClock, type Clock } from '../shared/clock.ts';
import { accountId, type AccountId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { makeRedactor } from '../shared/redact.ts';
import type { GatewayActions } from './actions.ts';
import { openConfiguredAgent } from './compose-agent.ts';
import { makeControlHandler } from './control/http.ts';
import { makeCore, type Core } from './core.ts';
import { makeFileStore } from './downloads.ts';
import { openHttpServer } from './http/server.ts';
import { openLog } from './logging.ts';
import type { PlatformAccount } from './platforms.ts';
import { startUpkeep } from './upkeep.ts';
import type { GatewaySettings } from './settings.ts';
import { VERSION } from '../shared/version.ts';

const SOCKET_FILE = 'herald.sock';
/** Exit code that asks a supervisor for a new start. */
const EXIT_RESTART = 75;

export interface StartOptions {
  home?: string | undefined;
  port?: number | undefined;
  /** Where warnings are shown to a person; they are in the log file in any case. */
  terminal?: { write(text: string): void } | undefined;
  /** Aborting it stops the gateway in order. */
  signal?: AbortSignal | undefined;
  /** Crash tests end the process here. */
  observe?: StatementObserver | undefined;
}

export interface StartedGateway {
  url: string;
  socket: string;
  home: string;
  actions: GatewayActions;
  /** Link that makes a browser the owner's; undefined once there is an owner, who uses /link. */
  ownerLink: string | undefined;
  /** Which model answers, and why. */
  model: { name: string; provider: string; demo: boolean; explanation: string };
  warnings: readonly string[];
  /** Resolves with the exit code when everything has ended. */
  done: Promise<number>;
}

/**
 * Starts everything; resolves when messages are taken. Rejects with AppError: `config_invalid`, `db_locked`, `db_corrupt`, `db_newer`,
 * `home_unwritable`, `disk_full`, `port_in_use`; then nothing is left running.
 */
export async function startGateway(options: StartOptions = {}): Promise<StartedGateway> {
  const clock = systemClock;
  const load = () => loadConfig({ home: options.home, manifests, overrides: overridesOf(options) });
  const loaded = await load();
  const { home } = loaded;
  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    ensureDir(home);
    const lock = takeWriterLock(home, { pid: process.pid, startedAt: clock.now(), purpose: 'gateway' });
    undo.push(() => lock.release());
    const redactor = makeRedactor(loaded.secrets);
    const { log, close: closeLog } = openLog({
      home,
      level: loaded.config.logging.level,
      redactor,
      terminal: options.terminal,
    });
    undo.push(closeLog);
    const data = await openData({ home, clock, observe: options.observe });
    undo.push(() => data.close());
    const { db } = data;
    const pairing = openPairing({ db, clock, log });
    const files = makeFileStore({ home, clock, maxBytes: loaded.config.gateway.max_upload_mb * 1_048_576 });
    const agent = await openConfiguredAgent({ db, clock, log, redactor, loaded, core: () => core });
    const backup = async (file?: string) => {
      const target = path.resolve(file ?? path.join(home, 'backups', `herald-${stamp(clock)}.db`));
      await data.backup(target);
      return target;
    };
    const socket = path.join(home, SOCKET_FILE);
    const http = await openHttpServer({
      port: loaded.config.gateway.port,
      host: loaded.config.gateway.host,
      socketPath: socket,
      allowedHosts: loaded.config.gateway.allowed_hosts,
      maxBodyBytes: loaded.config.gateway.max_upload_mb * 1_048_576 + 1_048_576,
      version: VERSION,
      clock,
      log,
      statusReport: () => core.actions.status(),
      control: (request) => control(request),
    });
    undo.push(() => http.close());
    lock.describe({ socket, url: http.url });
    /** What the last reload met; whoever asked for it is told. */
    const reloadErrors: AppError[] = [];
    const ended = Promise.withResolvers<number>();
    let ending: Promise<void> | undefined;
    const end = (code: number, reason: string) => {
      log.info({ reason, code }, 'gateway stops');
      ending ??= core
        .stop()
        .then(unwind)
        .then(
          () => ended.resolve(code),
          (error: unknown) => ended.reject(error instanceof Error ? error : new Error(String(error))),
        );
    };
    const core: Core = makeCore({
      db,
      clock,
      log,
      random: Math.random,
      settings: settingsOf(loaded),
      agent: agent.port,
      pairing,
      files,
      home,
      version: VERSION,
      url: () => http.url,
      ownerUser: (platform) => findManifest(platform)?.ownerUser,
      mount: (platform, account, handler, { root }) => void http.mount(platform, account, handler, { root }),
      process: {
        restart: async (reason) => end(EXIT_RESTART, reason),
        stop: async (reason) => end(0, reason),
        async reload() {
          reloadErrors.length = 0;
          await watch.reload();
          const [error] = reloadErrors;
          if (error) throw error;
        },
        backup,
      },
    });
    const control = makeControlHandler(
      {
        db,
        pairing,
        clock,
        home,
        actions: core.actions,
        agent: agent.port,
        backup,
        promptSize: agent.promptSize,
        ownerLink: (code) => `${http.url}/#link=${code}`,
        storeUpload: (name, mime, body) => files.keep(name, mime, body),
      },
      log,
    );
    const watch = watchConfig({
      current: loaded,
      load,
      clock,
      intervalMs: 5_000,
      onChange: async (next, previous) => {
        for (const secret of next.secrets) redactor.add(secret);
        await agent.reload(next);
        const needsRestart =
          JSON.stringify([next.config.platforms, next.config.gateway]) !==
          JSON.stringify([previous.config.platforms, previous.config.gateway]);
        log.warn(
          { needsRestart },
          needsRestart
            ? 'configuration read; platforms and gateway settings change with `herald restart`'
            : 'configuration read',
        );
      },
      onError(error) {
        reloadErrors.push(error);
        log.error({ err: error }, 'the changed configuration is not used; the last good one stays in force');
      },
    });
    undo.push(() => watch.stop());
    undo.push(startUpkeep({ db, clock, log }));
    for (const warning of loaded.warnings) log.warn({}, warning);
    await core.start(accountsOf(loaded, log));
    options.signal?.addEventListener('abort', () => end(0, 'asked to stop'), { once: true });
    if (options.signal?.aborted) end(0, 'asked to stop');
    const hasOwner =
      (await db.query.selectFrom('persons').select('id').where('role', '=', 'owner').executeTakeFirst()) !== undefined;
    const code = hasOwner ? undefined : (await pairing.createOwnerCode()).code;
    log.info({ url: http.url, model: agent.port.describeModel().name }, 'gateway started');
    return {
      url: http.url,
      socket,
      home,
      actions: core.actions,
      ownerLink: code === undefined ? undefined : `${http.url}/#link=${code}`,
      model: { ...agent.port.describeModel(), explanation: agent.explanation() },
      warnings: loaded.warnings,
      done: ended.promise,
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

function overridesOf(options: StartOptions): readonly ConfigOverride[] {
  return options.port === undefined ? [] : [{ key: 'gateway.port', value: options.port, flag: '--port' }];
}

function findManifest(platform: string): AdapterManifest | undefined {
  return manifests.find((manifest) => manifest.id === platform);
}

function settingsOf(loaded: LoadedConfig): GatewaySettings {
  const { config } = loaded;
  const { gateway } = config;
  const accounts = enabledAccounts(loaded);
  return {
    maxConcurrentTurns: gateway.max_concurrent_turns,
    debounceMs: gateway.debounce_ms,
    queueMode: gateway.queue_mode,
    turnTimeoutMs: gateway.turn_timeout_ms,
    ttlMs: gateway.answer_ttl_hours * 3_600_000,
    drainMs: gateway.drain_ms,
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

function enabledAccounts(
  loaded: LoadedConfig,
): readonly { manifest: AdapterManifest; id: AccountId; settings: AccountConfig }[] {
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

function accountsOf(loaded: LoadedConfig, log: Logger): readonly PlatformAccount[] {
  return enabledAccounts(loaded).map(({ manifest, id, settings }) => ({
    platform: manifest.id,
    account: id,
    title: manifest.title,
    async load() {
      const make = await manifest.load();
      log.debug({ platform: manifest.id }, 'platform loaded');
      return make({ platform: manifest.id, account: id, settings: settings.settings, fetch });
    },
  }));
}

function stamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/[:.]/g, '-');
}
