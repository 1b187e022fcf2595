// The composition root, with the folder compose/: the only files that know all folders. Builds a running gateway from a home folder,
// and ends it in order.
import path from 'node:path';
import type { SetupPort } from '../adapters/login.ts';
import { manifests } from '../adapters/manifests.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { readPlatformSettings, savePlatformLogin } from '../config/platform-login.ts';
import { watchConfig, type ConfigWatch } from '../config/watch.ts';
import type { AgentPort } from '../agent/port.ts';
import { openData, type OpenedData, type ProcessDb } from '../data/db.ts';
import type { StatementObserver } from '../data/query/dialect.ts';
import { ensureDir } from '../data/files.ts';
import { takeWriterLock } from '../data/lock.ts';
import { findOwner, getPerson } from '../data/process/people.ts';
import { listUnfinishedTasks } from '../data/process/work/tasks.ts';
import { openPairing, type Pairing } from '../pairing/pairing.ts';
import type { JobHandler } from '../scheduler/types.ts';
import { systemClock, type Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { AppError } from '../shared/errors.ts';
import { makeRedactor, type Redactor } from '../shared/redact.ts';
import { VERSION } from '../shared/installation.ts';
import type { GatewayActions } from './actions.ts';
import { accountsOf, ownerUserOf, settingsOf } from './compose/accounts.ts';
import { openConfiguredAgent, type ConfiguredAgent } from './compose/agent.ts';
import { openVerifier } from './compose/signer.ts';
import { openLog } from './compose/logging.ts';
import { mountMcpServer } from './compose/hands/mcp-server.ts';
import { openScheduler, type Scheduler } from './compose/scheduler.ts';
import { openTriggers, type Triggers } from './compose/triggers.ts';
import { startUpkeep } from './compose/upkeep.ts';
import { openConfiguredVoice, type ConfiguredVoice } from './compose/voice.ts';
import { makeControlHandler } from './control/http.ts';
import type { ControlContext } from './control/operation.ts';
import { makeCore, type Core } from './core.ts';
import { openHttpServer, type HttpServer } from './http/server.ts';
import { openSetup } from './setup/setup.ts';
import { makeActivity } from './mcp/activity.ts';
import { INSIGHTS_JOB, makeInsightsJob } from './insights/report.ts';
import { makeFileStore, type FileStore } from './media/downloads.ts';

const SOCKET_FILE = 'herald.sock';
/** Exit code that asks a supervisor for a new start. */
const EXIT_RESTART = 75;
const CONFIG_LOOK_MS = 5_000;

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

/** Steps that end what was opened, run in reverse. */
type Undo = (() => Promise<void> | void)[];

/** What is opened before the gateway itself. */
interface Base {
  clock: Clock;
  loaded: LoadedConfig;
  home: string;
  socket: string;
  log: Logger;
  redactor: Redactor;
  data: OpenedData;
  pairing: Pairing;
  files: FileStore;
  voice: ConfiguredVoice;
  describeLock(url: string): void;
  load(): Promise<LoadedConfig>;
  undo: Undo;
}

/**
 * Starts everything; resolves when messages are taken. Rejects with AppError: `config_invalid`, `db_locked`, `db_corrupt`, `db_newer`,
 * `home_unwritable`, `disk_full`, `port_in_use`; then nothing is left running.
 */
export async function startGateway(options: StartOptions = {}): Promise<StartedGateway> {
  const undo: Undo = [];
  try {
    const base = await openBase(options, undo);
    return await run(base, options);
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

async function unwind(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

async function openBase(options: StartOptions, undo: Undo): Promise<Base> {
  const clock = systemClock;
  const overrides = options.port === undefined ? [] : [{ key: 'gateway.port', value: options.port, flag: '--port' }];
  const load = () => loadConfig({ home: options.home, manifests, overrides });
  const loaded = await load();
  const { home } = loaded;
  const socket = path.join(home, SOCKET_FILE);
  ensureDir(home);
  const lock = takeWriterLock(home, { pid: process.pid, startedAt: clock.now(), purpose: 'gateway' });
  undo.push(() => lock.release());
  const redactor = makeRedactor(loaded.secrets);
  const opened = openLog({ home, level: loaded.config.logging.level, redactor, terminal: options.terminal });
  undo.push(() => opened.close());
  const data = await openData({ home, clock, observe: options.observe });
  undo.push(() => data.close());
  return {
    clock,
    loaded,
    home,
    socket,
    log: opened.log,
    redactor,
    data,
    pairing: openPairing({ db: data.db, clock, log: opened.log }),
    files: makeFileStore({ home, clock, maxBytes: loaded.config.gateway.max_upload_mb * 1_048_576 }),
    voice: openConfiguredVoice({ home, clock, log: opened.log, loaded }),
    describeLock: (url) => lock.describe({ socket, url }),
    load,
    undo,
  };
}

async function run(base: Base, options: StartOptions): Promise<StartedGateway> {
  const { clock, loaded, home, log, data, pairing, undo } = base;
  const parts: Parts = {};
  const agent = await openConfiguredAgent({
    ...base,
    voice: base.voice.engines,
    db: data.db,
    core: () => required(parts.core),
    jobs: () => required(parts.scheduler).jobs,
    processEnded: (scope, event) => required(parts.triggers).processEnded(scope, event),
  });
  undo.push(() => agent.close());
  const http = await openServer(base, parts);
  undo.push(() => http.close());
  base.describeLock(http.url);
  const ended = Promise.withResolvers<number>();
  let ending: Promise<void> | undefined;
  const end = (code: number, reason: string) => {
    log.info({ reason, code }, 'gateway stops');
    // Jobs first: what they deliver at the end still goes out.
    ending ??= required(parts.scheduler)
      .stop()
      .then(() => required(parts.core).stop())
      .then(() => unwind(undo))
      .then(() => ended.resolve(code), ended.reject);
  };
  const backup = backupOf(base);
  const core = (parts.core = openCore(
    base,
    { agent, http, parts },
    {
      restart: async (reason) => end(EXIT_RESTART, reason),
      stop: async (reason) => end(0, reason),
      reload: () => required(parts.watch).reload(),
      backup,
    },
  ));
  const scheduler = (parts.scheduler = openScheduler({
    ...base,
    db: data.db,
    agent,
    core,
    handlers: jobHandlers(base),
  }));
  const { workspaceOf } = agent.forJobs.settings();
  const triggers = (parts.triggers = openTriggers({ ...base, db: data.db, jobs: scheduler.jobs, http, workspaceOf }));
  undo.push(() => triggers.close());
  const context = contextOf(base, { agent, core, http, backup, jobs: scheduler.jobs, triggers: triggers.service });
  parts.control = makeControlHandler(context, log);
  if (loaded.config.mcp_server.http) {
    const allowedHosts = loaded.config.gateway.allowed_hosts;
    undo.push(await mountMcpServer({ http, context, manifests, allowedHosts, log }));
  }
  const watch = (parts.watch = watchFiles(base, agent));
  undo.push(() => watch.stop());
  undo.push(
    startUpkeep({
      db: data.db,
      clock,
      log,
      pruneFiles: () => agent.pruneFiles(),
      curate: () => agent.evidence.upkeep(),
    }),
  );
  for (const warning of loaded.warnings) log.warn({}, warning);
  await core.start(accountsOf(loaded));
  await scheduler.start();
  await triggers.watchFiles();
  await resumeWorkers(data.db, agent.port);
  await agent.start();
  options.signal?.addEventListener('abort', () => end(0, 'asked to stop'), { once: true });
  if (options.signal?.aborted) end(0, 'asked to stop');
  const code = (await findOwner(data.db)) ? undefined : (await pairing.createOwnerCode()).code;
  // Last: who finds it ready may ask it to stop at once.
  parts.isReady = true;
  log.info({ url: http.url, model: agent.port.describeModel().name }, 'gateway started');
  return {
    url: http.url,
    socket: base.socket,
    home,
    actions: core.actions,
    ownerLink: code === undefined ? undefined : linkTo(http, code),
    model: { ...agent.port.describeModel(), explanation: agent.explanation() },
    warnings: loaded.warnings,
    done: ended.promise,
  };
}

/** Parts that others refer to before they exist. */
interface Parts {
  core?: Core;
  scheduler?: Scheduler;
  triggers?: Triggers;
  control?: (request: Request) => Promise<Response>;
  watch?: ConfigWatch;
  /** Platforms are started: their routes are there. */
  isReady?: boolean;
}

function required<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('used before it was put together');
  return part;
}

/** Work of Herald's own that jobs may do. */
function jobHandlers({ data, clock, files }: Base): ReadonlyMap<string, JobHandler> {
  const storeFile: FileStore['keepContent'] = (name, mime, content) => files.keepContent(name, mime, content);
  return new Map([[INSIGHTS_JOB, makeInsightsJob({ db: data.db, clock, storeFile })]]);
}

function openServer(base: Base, parts: Parts): Promise<HttpServer> {
  const { gateway } = base.loaded.config;
  return openHttpServer({
    port: gateway.port,
    host: gateway.host,
    socketPath: base.socket,
    allowedHosts: gateway.allowed_hosts,
    // Room for the form around a file of the largest size.
    maxBodyBytes: (gateway.max_upload_mb + 1) * 1_048_576,
    version: VERSION,
    clock: base.clock,
    log: base.log,
    statusReport: () => required(parts.core).actions.status(),
    control: (request) => required(parts.control)(request),
    isReady: () => parts.isReady === true,
  });
}

function openCore(
  base: Base,
  { agent, http, parts }: { agent: ConfiguredAgent; http: HttpServer; parts: Parts },
  lifecycle: Pick<GatewayActions, 'restart' | 'stop' | 'reload' | 'backup'>,
): Core {
  const { clock, log, home, data, pairing, files, loaded } = base;
  return makeCore({
    db: data.db,
    clock,
    log,
    random: Math.random,
    settings: settingsOf(loaded),
    agent: agent.port,
    pairing,
    files,
    voice: base.voice.engines,
    home,
    version: VERSION,
    url: () => http.url,
    ownerUser: ownerUserOf,
    setup: setupOf(base, () => required(parts.core).actions),
    mount: (platform, account, handler, options) => void http.mount(platform, account, handler, options),
    jobs: () => required(parts.scheduler).jobs,
    triggers: () => required(parts.triggers).service,
    evidence: agent.evidence,
    noticed: (row, person) => required(parts.triggers).noticed(row, person),
    process: lifecycle,
  });
}

function setupOf({ clock, home, redactor }: Base, actions: () => GatewayActions): SetupPort {
  return openSetup({
    clock,
    fetch,
    manifests,
    current: (manifest) => readPlatformSettings(home, manifest),
    async save(manifest, result) {
      for (const secret of Object.values(result.secrets)) redactor.add(secret);
      await savePlatformLogin(home, manifest, result, { manifests });
    },
    actions,
  });
}

function contextOf(
  base: Base,
  parts: Pick<ControlContext, 'jobs' | 'triggers' | 'backup'> & {
    agent: ConfiguredAgent;
    core: Core;
    http: HttpServer;
  },
): ControlContext {
  const activity = makeActivity(base.clock);
  parts.core.onNews(() => activity.notify());
  return {
    db: base.data.db,
    pairing: base.pairing,
    clock: base.clock,
    home: base.home,
    actions: parts.core.actions,
    agent: parts.agent.port,
    mcp: parts.agent.mcp,
    jobs: parts.jobs,
    triggers: parts.triggers,
    evidence: parts.agent.evidence,
    activity,
    backup: parts.backup,
    promptSize: () => parts.agent.promptSize(),
    ownerLink: (code) => linkTo(parts.http, code),
    ledgerKey: () => openVerifier(base.home),
    storeUpload: (name, mime, body) => base.files.keep(name, mime, body),
  };
}

function linkTo(http: HttpServer, code: string): string {
  return `${http.url}/#link=${code}`;
}

function backupOf({ clock, home, data }: Base): GatewayActions['backup'] {
  return async (file) => {
    const { backupHome } = await import('../skills/backup.ts');
    return backupHome({ home, clock, copyDatabase: (target) => data.backup(target) }, file);
  };
}

function watchFiles(base: Base, agent: ConfiguredAgent): ConfigWatch {
  const { log, redactor } = base;
  /** What the last reading met, for whoever asked for it; at most one. */
  const met: AppError[] = [];
  const watch = watchConfig({
    current: base.loaded,
    load: base.load,
    clock: base.clock,
    intervalMs: CONFIG_LOOK_MS,
    onChange: async (next, previous) => {
      for (const secret of next.secrets) redactor.add(secret);
      await agent.reload(next);
      base.voice.reload(next);
      const lasting = ({ config }: LoadedConfig) =>
        JSON.stringify([config.platforms, config.gateway, config.sessions, config.mcp_server]);
      if (lasting(next) === lasting(previous)) log.info({}, 'configuration read');
      else log.warn({}, 'configuration read; platforms, gateway, sessions and mcp_server change with `herald restart`');
    },
    onError(error) {
      met.splice(0, met.length, error);
      log.error({ err: error }, 'the changed configuration is not used; the last good one stays');
    },
  });
  return {
    ...watch,
    async reload() {
      met.length = 0;
      await watch.reload();
      const [error] = met;
      if (error) throw error;
    },
  };
}

/** Workers of an earlier process that nobody waits for. */
async function resumeWorkers(db: ProcessDb, agent: AgentPort): Promise<void> {
  for (const { task, scope, address } of await listUnfinishedTasks(db)) {
    const person = await getPerson(db, scope.person);
    if (person) agent.resumeWorker(task, { scope, role: person.role, address });
  }
}
