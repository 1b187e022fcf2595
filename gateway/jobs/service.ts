// What commands, tools and pages may do with jobs. Loaded with the first job: what it needs is not light.
import type { ProcessDb } from '../../data/db.ts';
import { newRowId } from '../../data/row-id.ts';
import { addJob, changeJob, findJob, listJobs, type JobRowChange } from '../../data/schedule/jobs.ts';
import { addOccurrence, listOccurrences } from '../../data/schedule/occurrences.ts';
import type { JobRow } from '../../data/schedule/rows.ts';
import type { Scope } from '../../data/scope.ts';
import type { Runner } from '../../scheduler/ports.ts';
import { nextAfter, nextRun } from '../../scheduler/schedule/next.ts';
import { jobOf, jobTexts, occurrenceOf, readableJob, UNREADABLE, type JobParts } from '../../scheduler/stored.ts';
import type {
  Actor,
  BrokenJob,
  CalendarEntry,
  Job,
  JobChange,
  JobDraft,
  JobService,
  JobWithNext,
} from '../../scheduler/types.ts';
import { isWaiting, WAITS } from '../../scheduler/waiting.ts';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';
import { mustConfirm, type CheckPorts } from './checks.ts';
import {
  namesOf,
  narrowed,
  planOf,
  readDraft,
  requireScriptTool,
  withDefaults,
  type DraftPorts,
  zoneOf,
} from './draft.ts';

/** Of one person in one space. */
const MAX_JOBS = 200;
const MAX_CALENDAR = 500;
const MAX_CALENDAR_PER_JOB = 200;

export interface ServicePorts extends DraftPorts, Omit<CheckPorts, 'hasJob'> {
  db: ProcessDb;
  runner: Pick<Runner, 'wake' | 'stopJob'>;
}

export function makeJobService(given: ServicePorts): JobService {
  const { db, runner } = given;
  const ports = {
    ...given,
    hasJob: async (scope: Scope, name: string) => (await findJob(db, scope, name)) !== undefined,
  };
  const now = () => db.clock.now();

  async function require(scope: Scope, idOrName: string): Promise<JobRow> {
    const row = await findJob(db, scope, idOrName);
    if (row) return row;
    const names = (await listJobs(db, scope)).slice(0, 10).map(({ name }) => `"${name}"`);
    throw new AppError(
      'not_found',
      `There is no job "${preview(idOrName, 60)}". ${names.length === 0 ? 'There are none yet.' : `There are: ${names.join(', ')}.`}`,
    );
  }

  async function change(scope: Scope, id: string, to: JobRowChange): Promise<JobRow> {
    const row = await changeJob(db, scope, id, to);
    if (!row) throw new AppError('not_found', 'The job is gone. Nothing was changed.');
    runner.wake();
    return row;
  }

  async function changed(scope: Scope, id: string, to: JobRowChange): Promise<Job> {
    return jobOf(await change(scope, id, to));
  }

  async function withNext(scope: Scope, row: JobRow, job = jobOf(row)): Promise<JobWithNext> {
    const [next] = await listOccurrences(db, scope, { job: row.id, state: 'open', limit: 1 });
    const [last] = await listOccurrences(db, scope, { job: row.id, limit: 1 });
    return { ...job, nextRunAt: next?.next_at ?? undefined, lastRun: last && occurrenceOf(last) };
  }

  function refuseGuest({ role }: Actor): void {
    if (role === 'guest') throw new AppError('not_allowed', 'Guests cannot run jobs. Nothing was run.');
  }

  return {
    timezone: ({ person }) => zoneOf(given, person),
    async preview(scope, actor, draft) {
      const taken = namesOf(await listJobs(db, scope));
      const parts = withDefaults(ports, await readDraft(ports, draft, { scope, actor, now: now(), taken }));
      return planOf(ports, parts, { scope, now: now(), key: '' });
    },
    async create(scope, actor, draft) {
      const rows = await listJobs(db, scope);
      const known = rows.find((row) => row.id === draft.id);
      if (known)
        return { job: jobOf(known), plan: await planOf(ports, jobOf(known), { scope, now: now(), key: known.id }) };
      if (rows.filter(({ state }) => state !== 'done').length >= MAX_JOBS)
        throw new AppError('not_allowed', `You have ${MAX_JOBS} jobs already, which is the most. Remove one first.`);
      const read = await readDraft(ports, draft, { scope, actor, now: now(), taken: namesOf(rows) });
      const parts = withDefaults(ports, read);
      const awaits = draft.awaits || (await mustConfirm(ports, parts, { scope, actor }));
      const id = checkId(draft.id) ?? newRowId(now());
      const first = draft.paused ? undefined : nextAfter(parts.schedule, now(), id);
      const row = await addJob(db, scope, {
        ...jobTexts(parts),
        id,
        state: draft.paused || awaits ? 'paused' : 'active',
        stateReason: awaits ? WAITS : undefined,
        first: first && { ...first, cause: 'schedule' },
      });
      runner.wake();
      return { job: jobOf(row), plan: await planOf(ports, jobOf(row), { scope, now: now(), key: row.id }) };
    },
    async update(scope, actor, name, change) {
      const row = await require(scope, name);
      const before = jobOf(row);
      const taken = namesOf(await listJobs(db, scope), row.id);
      const draft = draftOf(before, change);
      const read = await readDraft(ports, draft, { scope, actor, now: now(), taken });
      const kept = keptParts(read, before, change);
      const permissions = narrowed(kept.permissions, before.permissions, actor);
      const isAgents = actor.by === 'agent' && change.work !== undefined;
      const parts: JobParts = { ...kept, permissions, createdBy: isAgents ? 'agent' : before.createdBy };
      // Those that the job keeps, not those of whoever changes it.
      requireScriptTool(ports, parts);
      const isActive =
        change.paused === undefined ? before.state === 'active' || before.state === 'done' : !change.paused;
      const isOther = change.work !== undefined || change.condition !== undefined;
      const mustAsk = isOther && (await mustConfirm(ports, parts, { scope, actor }));
      const awaits = mustAsk || (change.awaits ?? (!isActive && isWaiting(before)));
      const next = isActive || awaits ? nextAfter(parts.schedule, now(), row.id) : undefined;
      const job = await changed(scope, row.id, {
        ...jobTexts(parts),
        state: isActive && !awaits ? (next || parts.schedule.rule.kind === 'trigger' ? 'active' : 'done') : 'paused',
        state_reason: awaits ? WAITS : null,
        next: next ? { ...next, cause: 'schedule' } : null,
      });
      return { job, plan: await planOf(ports, parts, { scope, now: now(), key: row.id }) };
    },
    async plan(scope, name) {
      const job = jobOf(await require(scope, name));
      return planOf(ports, job, { scope, now: now(), key: job.id });
    },
    async pause(scope, name, reason) {
      const job = jobOf(await require(scope, name));
      // It must stay known that nobody has confirmed it.
      const why = isWaiting(job) ? WAITS : (reason ?? null);
      const change = { state_reason: why, next: null, skipped: 'the job was paused' };
      return changed(scope, job.id, { ...change, state: 'paused' });
    },
    async resume(scope, actor, name) {
      refuseGuest(actor);
      const row = await require(scope, name);
      const job = jobOf(row);
      const next = nextAfter(job.schedule, now(), job.id);
      if (!next && isWaiting(job) && isRecent(job)) {
        // Two who confirm it at once begin one run.
        const triggerKey = `confirmed ${job.updatedAt}`;
        await addOccurrence(db, scope, row.id, { scheduledAt: now(), dueAt: now(), cause: 'manual', triggerKey });
        return changed(scope, row.id, { state: 'done', state_reason: null, next: null });
      }
      if (!next && job.schedule.rule.kind !== 'trigger')
        throw new AppError('bad_input', `The time of "${job.name}" is over. Give it another one, or run it now.`);
      return changed(scope, row.id, {
        state: 'active',
        state_reason: null,
        failures: 0,
        alerted_at: null,
        next: next ? { ...next, cause: 'schedule' } : null,
      });
    },
    async runNow(scope, actor, name) {
      refuseGuest(actor);
      const { id } = jobOf(await require(scope, name));
      const at = now();
      const run = await addOccurrence(db, scope, id, { scheduledAt: at, dueAt: at, cause: 'manual' });
      if (!run) throw new AppError('not_found', 'The job is gone. Nothing was run.');
      runner.wake();
      return occurrenceOf(run);
    },
    async trigger(scope, name, input) {
      const row = await require(scope, name);
      if (row.state !== 'active')
        throw new AppError('not_allowed', `The job "${row.name}" is ${row.state}. Nothing was run.`);
      const at = now();
      const { key, ...said } = input;
      const run = { scheduledAt: at, dueAt: at, cause: 'trigger', triggerKey: key.slice(0, 100), input: said } as const;
      const made = await addOccurrence(db, scope, row.id, run);
      if (made) runner.wake();
      return made && occurrenceOf(made);
    },
    async remove(scope, name) {
      const { id } = await require(scope, name);
      const row = await change(scope, id, { state: 'removed', next: null, skipped: 'the job was removed' });
      runner.stopJob(id);
      return readableJob(row) ?? brokenOf(row);
    },
    async get(scope, name) {
      return withNext(scope, await require(scope, name));
    },
    async list(scope) {
      const found: JobWithNext[] = [];
      for (const row of await listJobs(db, scope)) {
        const job = readableJob(row);
        if (job) found.push(await withNext(scope, row, job));
      }
      return found;
    },
    async broken(scope) {
      return (await listJobs(db, scope)).filter((row) => !readableJob(row)).map(brokenOf);
    },
    async runs(scope, { job, limit }) {
      const id = job === undefined ? undefined : (await require(scope, job)).id;
      return (await listOccurrences(db, scope, { job: id, limit: Math.min(limit, 500) })).map(occurrenceOf);
    },
    async calendar(scope, from, to) {
      const entries: CalendarEntry[] = [];
      for (const row of await listJobs(db, scope))
        if (row.state === 'active') entries.push(...(await foreseen(scope, row, { from, to })));
      return entries.sort((a, b) => a.at - b.at).slice(0, MAX_CALENDAR);
    },
  };

  /** What was to run once, not too long ago. */
  function isRecent({ schedule: { rule }, policy }: Job): boolean {
    return rule.kind === 'once' && now() - rule.at <= policy.maxLateMs;
  }

  async function foreseen(
    scope: Scope,
    row: JobRow,
    { from, to }: { from: number; to: number },
  ): Promise<readonly CalendarEntry[]> {
    const job = readableJob(row);
    // Nothing of it will run.
    if (!job) return [];
    const open = await listOccurrences(db, scope, { job: row.id, state: 'open', limit: MAX_CALENDAR_PER_JOB });
    const known = new Set(open.map((one) => one.scheduled_at));
    const entry = (at: number, isPlanned: boolean) => ({ job: row.id, name: row.name, at, isPlanned });
    const entries = open.map((one) => entry(one.next_at ?? one.due_at, true));
    let run = nextAfter(job.schedule, Math.max(from - 1, now()), row.id);
    for (
      ;
      run && run.dueAt < to && entries.length < MAX_CALENDAR_PER_JOB;
      run = nextRun(job.schedule, run.scheduledAt, row.id)
    )
      if (!known.has(run.scheduledAt)) entries.push(entry(run.dueAt, false));
    return entries.filter(({ at }) => at >= from && at < to);
  }
}

function brokenOf({ id, name, created_at: createdAt }: JobRow): BrokenJob {
  return { id, name, state: 'broken', stateReason: `${UNREADABLE}; remove it (${id}) and make it anew`, createdAt };
}

function checkId(id: string | undefined): string | undefined {
  if (id === undefined || /^[0-9A-Za-z]{1,26}$/.test(id)) return id;
  throw new AppError('bad_input', 'The id of a job has up to 26 letters and digits. Nothing was made.');
}

/** The job as a draft, with what is to change. */
function draftOf(job: Job, change: JobChange): JobDraft {
  const { schedule, permissions } = job;
  return {
    name: job.name,
    // What is not changed is kept as it stands, so it is not read anew.
    when: undefined,
    timezone: schedule.timezone,
    jitterMs: schedule.jitterMs,
    quiet: schedule.quiet,
    window: schedule.window,
    work: job.work,
    condition: job.condition,
    deliver: 'none',
    model: permissions.model,
    capMicroUsd: permissions.capMicroUsd,
    policy: job.policy,
    origin: job.origin,
    ...change,
  };
}

function keptParts(read: JobParts, before: Job, change: JobChange): JobParts {
  const { rule, text } = before.schedule;
  const isNewTime = change.when !== undefined;
  const tools = change.tools === undefined ? before.permissions.tools : read.permissions.tools;
  return {
    ...read,
    schedule: isNewTime ? read.schedule : { ...read.schedule, rule, text },
    delivery:
      change.deliver === undefined
        ? { ...before.delivery, ...(change.fallback !== undefined && { fallback: read.delivery.fallback }) }
        : read.delivery,
    permissions: { ...read.permissions, tools },
  };
}
