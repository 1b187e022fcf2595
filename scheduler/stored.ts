// Jobs and occurrences as rows, and back. What stands in their JSON columns was written by Herald, and is checked all the same.
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { storedAddress } from '../data/process/chats.ts';
import type { Address } from '../shared/messages.ts';
import type { JobRow, JobTexts, OccurrenceRow } from '../data/schedule/rows.ts';
import { parseFiles } from '../data/messages.ts';
import type {
  Condition,
  Delivery,
  FailureClass,
  Job,
  JobPermissions,
  Occurrence,
  Policy,
  Schedule,
  Work,
} from './types.ts';

const ruleSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cron'), expressions: z.array(z.string()).min(1) }),
  z.object({ kind: z.literal('interval'), everyMs: z.number().positive(), anchor: z.number() }),
  z.object({ kind: z.literal('once'), at: z.number() }),
  z.object({ kind: z.literal('trigger') }),
]);

const scheduleSchema = z.object({
  rule: ruleSchema,
  text: z.string(),
  timezone: z.string(),
  jitterMs: z.number().optional(),
  quiet: z.object({ from: z.string(), to: z.string() }).optional(),
  window: z.object({ startsAt: z.number().optional(), endsAt: z.number().optional() }).optional(),
});

const scriptSchema = z.object({
  command: z.string(),
  timeoutMs: z.number().optional(),
  network: z.boolean().optional(),
});

const workSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('prompt'),
    prompt: z.string(),
    skills: z.array(z.string()).optional(),
    script: scriptSchema.optional(),
    contextFrom: z.array(z.string()).optional(),
    memory: z.boolean().optional(),
    goal: z.object({ dayCapMicroUsd: z.number().optional() }).optional(),
  }),
  z.object({ kind: z.literal('reminder'), text: z.string() }),
  z.object({ kind: z.literal('script'), script: scriptSchema }),
  z.object({ kind: z.literal('builtin'), name: z.string(), input: z.string().optional() }),
]);

const conditionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('script'), script: scriptSchema }),
  z.object({ kind: z.literal('file'), path: z.string(), is: z.enum(['present', 'missing']) }),
]);

const targetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('origin') }),
  z.object({ kind: z.literal('platform'), platform: z.string() }),
  z.object({ kind: z.literal('chat'), address: storedAddress }),
  z.object({ kind: z.literal('name'), name: z.string() }),
  z.object({ kind: z.literal('all') }),
  z.object({ kind: z.literal('last-active') }),
]);

const deliverySchema = z.object({ targets: z.array(targetSchema), fallback: targetSchema.optional() });

const permissionsSchema = z.object({
  role: z.enum(['owner', 'admin', 'member', 'guest']),
  tools: z.array(z.string()),
  model: z.string().optional(),
  capMicroUsd: z.number().optional(),
});

const policySchema = z.object({
  catchUp: z.enum(['skip', 'latest', 'all']),
  maxLateMs: z.number(),
  rerun: z.enum(['resume', 'never']),
  retries: z.number(),
  overlap: z.enum(['skip', 'wait']),
  timeoutMs: z.number(),
});

const authorSchema = z.enum(['person', 'agent', 'herald']);
const failureSchema = z.enum(['transient', 'blocked', 'budget', 'permanent', 'lost']);

/** What of a job is stored as text. */
export interface JobParts {
  name: string;
  schedule: Schedule;
  work: Work;
  condition: Condition | undefined;
  delivery: Delivery;
  permissions: JobPermissions;
  policy: Policy;
  origin: Address;
  createdBy: Job['createdBy'];
}

export function jobTexts(job: JobParts): JobTexts {
  return {
    name: job.name,
    schedule: JSON.stringify(job.schedule),
    work: JSON.stringify(job.work),
    condition: job.condition === undefined ? null : JSON.stringify(job.condition),
    delivery: JSON.stringify(job.delivery),
    permissions: JSON.stringify(job.permissions),
    policy: JSON.stringify(job.policy),
    origin: JSON.stringify(job.origin),
    created_by: job.createdBy,
  };
}

/** Why a job is set aside that cannot be read. */
export const UNREADABLE = 'it cannot be read as it is stored';

/** Undefined for a row that cannot be read. */
export function readableJob(row: JobRow): Job | undefined {
  try {
    return jobOf(row);
  } catch {
    return undefined;
  }
}

/** Throws AppError `internal` for a row that cannot be read. */
export function jobOf(row: JobRow): Job {
  try {
    return {
      id: row.id,
      name: row.name,
      person: row.person_id,
      space: row.space_id,
      state: row.state,
      stateReason: row.state_reason ?? undefined,
      schedule: scheduleSchema.parse(JSON.parse(row.schedule)),
      work: workSchema.parse(JSON.parse(row.work)),
      condition: row.condition === null ? undefined : conditionSchema.parse(JSON.parse(row.condition)),
      delivery: deliverySchema.parse(JSON.parse(row.delivery)),
      permissions: permissionsSchema.parse(JSON.parse(row.permissions)),
      policy: policySchema.parse(JSON.parse(row.policy)),
      origin: storedAddress.parse(JSON.parse(row.origin)),
      createdBy: authorSchema.parse(row.created_by),
      failures: row.failures,
      alertedAt: row.alerted_at ?? undefined,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  } catch (cause) {
    throw new AppError(
      'internal',
      `The job "${row.name}" cannot be read as it is stored. It is kept and does not run; remove it (${row.id}) and make it anew.`,
      { cause },
    );
  }
}

export function occurrenceOf(row: OccurrenceRow): Occurrence {
  const { data: failure } = failureSchema.safeParse(row.failure);
  return {
    id: row.id,
    job: row.job_id,
    scheduledAt: row.scheduled_at,
    dueAt: row.due_at,
    nextAt: row.next_at ?? undefined,
    cause: row.cause,
    state: row.state,
    reason: row.reason ?? undefined,
    failure: failure satisfies FailureClass | undefined,
    errorCode: row.error_code ?? undefined,
    delivery: row.delivery,
    attempts: row.attempts,
    failures: row.failures,
    interruptions: row.interruptions,
    input: row.input === null ? undefined : { text: row.input, origin: row.input_origin ?? 'foreign' },
    result: row.result ?? undefined,
    resultOrigin: row.result_origin ?? undefined,
    files: parseFiles(row.files),
    costMicroUsd: row.cost_micro_usd,
    tokens: row.tokens,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
  };
}
