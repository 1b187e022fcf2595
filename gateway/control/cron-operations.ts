// Jobs of one person in their own space: what they are, what they did, and what they will do.
import { z } from 'zod';
import { listDmChats } from '../../data/process/chats.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import type { Actor, JobDraft, JobService, Work } from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import { jobView, runView, settingsOf } from '../jobs/view.ts';
import { defineOperation, notRunning, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const DAY_MS = 86_400_000;

export const jobInput = z.string().trim().min(1).max(100);
export const words = (max: number) => z.string().trim().min(1).max(max).optional();

/** What a job does, given apart; exactly one of prompt, reminder and script, beside which a prompt may have a script. */
const workInput = {
  prompt: words(20_000),
  reminder: words(4_000),
  script: words(4_000),
  skills: z.array(z.string().min(1).max(64)).max(5).optional(),
  contextFrom: z.array(jobInput).max(5).optional(),
  memory: z.boolean().optional(),
};

const draftInput = {
  name: words(80),
  when: words(300),
  timezone: words(60),
  deliver: words(500),
  fallback: words(200),
  tools: z.array(z.string().min(1).max(64)).max(100).optional(),
  model: words(200),
  capUsd: z.number().min(0).max(1_000).optional(),
  jitterMinutes: z.number().min(0).max(1_440).optional(),
  quiet: z
    .string()
    .regex(/^\d\d?:\d\d-\d\d?:\d\d$/, 'write quiet hours such as 22:00-07:00')
    .optional(),
  catchUp: z.enum(['skip', 'latest', 'all']).optional(),
  paused: z.boolean().optional(),
};

const runOutput = z.object({
  id: z.string(),
  job: z.string(),
  scheduledAt: z.number(),
  cause: z.string(),
  state: z.string(),
  delivery: z.string(),
  reason: z.string().optional(),
  attempts: z.number(),
  result: z.string().optional(),
  costMicroUsd: z.number(),
  tokens: z.number(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
});

const jobOutput = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  stateReason: z.string().optional(),
  when: z.string(),
  timezone: z.string(),
  kind: z.string(),
  about: z.string(),
  failures: z.number(),
  nextRunAt: z.number().optional(),
  lastRun: runOutput.optional(),
});

const planOutput = z.object({
  name: z.string(),
  when: z.string(),
  nextRuns: z.array(z.number()).readonly(),
  nextRunTexts: z.array(z.string()).readonly(),
  targets: z.array(z.string()).readonly(),
  may: z.array(z.string()).readonly(),
  capMicroUsd: z.number().optional(),
  warnings: z.array(z.string()).readonly(),
});

export const cronOperations = {
  'cron.list': defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.array(jobOutput),
    needsGateway: true,
    async run(context, input) {
      const { jobs, scope } = await openCron(context, input.person, 'cron.list');
      return [...(await jobs.list(scope)), ...(await jobs.broken(scope))].map((job) => jobView(job));
    },
  }),
  'cron.add': defineOperation({
    input: z.strictObject({ person: personInput, ...workInput, ...draftInput }),
    output: z.object({ job: jobOutput, plan: planOutput }),
    needsGateway: true,
    async run(context, { person, ...input }) {
      const { jobs, scope, actor } = await openCron(context, person, 'cron.add');
      const work = readWork(input);
      if (!work) throw new AppError('bad_input', 'What shall it do? Give a prompt, a reminder or a script.');
      const origin = (await listDmChats(context.db, scope.person))[0]?.address;
      if (!origin)
        throw new AppError(
          'not_found',
          'There is no chat yet that results could go to: write to Herald once from the chat that shall get them. Nothing was made.',
        );
      const made = await jobs.create(scope, actor, { ...draftOf(input), work, origin });
      return { job: jobView(await jobs.get(scope, made.job.id)), plan: made.plan };
    },
  }),
  'cron.edit': defineOperation({
    input: z.strictObject({ person: personInput, job: jobInput, ...workInput, ...draftInput }),
    output: z.object({ job: jobOutput, plan: planOutput }),
    needsGateway: true,
    async run(context, { person, job, ...input }) {
      const { jobs, scope, actor } = await openCron(context, person, 'cron.edit');
      const work = changedWork((await jobs.get(scope, job)).work, input);
      const changed = await jobs.update(scope, actor, job, { ...draftOf(input), ...(work && { work }) });
      return { job: jobView(await jobs.get(scope, changed.job.id)), plan: changed.plan };
    },
  }),
  'cron.change': defineOperation({
    input: z.strictObject({ person: personInput, job: jobInput, to: z.enum(['pause', 'resume', 'remove']) }),
    output: jobOutput,
    needsGateway: true,
    async run(context, { person, job, to }) {
      const { jobs, scope, actor } = await openCron(context, person, `cron.${to}`);
      const changed =
        to === 'pause'
          ? await jobs.pause(scope, job)
          : to === 'resume'
            ? await jobs.resume(scope, actor, job)
            : await jobs.remove(scope, job);
      return jobView(changed);
    },
  }),
  'cron.run': defineOperation({
    input: z.strictObject({ person: personInput, job: jobInput }),
    output: runOutput,
    needsGateway: true,
    async run(context, { person, job }) {
      const { jobs, scope, actor } = await openCron(context, person, 'cron.run');
      return runView(await jobs.runNow(scope, actor, job));
    },
  }),
  'cron.runs': defineOperation({
    input: z.strictObject({
      person: personInput,
      job: jobInput.optional(),
      limit: z.int().min(1).max(500).default(20),
    }),
    output: z.array(runOutput.extend({ name: z.string() })),
    needsGateway: true,
    async run(context, { person, job, limit }) {
      const { jobs, scope } = await openCron(context, person, 'cron.runs');
      const names = new Map((await jobs.list(scope)).map(({ id, name }) => [id, name]));
      const runs = await jobs.runs(scope, { job, limit });
      return runs.map((run) => ({ ...runView(run), name: names.get(run.job) ?? run.job }));
    },
  }),
  'cron.next': defineOperation({
    input: z.strictObject({ person: personInput, days: z.number().min(0.01).max(366).default(7) }),
    output: z.array(z.object({ job: z.string(), name: z.string(), at: z.number(), isPlanned: z.boolean() })),
    needsGateway: true,
    async run(context, { person, days }) {
      const { jobs, scope } = await openCron(context, person, 'cron.next');
      const now = context.clock.now();
      return [...(await jobs.calendar(scope, now, now + days * DAY_MS))];
    },
  }),
};

/** Rejects with AppError `gateway_not_running`, and as `resolvePerson`. */
export async function openCron(
  context: ControlContext,
  wanted: string | undefined,
  action: string,
): Promise<{ jobs: JobService; scope: Scope; actor: Actor }> {
  if (!context.jobs) throw notRunning();
  const person = await resolvePerson(context, wanted, action);
  return { jobs: context.jobs, scope: personScope(person.id), actor: { role: person.role, by: 'person' } };
}

interface GivenWork {
  prompt?: string | undefined;
  reminder?: string | undefined;
  script?: string | undefined;
  skills?: string[] | undefined;
  contextFrom?: string[] | undefined;
  memory?: boolean | undefined;
}

/** Undefined when nothing of it is given. */
function readWork({ prompt, reminder, script, skills, contextFrom, memory }: GivenWork): Work | undefined {
  if (reminder !== undefined) {
    if (prompt !== undefined || script !== undefined)
      throw new AppError('bad_input', 'A reminder has no prompt and no script. Nothing was changed.');
    return { kind: 'reminder', text: reminder };
  }
  const command = script === undefined ? undefined : { command: script };
  if (prompt !== undefined) return { kind: 'prompt', prompt, skills, contextFrom, memory, script: command };
  if (skills || contextFrom || memory !== undefined)
    throw new AppError('bad_input', 'Skills, results of other jobs and memory are for a prompt.');
  return command && { kind: 'script', script: command };
}

/** What is not given of a prompt stays as it is. */
function changedWork(before: Work, given: GivenWork): Work | undefined {
  const { prompt, reminder, script, skills, contextFrom, memory } = given;
  if (before.kind !== 'prompt' || reminder !== undefined) return readWork(given);
  if ([prompt, script, skills, contextFrom, memory].every((one) => one === undefined)) return undefined;
  return {
    ...before,
    prompt: prompt ?? before.prompt,
    script: script === undefined ? before.script : { ...before.script, command: script },
    skills: skills ?? before.skills,
    contextFrom: contextFrom ?? before.contextFrom,
    memory: memory ?? before.memory,
  };
}

type GivenDraft = { [Key in keyof typeof draftInput]?: z.output<(typeof draftInput)[Key]> };

function draftOf({
  capUsd,
  jitterMinutes,
  quiet,
  catchUp,
  ...given
}: GivenDraft & GivenWork): Omit<JobDraft, 'work' | 'origin'> {
  const { name, when, timezone, deliver, fallback, tools, model, paused } = given;
  const [from, to] = quiet?.split('-') ?? [];
  return settingsOf({
    name,
    when,
    timezone,
    deliver,
    fallback,
    tools,
    model,
    paused,
    capUsd,
    jitterMs: jitterMinutes === undefined ? undefined : Math.round(jitterMinutes * 60_000),
    quiet: from !== undefined && to !== undefined ? { from, to } : undefined,
    policy: catchUp && { catchUp },
  });
}
