// From a draft to what is stored, and to how it is read back: what a job is never has more than whoever makes it.
import type { AgentPort } from '../../agent/port.ts';
import type { JobRow } from '../../data/schedule/rows.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobDefaults } from '../../scheduler/config.ts';
import { describeSchedule, instantText } from '../../scheduler/schedule/describe.ts';
import { nextRuns } from '../../scheduler/schedule/next.ts';
import { parseSchedule } from '../../scheduler/schedule/parse.ts';
import { checkZone } from '../../shared/zone.ts';
import type { JobParts } from '../../scheduler/stored.ts';
import type {
  Actor,
  Condition,
  Goal,
  JobDraft,
  JobPermissions,
  JobPlan,
  Policy,
  Schedule,
  Work,
} from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import type { PersonId } from '../../shared/ids.ts';
import type { Role } from '../../shared/messages.ts';
import { cleanText, preview } from '../../shared/text.ts';
import { warningsOf, type CheckPorts } from './checks.ts';
import type { Targets } from './targets.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MAX_JITTER_MS = HOUR_MS;
const MAX_PROMPT_CHARS = 20_000;
const MAX_NAME_CHARS = 60;
/** Of what a job does, in its plan. */
const MAX_SHOWN_CHARS = 800;
const CLOCK_TIME = /^([01]?\d|2[0-3]):[0-5]\d$/;

export interface DraftPorts {
  agent: Pick<AgentPort, 'describeTools' | 'resolveModel'>;
  targets: Targets;
  timezone(): string;
  /** The zone that a person chose for themselves; undefined: that of the configuration. */
  timezoneOf?: ((person: PersonId) => Promise<string | undefined>) | undefined;
  /** What a new job gets that names nothing else. Default: nothing. */
  defaults?: (() => Partial<Pick<JobDefaults, 'capMicroUsd' | 'quiet'>>) | undefined;
  /** Name of the tool that runs commands: who has it may have jobs with scripts. */
  scriptTool: string;
  /** Names that builtin work may have. */
  handlers: ReadonlyMap<string, unknown>;
}

export interface DraftAt {
  scope: Scope;
  actor: Actor;
  now: number;
  /** Names that are taken in the space. */
  taken: ReadonlySet<string>;
}

/** What is stored. Rejects with AppError `bad_input` or `not_allowed`. */
export async function readDraft(ports: DraftPorts, draft: JobDraft, at: DraftAt): Promise<JobParts> {
  const { actor, scope } = at;
  if (actor.role === 'guest')
    throw new AppError('not_allowed', 'Guests cannot have jobs. Ask an owner for a role. Nothing was made.');
  const work = checkWork(ports, draft.work);
  const owner = { person: scope.person, origin: draft.origin };
  const permissions = await permissionsOf(ports, draft, at);
  requireScriptTool(ports, { ...draft, permissions });
  return {
    name: nameOf(draft, at.taken),
    schedule: await scheduleOf(ports, draft, at),
    work,
    condition: draft.condition,
    delivery: await ports.targets.parse(owner, draft.deliver ?? 'origin', draft.fallback),
    permissions,
    policy: policyOf(work, draft.policy),
    origin: draft.origin,
    createdBy: actor.by,
  };
}

/** Throws AppError `not_allowed` for a script without the tool that runs commands. */
export function requireScriptTool(
  { scriptTool }: Pick<DraftPorts, 'scriptTool'>,
  job: Pick<JobDraft, 'work' | 'condition'> & { permissions: JobPermissions },
): void {
  if (hasScript(job) && !job.permissions.tools.includes(scriptTool))
    throw new AppError(
      'not_allowed',
      `A job with a script needs the tool \`${scriptTool}\`, which is not there for you here.`,
    );
}

/** A new job with what it did not name. Clock times are meant as they are said: quiet hours are for intervals. */
export function withDefaults({ defaults }: Pick<DraftPorts, 'defaults'>, job: JobParts): JobParts {
  const { capMicroUsd, quiet } = defaults?.() ?? {};
  const { schedule, work, permissions } = job;
  const isSpent = work.kind === 'prompt' && permissions.capMicroUsd === undefined && capMicroUsd !== undefined;
  const isQuiet = schedule.rule.kind === 'interval' && work.kind !== 'reminder' && schedule.quiet === undefined;
  return {
    ...job,
    ...(isSpent && { permissions: { ...permissions, capMicroUsd } }),
    ...(isQuiet && quiet && { schedule: { ...schedule, quiet } }),
  };
}

/** Of what names no zone. */
export async function zoneOf(
  { timezone, timezoneOf }: Pick<DraftPorts, 'timezone' | 'timezoneOf'>,
  person: PersonId,
): Promise<string> {
  return (await timezoneOf?.(person)) ?? timezone();
}

async function scheduleOf(ports: DraftPorts, draft: JobDraft, { now, scope }: DraftAt): Promise<Schedule> {
  const timezone = checkZone(draft.timezone ?? (await zoneOf(ports, scope.person)));
  const { jitterMs = 0, quiet, window, when } = draft;
  if (jitterMs < 0 || jitterMs > MAX_JITTER_MS)
    throw new AppError('bad_input', 'A jitter is from 0 to 60 minutes. Nothing was made.');
  if (quiet && (!CLOCK_TIME.test(quiet.from) || !CLOCK_TIME.test(quiet.to) || quiet.from === quiet.to))
    throw new AppError('bad_input', 'Quiet hours are two clock times, such as 22:00 and 07:00. Nothing was made.');
  const schedule: Schedule =
    when === undefined
      ? { rule: { kind: 'trigger' }, text: '', timezone }
      : await parseSchedule(when, { now, timezone });
  return { ...schedule, ...(jitterMs > 0 && { jitterMs }), ...(quiet && { quiet }), ...(window && { window }) };
}

function checkWork({ handlers }: DraftPorts, work: Work): Work {
  const text = work.kind === 'prompt' ? work.prompt : work.kind === 'reminder' ? work.text : undefined;
  if (text !== undefined && (text.trim() === '' || text.length > MAX_PROMPT_CHARS))
    throw new AppError('bad_input', `What a job says needs 1 to ${MAX_PROMPT_CHARS.toLocaleString('en')} characters.`);
  if (work.kind === 'script' && work.script.command.trim() === '')
    throw new AppError('bad_input', 'The script is empty. Nothing was made.');
  if (work.kind === 'builtin' && !handlers.has(work.name))
    throw new AppError('bad_input', `There is no work of the name "${work.name.slice(0, 60)}" here.`);
  if (work.kind === 'prompt') return { ...work, prompt: cleanText(work.prompt) };
  return work.kind === 'reminder' ? { ...work, text: cleanText(work.text) } : work;
}

function hasScript({ work, condition }: Pick<JobDraft, 'work' | 'condition'>): boolean {
  return (
    work.kind === 'script' || (work.kind === 'prompt' && work.script !== undefined) || condition?.kind === 'script'
  );
}

/** What nobody can answer. */
const NEVER_FOR_JOBS: ReadonlySet<string> = new Set(['clarify', 'send_message', 'todo']);
/** What would make more of itself: for jobs whose person named it. */
const ONLY_IF_NAMED: ReadonlySet<string> = new Set(['schedule']);

async function permissionsOf({ agent }: DraftPorts, draft: JobDraft, { actor }: DraftAt): Promise<JobPermissions> {
  const { tools } = await agent.describeTools({ role: actor.role, address: draft.origin });
  const offered = tools.filter(
    ({ name, state }) =>
      (state === 'prompt' || state === 'searched') &&
      !NEVER_FOR_JOBS.has(name) &&
      (!ONLY_IF_NAMED.has(name) || (actor.by === 'person' && draft.tools?.includes(name) === true)) &&
      (actor.tools === undefined || actor.tools.includes(name)),
  );
  const wanted = draft.tools;
  const unknown = wanted?.find((one) => !offered.some(({ name, toolset }) => name === one || toolset === one));
  if (unknown !== undefined)
    throw new AppError(
      'bad_input',
      `There is no tool or toolset "${unknown.slice(0, 60)}" that you could give to a job here. \`/tools\` lists them.`,
    );
  const chosen = offered.filter(
    ({ name, toolset }) => wanted === undefined || wanted.includes(name) || wanted.includes(toolset),
  );
  const model = draft.model === undefined ? undefined : agent.resolveModel(draft.model);
  const { capMicroUsd } = draft;
  if (capMicroUsd !== undefined && !(capMicroUsd > 0))
    throw new AppError('bad_input', 'A cost cap is more than 0. Nothing was made.');
  return {
    role: actor.role,
    tools: chosen.map(({ name }) => name),
    ...(model !== undefined && { model }),
    ...(capMicroUsd !== undefined && { capMicroUsd }),
  };
}

function policyOf(work: Work, wanted: Partial<Policy> = {}): Policy {
  const isScript = work.kind === 'script';
  const usual: Policy = {
    catchUp: 'latest',
    maxLateMs: work.kind === 'reminder' ? 7 * DAY_MS : DAY_MS,
    // A command that was cut off may have done half of its work; a turn goes on by its journal.
    rerun: isScript ? 'never' : 'resume',
    retries: 3,
    overlap: work.kind === 'reminder' ? 'wait' : 'skip',
    timeoutMs: isScript ? 30 * MINUTE_MS : work.kind === 'reminder' ? 5 * MINUTE_MS : HOUR_MS,
  };
  const policy = { ...usual, ...wanted };
  const isSound =
    policy.retries >= 0 &&
    policy.retries <= 3 &&
    policy.maxLateMs >= 0 &&
    policy.timeoutMs >= 1_000 &&
    policy.timeoutMs <= DAY_MS;
  if (!isSound)
    throw new AppError('bad_input', 'Retries are 0 to 3, and a run may take from a second to a day. Nothing was made.');
  return policy;
}

function nameOf({ name, work }: JobDraft, taken: ReadonlySet<string>): string {
  if (name !== undefined) {
    const said = preview(cleanText(name), MAX_NAME_CHARS);
    if (said === '') throw new AppError('bad_input', 'A name needs at least one character. Nothing was made.');
    return said;
  }
  const about =
    work.kind === 'prompt'
      ? work.prompt
      : work.kind === 'reminder'
        ? work.text
        : work.kind === 'script'
          ? work.script.command
          : work.name;
  const base = preview(cleanText(about), 40) || 'job';
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? base : `${base} ${i}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Neither role nor tools grow when an agent changes a job. */
export function narrowed(next: JobPermissions, before: JobPermissions, { by, tools: own }: Actor): JobPermissions {
  if (by !== 'agent') return next;
  return {
    ...next,
    role: ROLES[Math.min(ROLES.indexOf(next.role), ROLES.indexOf(before.role))] ?? 'guest',
    // Nor does it do by the job what it may not do itself.
    tools: next.tools.filter((tool) => before.tools.includes(tool) && own?.includes(tool) !== false),
    ...(before.capMicroUsd !== undefined && {
      capMicroUsd: Math.min(before.capMicroUsd, next.capMicroUsd ?? before.capMicroUsd),
    }),
  };
}

const ROLES: readonly Role[] = ['guest', 'member', 'admin', 'owner'];

/** How the plan is read back. */
export async function planOf(
  ports: Pick<DraftPorts, 'targets'> & CheckPorts,
  job: JobParts,
  at: { scope: Scope; now: number; key: string },
): Promise<JobPlan> {
  const { schedule, delivery, permissions } = job;
  const runs = nextRuns(schedule, at.now, 3, at.key).map(({ dueAt }) => dueAt);
  const owner = { person: at.scope.person, origin: job.origin };
  const targets: string[] = [];
  for (const target of delivery.targets) targets.push(await ports.targets.describe(owner, target));
  return {
    name: job.name,
    when: describeSchedule(schedule),
    nextRuns: runs,
    nextRunTexts: runs.map((run) => instantText(run, schedule.timezone)),
    targets: targets.length === 0 ? ['nowhere; it is kept in its history'] : targets,
    may: mayText(job),
    capMicroUsd: permissions.capMicroUsd,
    warnings: await warningsOf(ports, job, { scope: at.scope, nextRuns: runs }),
  };
}

function mayText({ work, permissions, condition }: JobParts): readonly string[] {
  const lines: string[] = [];
  switch (work.kind) {
    case 'reminder':
      lines.push(`sends a text, without a model: ${shown(work.text)}`);
      break;
    case 'script':
      lines.push(`runs a command in your workspace, without a model: ${shown(work.script.command)}`);
      break;
    case 'builtin':
      lines.push(`runs ${work.name}`);
      break;
    case 'prompt': {
      const { tools, model } = permissions;
      if (work.script) lines.push(`runs a command in your workspace first: ${shown(work.script.command)}`);
      lines.push(
        `asks ${model === undefined ? 'the model' : model} with ${tools.length} tools: ${preview(tools.join(', '), 200)}`,
      );
      lines.push(`does this: ${shown(work.prompt)}`);
      if (work.memory === false) lines.push('knows nothing of what is remembered of you');
      lines.push('asks you here before anything that you would be asked about');
      if (work.goal)
        lines.push('goes on from its last result, and ends when the goal is reached', ...dayCapLine(work.goal));
    }
  }
  return condition ? [...lines, conditionText(condition)] : lines;
}

function conditionText(condition: Condition): string {
  if (condition.kind === 'script') return `runs only when this command ends well: ${shown(condition.script.command)}`;
  return `runs only when ${shown(condition.path)} is ${condition.is === 'present' ? 'there' : 'not there'}`;
}

/** Whoever confirms a plan must see what they confirm, and how much of it they do not see. */
function shown(text: string): string {
  const whole = cleanText(text).replace(/\s+/g, ' ').trim();
  const said = preview(whole, MAX_SHOWN_CHARS);
  const more = whole.length - MAX_SHOWN_CHARS;
  return more > 0 ? `${said} (and ${more} more characters that are not shown)` : said;
}

function dayCapLine({ dayCapMicroUsd }: Goal): readonly string[] {
  return dayCapMicroUsd === undefined ? [] : [`costs at most $${(dayCapMicroUsd / 1_000_000).toFixed(2)} a day`];
}

/** Names that are taken, but for the job's own. */
export function namesOf(rows: readonly JobRow[], except?: string): ReadonlySet<string> {
  return new Set(rows.filter(({ id }) => id !== except).map(({ name }) => name));
}
