// Jobs of one person as panels show them.
import { checkWork } from '../../adapters/panels/inputs.ts';
import type { JobChangeInput, JobInput, JobsPanel, JobView, PlanView, RunView } from '../../adapters/panels/port.ts';
import type { Scope } from '../../data/scope.ts';
import type { Actor, Job, JobChange, JobDraft, JobPlan, JobService, Occurrence, Work } from '../../scheduler/types.ts';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import type { Address } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import { jobView, runView, settingsOf } from '../jobs/view.ts';

/** Of what a job says, in a list. */
const LISTED_CHARS = 300;
const RESULT_CHARS = 4_000;
const MAX_RUNS = 100;
const MAX_SPAN_MS = 366 * 86_400_000;

export interface JobsPanelInput {
  jobs: JobService;
  scope: Scope;
  actor: Actor;
  /** Rejects with AppError `not_found` when there is no chat that results could go to. */
  origin(): Promise<Address>;
  /** Whether it is the chat that is asked from. */
  isHere(address: Address): boolean;
  /** What the person has chosen for themselves. */
  timezone(): Promise<string | undefined>;
}

export function openJobsPanel(input: JobsPanelInput): JobsPanel {
  const { jobs, scope, actor } = input;
  const draftOf = async (given: JobInput): Promise<JobDraft> => {
    checkWork(given);
    const work = workOf(given);
    if (!work) throw new AppError('bad_input', 'What shall it do? Nothing was made.');
    const timezone = (await input.timezone()) ?? given.timezone;
    const id = given.key === undefined ? undefined : idOf(scope, given.key);
    return { ...settingsIn(given), id, work, timezone, origin: await input.origin() };
  };
  const shown = async ({ id, origin }: Job, plan: JobPlan) => ({
    job: shownJob(await jobs.get(scope, id)),
    plan: planView(input, origin, plan),
  });
  return {
    async list() {
      return [...(await jobs.list(scope)), ...(await jobs.broken(scope))].map(listed);
    },
    async get(name) {
      const job = await jobs.get(scope, name);
      return { job: shownJob(job), plan: planView(input, job.origin, await jobs.plan(scope, job.id)) };
    },
    async preview(given) {
      const draft = await draftOf(given);
      return planView(input, draft.origin, await jobs.preview(scope, actor, draft));
    },
    async create(given) {
      const made = await jobs.create(scope, actor, await draftOf(given));
      return shown(made.job, made.plan);
    },
    async change(name, given) {
      if (given.prompt !== undefined || given.reminder !== undefined) checkWork(given);
      const changed = await jobs.update(scope, actor, name, await changeOf(input, name, given));
      return shown(changed.job, changed.plan);
    },
    pause: async (name) => refreshed(input, await jobs.pause(scope, name)),
    resume: async (name) => refreshed(input, await jobs.resume(scope, actor, name)),
    remove: async (name) => shownJob(await jobs.remove(scope, name)),
    runNow: async (name) => shownRun(await jobs.runNow(scope, actor, name)),
    async runs({ job, limit }) {
      return (await jobs.runs(scope, { job, limit: Math.min(limit, MAX_RUNS) })).map(shownRun);
    },
    async calendar(from, to) {
      if (!(to > from) || to - from > MAX_SPAN_MS)
        throw new AppError('bad_input', 'A calendar goes from an instant to a later one, 366 days at most.');
      return jobs.calendar(scope, from, to);
    },
  };
}

const shownJob = (job: Parameters<typeof jobView>[0]): JobView => jobView(job, RESULT_CHARS);
const shownRun = (run: Occurrence): RunView => runView(run, RESULT_CHARS);

function listed(job: Parameters<typeof jobView>[0]): JobView {
  const view = shownJob(job);
  return { ...view, about: preview(view.about, LISTED_CHARS) };
}

/** Of this person alone: others may use the same key. */
function idOf({ person }: Scope, key: string): string {
  return sha256Hex(`job ${person} ${key}`, 26);
}

async function refreshed({ jobs, scope }: JobsPanelInput, { id }: Job): Promise<JobView> {
  return shownJob(await jobs.get(scope, id));
}

/** Another text keeps what else belongs to the work: its script, its skills. */
async function changeOf({ jobs, scope }: JobsPanelInput, name: string, given: JobChangeInput): Promise<JobChange> {
  const { timezone } = given;
  const change: JobChange = { ...settingsIn(given), ...(timezone !== undefined && { timezone }) };
  const wanted = workOf(given);
  if (!wanted) return change;
  const before = (await jobs.get(scope, name)).work;
  const work = wanted.kind === 'prompt' && before.kind === 'prompt' ? { ...before, prompt: wanted.prompt } : wanted;
  return { ...change, work };
}

function settingsIn({ name, when, deliver, capUsd }: JobChangeInput): Pick<JobDraft, 'name' | 'when' | 'deliver'> {
  return settingsOf({ name, when, deliver, capUsd });
}

function workOf({ prompt, reminder }: JobChangeInput): Extract<Work, { kind: 'prompt' | 'reminder' }> | undefined {
  if (prompt !== undefined) return { kind: 'prompt', prompt };
  return reminder === undefined ? undefined : { kind: 'reminder', text: reminder };
}

/** A plan says "here" of the chat in which the job was made, which is another one than this when it was made elsewhere. */
function planView({ isHere }: JobsPanelInput, origin: Address, plan: JobPlan): PlanView {
  const { name, when, nextRuns, nextRunTexts, may, capMicroUsd, warnings } = plan;
  const elsewhere = origin.kind === 'group' ? 'the group in which it was made' : `your ${origin.platform} chat`;
  const isOrigin = (target: string) => target === 'here' || target === 'this group';
  const targets = isHere(origin) ? plan.targets : plan.targets.map((one) => (isOrigin(one) ? elsewhere : one));
  return { name, when, nextRuns, nextRunTexts, targets, may, capMicroUsd, warnings };
}
