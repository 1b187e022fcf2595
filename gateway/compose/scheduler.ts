// The scheduler of a running gateway. Without a job nothing of it is loaded and nothing waits.
import { quoteShell } from '../../agent/terminal/quote.ts';
import type { Terminals } from '../../agent/terminal/terminals.ts';
import { machineKey, TERMINAL_TOOL } from '../../agent/tools/terminal/reach.ts';
import type { AgentPort } from '../../agent/port.ts';
import { readRule, ruleFor } from '../../agent/policy/rules.ts';
import { canonicalJson } from '../../agent/tools/tool.ts';
import type { AgentSettings } from '../../agent/settings.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listRules } from '../../data/policy/rules.ts';
import { getPersonSettings } from '../../data/process/person-settings.ts';
import { hasSchedule } from '../../data/process/schedule/claims.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobDefaults } from '../../scheduler/config.ts';
import type { JobHandler, JobService, Script } from '../../scheduler/types.ts';
import type { Clock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import type { PersonId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Role } from '../../shared/messages.ts';
import type { SkillLibrary } from '../../skills/types.ts';
import type { Core } from '../core.ts';
import type { ScriptVerdict } from '../jobs/checks.ts';
import type { Jobs } from '../jobs/open.ts';
import type { ScriptEnd } from '../jobs/run.ts';

const SCRIPT_MS = 10 * 60_000;
const LOOK_MS = 60_000;

/** What jobs need of the agent's parts. */
export interface JobGround {
  settings(): Pick<AgentSettings, 'workspaceOf' | 'timezone'>;
  defaults(): JobDefaults;
  terminals(): Promise<Terminals>;
  skills: Pick<SkillLibrary, 'open'>;
}

export interface SchedulerInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  loaded: LoadedConfig;
  agent: { port: AgentPort; forJobs: JobGround };
  core: Pick<Core, 'poster' | 'platforms' | 'onSettled' | 'speech'>;
  /** Work of Herald's own that jobs may do, by name. */
  handlers?: ReadonlyMap<string, JobHandler> | undefined;
}

export interface Scheduler {
  /** For commands, tools and pages. */
  jobs: JobService;
  /** Takes up what an earlier process left. Platforms run by now. */
  start(): Promise<void>;
  /** Parks what runs. */
  stop(): Promise<void>;
}

export function openScheduler(input: SchedulerInput): Scheduler {
  let opened: Promise<Jobs> | undefined;
  let isStopped = false;
  const zone = {
    timezone: () => input.agent.forJobs.settings().timezone,
    timezoneOf: async (person: PersonId) => (await getPersonSettings(input.db, person)).timezone,
  };

  async function open(): Promise<Jobs> {
    const { openJobs } = await import('../jobs/open.ts');
    const { agent, core, loaded } = input;
    const jobs = openJobs({
      ...input,
      agent: agent.port,
      poster: core.poster,
      speech: core.speech,
      platforms: core.platforms,
      dmScope: loaded.config.sessions.dm_scope,
      ...zone,
      defaults: () => agent.forJobs.defaults(),
      // Whoever has the data open holds the only lock on it.
      isAlone: true,
      scriptTool: TERMINAL_TOOL,
      handlers: input.handlers ?? new Map(),
      assessScript: (scope, script) => assessScript(agent.forJobs, { db: input.db, scope }, script),
      runScript: (at, script, signal) => runScript(agent.forJobs, { ...at, db: input.db, script }, signal),
      hasFile: (at, path) => hasFile(agent.forJobs, { ...at, clock: input.clock, db: input.db, path }),
      missingSkill: (scope, names) => missingSkill(agent.forJobs, scope, names),
    });
    core.onSettled(() => void jobs.settle());
    await jobs.settle();
    await jobs.runner.start();
    return jobs;
  }

  function load(): Promise<Jobs> {
    if (isStopped) return Promise.reject(new AppError('cancelled', 'Herald is stopping. Nothing was changed.'));
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  return {
    jobs: {
      ...serviceOf(async () => (await load()).service),
      // Nothing is loaded for it.
      timezone: async ({ person }) => (await zone.timezoneOf(person)) ?? zone.timezone(),
    },
    async start() {
      if (await hasSchedule(input.db)) await load();
    },
    async stop() {
      isStopped = true;
      await (await opened?.catch(() => undefined))?.runner.stop();
    },
  };
}

/** The service, which is loaded when it is first asked for something. */
function serviceOf(load: () => Promise<JobService>): Omit<JobService, 'timezone'> {
  return {
    preview: async (...args) => (await load()).preview(...args),
    create: async (...args) => (await load()).create(...args),
    update: async (...args) => (await load()).update(...args),
    plan: async (...args) => (await load()).plan(...args),
    pause: async (...args) => (await load()).pause(...args),
    resume: async (...args) => (await load()).resume(...args),
    runNow: async (...args) => (await load()).runNow(...args),
    trigger: async (...args) => (await load()).trigger(...args),
    remove: async (...args) => (await load()).remove(...args),
    get: async (...args) => (await load()).get(...args),
    list: async (...args) => (await load()).list(...args),
    broken: async (...args) => (await load()).broken(...args),
    runs: async (...args) => (await load()).runs(...args),
    calendar: async (...args) => (await load()).calendar(...args),
  };
}

/** What the policy and the person's standing rules say of a command. */
async function assessScript(
  ground: JobGround,
  { db, scope }: { db: ProcessDb; scope: Scope },
  { command }: Script,
): Promise<ScriptVerdict> {
  const workspace = ground.settings().workspaceOf(scope);
  const { assessCommand } = await import('../../agent/policy/command.ts');
  const { forbidden, risk } = assessCommand(command, { cwd: workspace });
  const rule = ruleFor((await listRules(db, scope)).map(readRule), {
    tool: TERMINAL_TOOL,
    arguments: canonicalJson({ command }),
    assessment: { effect: 'once', touches: ['workspace', 'machine', 'network'] },
  });
  const isDenied = rule?.verdict === 'deny';
  return {
    forbidden: forbidden ?? (isDenied ? `A standing rule forbids it: "${rule.words}".` : undefined),
    risk: risk ?? (rule && !isDenied ? `A standing rule says: "${rule.words}".` : undefined),
    isOutside: !(await ground.terminals()).isolationAt(workspace).files,
  };
}

/** A job's command, held to what its person could run themselves without being asked. */
async function runScript(
  ground: JobGround,
  { db, scope, role, script }: { db: ProcessDb; scope: Scope; role: Role; script: Script },
  signal: AbortSignal,
): Promise<ScriptEnd> {
  const workspace = ground.settings().workspaceOf(scope);
  const terminals = await ground.terminals();
  const { forbidden } = await assessScript(ground, { db, scope }, script);
  if (forbidden !== undefined) throw new AppError('not_allowed', `The command was not run: ${forbidden}`);
  return terminals.use({ key: machineKey(scope), workspace, signal }, async ({ shell, machine }) => {
    const isTrusted = role === 'owner' || role === 'admin';
    if (!isTrusted && !machine.isolation.files)
      throw new AppError(
        'not_allowed',
        'Commands are not kept apart from the machine here, so only owners and admins may have jobs with scripts. Nothing was run.',
      );
    const { command, timeoutMs = SCRIPT_MS, network = false } = script;
    const result = await shell.run({ command, timeoutMs, network, cwd: machine.workspace, signal });
    const reach = machine.isolation.network;
    return {
      code: result.code,
      ended: result.ended,
      output: result.output,
      hadNetwork: reach === 'always' || (reach === 'per-call' && network),
    };
  });
}

async function hasFile(
  ground: JobGround,
  { clock, path, ...at }: { clock: Clock; db: ProcessDb; scope: Scope; role: Role; path: string },
): Promise<boolean> {
  const command = `test -e ${quoteShell(path)}`;
  return withDeadline({ clock, timeoutMs: LOOK_MS }, async (signal) => {
    const end = await runScript(ground, { ...at, script: { command } }, signal);
    return end.code === 0;
  });
}

async function missingSkill(
  { skills }: JobGround,
  scope: Scope,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) if (!(await skills.open(scope, name))) return name;
  return undefined;
}
