// The composition root, with the folder compose/: the only files that know all folders. Builds a running gateway from a home folder,
// and ends it in order.
import type { SetupPort } from '../adapters/login.ts';
import { manifests } from '../adapters/manifests.ts';
import { readPlatformSettings, savePlatformLogin } from '../config/platform-login.ts';
import type { ConfigWatch } from '../config/watch.ts';
import type { AgentPort } from '../agent/port.ts';
import type { ProcessDb } from '../data/db.ts';
import { findOwner, getPerson } from '../data/process/people.ts';
import { listUnfinishedTasks } from '../data/process/work/tasks.ts';
import type { JobHandler } from '../scheduler/types.ts';
import { VERSION } from '../shared/installation.ts';
import type { GatewayActions } from './actions.ts';
import { accountsOf, ownerUserOf, settingsOf } from './compose/accounts.ts';
import { openConfiguredAgent, type ConfiguredAgent } from './compose/agent.ts';
import { openVerifier } from './compose/signer.ts';
import { mountMcpServer } from './compose/hands/mcp-server.ts';
import { openBase, type Base, type BaseOptions, type Undo } from './compose/process/base.ts';
import { watchConfigFiles } from './compose/process/config-watch.ts';
import { openScheduler, type Scheduler } from './compose/scheduler.ts';
import { openTriggers, type Triggers } from './compose/triggers.ts';
import { startUpkeep } from './compose/upkeep.ts';
import { makeControlHandler } from './control/http.ts';
import type { ControlContext } from './control/operation.ts';
import { makeCore, type Core } from './core.ts';
import { openHttpServer, type HttpServer } from './http/server.ts';
import { openSetup } from './setup/setup.ts';
import { makeActivity } from './mcp/activity.ts';
import { INSIGHTS_JOB, makeInsightsJob } from './insights/report.ts';
import type { FileStore } from './media/downloads.ts';

/** Exit code that asks a supervisor for a new start. */
const EXIT_RESTART = 75;

export interface StartOptions extends BaseOptions {
  /** Aborting it stops the gateway in order. */
  signal?: AbortSignal | undefined;
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
  /** Each time that what was due in a chat was sent, or has ended otherwise. */
  onSettled(listener: () => void): void;
  /** Resolves with the exit code when everything has ended. */
  done: Promise<number>;
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
  const watch = (parts.watch = watchConfigFiles(base, (next) => agent.reload(next)));
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
    onSettled: (listener) => core.onSettled(listener),
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

/** Workers of an earlier process that nobody waits for. */
async function resumeWorkers(db: ProcessDb, agent: AgentPort): Promise<void> {
  for (const { task, scope, address } of await listUnfinishedTasks(db)) {
    const person = await getPerson(db, scope.person);
    if (person) agent.resumeWorker(task, { scope, role: person.role, address });
  }
}
