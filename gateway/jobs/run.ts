// One attempt of a job: what it needs is looked at before anything is paid for, then its condition, then its work.
import type { AgentJobEnd, AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import { getPerson } from '../../data/process/people.ts';
import { findJob } from '../../data/schedule/jobs.ts';
import { listOccurrences } from '../../data/schedule/occurrences.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobRun } from '../../scheduler/ports.ts';
import type { FailureClass, JobHandler, RunOutcome, Script, Work } from '../../scheduler/types.ts';
import { asAppError, type AppError, type ErrorCode } from '../../shared/errors.ts';
import type { Origin, Role } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import { capOf, GOAL_PROMPT, readStep } from './goals.ts';
import type { Targets } from './targets.ts';

const MAX_OUTPUT_CHARS = 30_000;
const MAX_CONTEXT_CHARS = 10_000;
const ROLES: readonly Role[] = ['guest', 'member', 'admin', 'owner'];

export interface ScriptEnd {
  code: number;
  /** lost: nobody knows whether it finished. */
  ended: 'exit' | 'timeout' | 'lost';
  output: string;
  /** Whether it could reach the network: then its output may be words of others. */
  hadNetwork: boolean;
}

/** Runs a command where the person's own commands run. Rejects with AppError. */
export type RunScript = (at: { scope: Scope; role: Role }, script: Script, signal: AbortSignal) => Promise<ScriptEnd>;

export interface JobRunPorts {
  db: ProcessDb;
  agent: Pick<AgentPort, 'jobs' | 'resolveModel'>;
  targets: Targets;
  runScript: RunScript;
  /** Whether a path of the person's workspace is there. */
  hasFile(at: { scope: Scope; role: Role }, path: string): Promise<boolean>;
  /** The first of these skills that is not there; undefined: all are. */
  missingSkill(scope: Scope, names: readonly string[]): Promise<string | undefined>;
  handlers: ReadonlyMap<string, JobHandler>;
}

type Failed = Extract<RunOutcome, { end: 'failed' }>;
type PromptWork = Extract<Work, { kind: 'prompt' }>;

/** Ends the preparation of a prompt. */
class Ended extends Error {
  readonly outcome: RunOutcome;
  constructor(outcome: RunOutcome) {
    super('ended before the model');
    this.outcome = outcome;
  }
}

/** Never rejects; resolves when nothing of the run goes on. */
export function makeJobRun(ports: JobRunPorts): (run: JobRun, signal: AbortSignal) => Promise<RunOutcome> {
  return async (run, signal) => {
    try {
      const role = await roleOf(ports, run);
      const blocked =
        role === undefined ? failed('permanent', 'not_found', 'Its person is not known any more.') : undefined;
      const problem = blocked ?? (await preflight(ports, run));
      if (problem || role === undefined) return problem ?? failed('permanent', 'not_found', '');
      const unmet = await unmetCondition(ports, run, { role, signal });
      if (unmet) return unmet;
      return await work(ports, run, { role, signal });
    } catch (error) {
      if (error instanceof Ended) return error.outcome;
      return signal.aborted ? { end: 'cut' } : failureOf(asAppError(error));
    }
  };
}

/** As much as it may by now, and no more than when the job was made. */
async function roleOf({ db }: JobRunPorts, { job }: JobRun): Promise<Role | undefined> {
  const person = await getPerson(db, job.person);
  if (!person) return undefined;
  return ROLES[Math.min(ROLES.indexOf(person.role), ROLES.indexOf(job.permissions.role))];
}

async function preflight(ports: JobRunPorts, { job, scope }: JobRun): Promise<Failed | undefined> {
  const blocked = (reason: string) =>
    failed('blocked', 'tool_unavailable', `${reason} Nothing was run and nothing was spent.`);
  const { targets, fallback } = job.delivery;
  if (
    targets.length > 0 &&
    (await ports.targets.resolve(job, fallback ? [...targets, fallback] : targets)).length === 0
  )
    return blocked('None of the chats that its result goes to can be reached.');
  if (job.work.kind !== 'prompt') return undefined;
  if (!ports.agent.jobs) return blocked('There is no agent here that could do it.');
  if (job.permissions.model !== undefined) {
    try {
      ports.agent.resolveModel(job.permissions.model);
    } catch (error) {
      return blocked(asAppError(error).publicMessage);
    }
  }
  const missing = await ports.missingSkill(scope, job.work.skills ?? []);
  return missing === undefined ? undefined : blocked(`The skill "${missing}" that it works by is not there.`);
}

interface Within {
  role: Role;
  signal: AbortSignal;
}

async function unmetCondition(
  ports: JobRunPorts,
  { job, scope }: JobRun,
  { role, signal }: Within,
): Promise<RunOutcome | undefined> {
  const { condition } = job;
  if (!condition) return undefined;
  if (condition.kind === 'file') {
    const isThere = await ports.hasFile({ scope, role }, condition.path);
    return isThere === (condition.is === 'present') ? undefined : skipped('its condition did not hold');
  }
  const { code, ended } = await ports.runScript({ scope, role }, condition.script, signal);
  if (ended === 'lost')
    return failed('lost', 'terminal_gone', 'The machine was lost while its condition was looked at.');
  return code === 0 && ended === 'exit' ? undefined : skipped('its condition did not hold');
}

async function work(ports: JobRunPorts, run: JobRun, within: Within): Promise<RunOutcome> {
  const { job, scope, occurrence } = run;
  switch (job.work.kind) {
    case 'reminder':
      return done(job.work.text, 'agent');
    case 'script': {
      const end = await ports.runScript({ scope, role: within.role }, job.work.script, within.signal);
      return (
        scriptFailure(end) ?? done(end.output.trim().slice(-MAX_OUTPUT_CHARS), end.hadNetwork ? 'foreign' : 'agent')
      );
    }
    case 'prompt':
      return prompt(ports, run, { ...within, work: job.work });
    case 'builtin': {
      const handler = ports.handlers.get(job.work.name);
      if (!handler) return failed('blocked', 'tool_unavailable', `There is no "${job.work.name}" here.`);
      const { text, files = [], origin = 'agent' } = await handler({ job, occurrence, scope }, within.signal);
      return { ...done(text, origin), files };
    }
  }
}

async function prompt(
  ports: JobRunPorts,
  run: JobRun,
  { role, signal, work: asked }: Within & { work: PromptWork },
): Promise<RunOutcome> {
  const { job, scope } = run;
  let ending: RunOutcome | undefined;
  const cap = await capOf(ports.db, run, asked);
  if (cap === 'used up') return skipped('its cap for today is used up');
  // What attempts before this one took counts: the cap is for the run.
  const left = cap === undefined ? undefined : cap - run.occurrence.costMicroUsd;
  if (left !== undefined && left <= 0)
    return failed('budget', 'budget_exceeded', 'Earlier attempts of this run have used up what it may cost.');
  const end = await ports.agent.jobs?.run(
    {
      key: run.key,
      name: job.name,
      scope,
      role,
      address: (await ports.targets.noticeAddress(job, job.delivery.targets)) ?? job.origin,
      async prompt(at) {
        try {
          return await promptText(ports, run, { role, signal: at, work: asked });
        } catch (error) {
          if (!(error instanceof Ended)) throw error;
          ending = error.outcome;
          return undefined;
        }
      },
      tools: job.permissions.tools,
      model: job.permissions.model,
      skills: asked.skills ?? [],
      memory: asked.memory,
      capMicroUsd: left,
    },
    signal,
  );
  if (!end) return failed('blocked', 'tool_unavailable', 'There is no agent here that could do it.');
  const { costMicroUsd, tokens } = end;
  switch (end.state) {
    case 'cut':
      return { end: 'cut' };
    case 'skipped':
      return ending ?? skipped('there was nothing to do');
    case 'failed':
      return { ...withCap(failedPrompt(end), job), costMicroUsd, tokens };
    case 'done':
      if (end.text.trim() === '' && end.files.length === 0)
        return { ...failed('transient', 'model_protocol', 'The model gave no answer.'), costMicroUsd, tokens };
      return {
        end: 'done',
        files: end.files,
        origin: end.origin,
        costMicroUsd,
        tokens,
        ...(asked.goal ? readStep(end.text) : { text: end.text }),
      };
  }
}

/** What stopped it may be a cap of its own, which is raised elsewhere than that of an answer. */
function withCap(failure: Failed, { name, permissions: { capMicroUsd } }: JobRun['job']): Failed {
  if (failure.failure !== 'budget' || capMicroUsd === undefined) return failure;
  const cap = `A run of it may cost $${capMicroUsd / 1_000_000}: \`herald cron edit "${name}" --cap-usd\` changes that.`;
  return { ...failure, reason: `${failure.reason} ${cap}` };
}

/** What has acted already is not tried anew by itself: it would act twice. */
function failedPrompt({ errorCode, text, hadEffects }: AgentJobEnd): Failed {
  const failure = classOf(errorCode);
  if (failure !== 'transient' || hadEffects !== true) return failed(failure, errorCode ?? 'internal', text);
  return failed(
    'permanent',
    errorCode ?? 'internal',
    `${text} It had begun to act, so it is not tried again by itself.`,
  );
}

async function promptText(
  ports: JobRunPorts,
  { job, scope, occurrence }: JobRun,
  { role, signal, work: asked }: Within & { work: PromptWork },
): Promise<{ text: string; origin: Origin }> {
  const parts: { text: string; isForeign: boolean }[] = [];
  if (asked.script) {
    const end = await ports.runScript({ scope, role }, asked.script, signal);
    const failure = scriptFailure(end);
    if (failure) throw new Ended(failure);
    const { output, isWanted } = readWake(end.output);
    if (!isWanted) throw new Ended(skipped('its script found nothing to do'));
    const text = `Output of the script that ran before:\n${output.slice(-MAX_OUTPUT_CHARS)}`;
    parts.push({ text, isForeign: end.hadNetwork });
  }
  if (asked.goal) parts.push(await lastResult(ports, scope, job.id));
  for (const name of asked.contextFrom ?? []) parts.push(await lastResult(ports, scope, name));
  if (occurrence.input)
    parts.push({
      text: `What began this run:\n${occurrence.input.text}`,
      isForeign: occurrence.input.origin === 'foreign',
    });
  const isForeign = parts.some((part) => part.isForeign);
  return {
    text: [...parts.map(({ text }) => text), ...(asked.goal ? [GOAL_PROMPT] : []), asked.prompt].join('\n\n'),
    origin: isForeign ? 'foreign' : originOfPrompt(job.createdBy),
  };
}

function originOfPrompt(by: JobRun['job']['createdBy']): Origin {
  return by === 'person' ? 'member' : 'agent';
}

async function lastResult(
  { db }: JobRunPorts,
  scope: Scope,
  name: string,
): Promise<{ text: string; isForeign: boolean }> {
  const job = await findJob(db, scope, name);
  const [last] = job ? await listOccurrences(db, scope, { job: job.id, state: 'done', limit: 1 }) : [];
  const result = last?.result ?? '(there is none yet)';
  return {
    text: `Last result of the job "${job?.name ?? name}":\n${preview(result, MAX_CONTEXT_CHARS).length < result.length ? result.slice(0, MAX_CONTEXT_CHARS) : result}`,
    isForeign: last?.result_origin === 'foreign',
  };
}

/** Output without the line that decides, and what that says. */
function readWake(output: string): { output: string; isWanted: boolean } {
  const lines = output.trimEnd().split('\n');
  const last = lines.at(-1)?.trim() ?? '';
  if (!/^\{.*"wakeAgent"/.test(last)) return { output, isWanted: true };
  try {
    const said: unknown = JSON.parse(last);
    const isOff = typeof said === 'object' && said !== null && 'wakeAgent' in said && said.wakeAgent === false;
    return { output: lines.slice(0, -1).join('\n'), isWanted: !isOff };
  } catch {
    return { output, isWanted: true };
  }
}

function scriptFailure({ code, ended, output }: ScriptEnd): Failed | undefined {
  const tail = output.trim() === '' ? '' : ` Its last output: ${preview(output.trim().slice(-400), 400)}`;
  if (ended === 'lost')
    return failed(
      'lost',
      'terminal_gone',
      `The machine was lost while its script ran; whether it finished is not known.${tail}`,
    );
  if (ended === 'timeout') return failed('permanent', 'timeout', `Its script took too long and was stopped.${tail}`);
  return code === 0
    ? undefined
    : failed('permanent', 'tool_unavailable', `Its script ended with status ${code}.${tail}`);
}

function done(text: string, origin: Origin): Extract<RunOutcome, { end: 'done' }> {
  return { end: 'done', text, files: [], origin, costMicroUsd: 0, tokens: 0 };
}

function skipped(reason: string): RunOutcome {
  return { end: 'skipped', reason, costMicroUsd: 0, tokens: 0 };
}

function failed(failure: FailureClass, errorCode: string, reason: string): Failed {
  return { end: 'failed', failure, errorCode, reason, costMicroUsd: 0, tokens: 0 };
}

const MAY_PASS: ReadonlySet<string> = new Set([
  'model_rate_limited',
  'model_overloaded',
  'model_unreachable',
  'model_protocol',
  'timeout',
  'terminal_unreachable',
  'platform_unreachable',
] satisfies ErrorCode[]);

function classOf(code: string | undefined): FailureClass {
  if (code === 'budget_exceeded') return 'budget';
  return code !== undefined && MAY_PASS.has(code) ? 'transient' : 'permanent';
}

function failureOf(error: AppError): Failed {
  const failure = error.code === 'terminal_gone' ? 'lost' : error.retryable ? 'transient' : classOf(error.code);
  return { ...failed(failure, error.code, error.publicMessage), retryAfterMs: error.retryAfterMs };
}
