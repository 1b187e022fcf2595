// The tool `schedule` on the jobs of the gateway: plans are read back to the person in the chat, with buttons that confirm or change them.
import type { ScheduleCall, ScheduleRequest, SchedulePort } from '../../../agent/schedule/port.ts';
import { makeScheduleTool, SCHEDULE_TOOL } from '../../../agent/tools/schedule/schedule.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { jobDefaults, type JobDefaults } from '../../../scheduler/config.ts';
import { instantText } from '../../../scheduler/schedule/describe.ts';
import type { Actor, Job, JobPlan, JobService, Work } from '../../../scheduler/types.ts';
import { isWaiting } from '../../../scheduler/waiting.ts';
import { AppError } from '../../../shared/errors.ts';
import { cleanText, preview } from '../../../shared/text.ts';
import type { GatewayActions } from '../../actions.ts';
import { readBack } from '../../commands/schedule/job-text.ts';

const SHOWN_RUNS = 10;
const SHOWN_JOBS = 50;
const MAX_RESULT_CHARS = 1_500;

export interface ScheduleToolInput {
  jobs(): JobService;
  actions(): Pick<GatewayActions, 'post'>;
  defaults(): Pick<JobDefaults, 'confirm'>;
}

/** The tool, where something runs by itself. */
export function scheduleTools(input: {
  jobs?: (() => JobService) | undefined;
  core(): { actions: Pick<GatewayActions, 'post'> };
  loaded(): Pick<LoadedConfig, 'config'>;
}): readonly Tool[] {
  const { jobs, core, loaded } = input;
  if (!jobs) return [];
  const defaults = () => jobDefaults(loaded().config.scheduler);
  const port = makeSchedulePort({ jobs, actions: () => core().actions, defaults });
  return [makeScheduleTool(() => port)];
}

export function makeSchedulePort({ jobs, actions, defaults }: ScheduleToolInput): SchedulePort {
  async function tell(call: ScheduleCall, { job, plan }: { job: Job; plan: JobPlan }): Promise<void> {
    const { text, buttons } = readBack(job, plan);
    await actions().post(call.address, text, {
      key: `sp${call.key}`,
      person: call.scope.person,
      kind: 'notice',
      buttons,
    });
  }

  function mustWait(work: Work): boolean {
    const { confirm } = defaults();
    return confirm === 'always' || (confirm === 'costly' && work.kind !== 'reminder');
  }

  async function isOftener(call: ScheduleCall, job: Job, when: string): Promise<boolean> {
    const { timezone } = job.schedule;
    const draft = { when, timezone, work: { kind: 'reminder', text: '-' }, origin: call.address } as const;
    const next = await jobs().preview(call.scope, actorOf(call), draft);
    return spacing(next) < spacing(await jobs().plan(call.scope, job.id));
  }

  return {
    async create(call, request) {
      const { when, what, kind = 'prompt' } = request;
      if (when === undefined || what === undefined)
        throw new AppError('bad_input', 'A job needs `when` and `what`. Nothing was made.');
      const work = workOf({ ...request, kind, what });
      const made = await jobs().create(call.scope, actorOf(call), {
        ...detailsOf(request),
        id: idOf(call),
        when,
        work,
        origin: call.address,
        awaits: mustWait(work),
      });
      await tell(call, made);
      return `Made as job ${made.job.id}: ${toldText(made)}`;
    },
    async update(call, name, request) {
      const before = await jobs().get(call.scope, name);
      refusePlanner(call, before);
      const work = changedWork(before.work, request);
      const change = {
        ...detailsOf(request),
        ...(request.when !== undefined && { when: request.when }),
        ...(work && { work }),
      };
      if (Object.keys(change).length === 0)
        throw new AppError('bad_input', 'Say what is to change. Nothing was changed.');
      const isOther =
        work !== undefined || [request.tools, request.deliver, request.capUsd].some((one) => one !== undefined);
      // One that has ended or is paused would begin anew with what was never confirmed.
      const isResting = before.state !== 'active';
      const mustAsk =
        mustWait(work ?? before.work) &&
        (isOther || (request.when !== undefined && (isResting || (await isOftener(call, before, request.when)))));
      const changed = await jobs().update(call.scope, actorOf(call), before.id, {
        ...change,
        ...(mustAsk && { awaits: true }),
      });
      await tell(call, changed);
      return `Changed: ${toldText(changed)}`;
    },
    async act(call, name, action) {
      if (action === 'remove') return `"${(await jobs().remove(call.scope, name)).name}" is removed.`;
      const job = await jobs().get(call.scope, name);
      if (action === 'pause') {
        // It would no longer be known that nobody has confirmed it.
        if (!isWaiting(job)) await jobs().pause(call.scope, job.id);
        return `"${job.name}" is paused.`;
      }
      refuseWaiting(job);
      refusePlanner(call, job);
      refuseStronger(call, job);
      if (action === 'run') {
        await jobs().runNow(call.scope, actorOf(call), job.id);
        return `"${job.name}" runs now; its result goes where its results go.`;
      }
      await jobs().resume(call.scope, actorOf(call), job.id);
      const { nextRunTexts } = await jobs().plan(call.scope, job.id);
      return `"${job.name}" goes on; next: ${nextRunTexts[0] ?? 'never'}.`;
    },
    async list({ scope }) {
      const all = await jobs().list(scope);
      const lines = all.slice(0, SHOWN_JOBS).map((job) => {
        const { timezone, text } = job.schedule;
        const next = job.nextRunAt === undefined ? '' : `, next ${instantText(job.nextRunAt, timezone)}`;
        const state = isWaiting(job) ? 'waits for the person to confirm it' : job.state;
        return `- ${job.id} "${job.name}" (${job.work.kind}, ${state}): ${text} (${timezone})${next}`;
      });
      const broken = (await jobs().broken(scope)).map(
        ({ id, name }) => `- ${id} "${name}" (broken: can only be removed)`,
      );
      const more = all.length > SHOWN_JOBS ? [`… ${all.length - SHOWN_JOBS} more`] : [];
      return all.length + broken.length === 0 ? 'There are no jobs yet.' : [...lines, ...more, ...broken].join('\n');
    },
    async runs({ scope }, job) {
      const runs = await jobs().runs(scope, { job, limit: SHOWN_RUNS });
      const zones = new Map((await jobs().list(scope)).map(({ id, name, schedule }) => [id, { name, ...schedule }]));
      const lines = runs.map(({ job: id, scheduledAt, state, reason, result }) => {
        const { name = id, timezone = 'UTC' } = zones.get(id) ?? {};
        const said = preview(cleanText(reason ?? result ?? ''), MAX_RESULT_CHARS);
        return `- "${name}" ${instantText(scheduledAt, timezone)}: ${state}${said === '' ? '' : `: ${said}`}`;
      });
      return {
        text: lines.length === 0 ? 'No run yet.' : lines.join('\n'),
        // Why a run failed may hold what its command or a service said.
        origin: runs.some(({ resultOrigin, state }) => resultOrigin === 'foreign' || state === 'failed')
          ? 'foreign'
          : 'agent',
      };
    },
  };
}

/** The same call makes one job. */
function idOf({ key }: ScheduleCall): string {
  return key.slice(0, 16);
}

function actorOf({ role, tools }: ScheduleCall): Actor {
  return { role, by: 'agent', tools };
}

function detailsOf({ name, deliver, timezone, tools, capUsd }: ScheduleRequest) {
  return {
    ...(name !== undefined && { name }),
    ...(deliver !== undefined && { deliver }),
    ...(timezone !== undefined && { timezone }),
    ...(tools && { tools }),
    ...(capUsd !== undefined && { capMicroUsd: Math.round(capUsd * 1_000_000) }),
  };
}

function workOf({ kind, what, skills }: Required<Pick<ScheduleRequest, 'kind' | 'what'>> & ScheduleRequest): Work {
  switch (kind) {
    case 'reminder':
      return { kind, text: what ?? '' };
    case 'script':
      return { kind, script: { command: what ?? '' } };
    case 'prompt':
    case undefined:
      return { kind: 'prompt', prompt: what ?? '', ...(skills && { skills }) };
  }
}

/** Undefined: it stays. */
function changedWork(before: Work, { kind, what, skills }: ScheduleRequest): Work | undefined {
  if (kind === undefined && what === undefined && skills === undefined) return undefined;
  if (kind !== undefined && kind !== before.kind) {
    if (what === undefined) throw new AppError('bad_input', 'Another kind needs `what`. Nothing was changed.');
    return workOf({ kind, what, skills });
  }
  switch (before.kind) {
    case 'prompt':
      return { ...before, ...(what !== undefined && { prompt: what }), ...(skills && { skills }) };
    case 'reminder':
      return { ...before, ...(what !== undefined && { text: what }) };
    case 'script':
      return { ...before, ...(what !== undefined && { script: { ...before.script, command: what } }) };
    case 'builtin':
      throw new AppError(
        'not_allowed',
        'What this job does is a part of Herald. Its time may be changed, or it removed.',
      );
  }
}

/** Ms between its next two runs. */
function spacing({ nextRuns: [first, second] }: Pick<JobPlan, 'nextRuns'>): number {
  return first === undefined || second === undefined ? Infinity : second - first;
}

function refuseWaiting(job: Job): void {
  if (isWaiting(job))
    throw new AppError(
      'not_allowed',
      `"${job.name}" waits for the person, who alone confirms it: with the button under its plan, or \`/cron confirm ${job.id}\`. Nothing was run.`,
    );
}

/** Else a job could begin itself again and again: what one begins or changes cannot plan anything. */
function refusePlanner({ isJob }: ScheduleCall, { name, permissions }: Job): void {
  if (isJob && permissions.tools.includes(SCHEDULE_TOOL))
    throw new AppError(
      'not_allowed',
      `"${name}" may plan jobs itself, so no job changes or begins it. Its person can, with /cron. Nothing was changed.`,
    );
}

/** A worker does not do by a job what it may not do itself. */
function refuseStronger({ tools }: ScheduleCall, { name, permissions, work }: Job): void {
  const beyond = work.kind === 'reminder' ? undefined : permissions.tools.find((tool) => !tools.includes(tool));
  if (beyond !== undefined)
    throw new AppError(
      'not_allowed',
      `"${name}" may use ${beyond}, which is not there for you now. The person can run it with /cron. Nothing was run.`,
    );
}

function toldText({ job, plan }: { job: Job; plan: JobPlan }): string {
  const next = plan.nextRunTexts.length === 0 ? '' : `, next ${plan.nextRunTexts.join('; ')}`;
  const fate = isWaiting(job)
    ? 'It has not begun: the person was shown the plan here with a button to confirm it, which you cannot do for them.'
    : 'The person was shown the plan here, with buttons to change or remove it.';
  return `"${plan.name}", ${plan.when}${next}, to ${plan.targets.join(', ')}. ${fate} Do not repeat the plan.`;
}
