// Runs work that no turn asked for, such as a scheduled prompt: a turn of its own with its own journal. The same key goes on after a crash
// where it was, and gives its result again when it has ended.
import { z } from 'zod';
import type { Scope } from '../../data/scope.ts';
import { sumTurn } from '../../data/usage.ts';
import { addTask, beginTask, endTask, findTask, type Task } from '../../data/work/tasks.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { inboxId, sessionId, turnId, type TurnId } from '../../shared/ids.ts';
import { fileSchema } from '../journal.ts';
import type { AgentParts } from '../parts.ts';
import type { AgentJob, AgentJobEnd, AgentJobs, AgentTurn, TurnResult } from '../port.ts';

/** A job that was running in this many ends of the process is not begun again. */
const MAX_ATTEMPTS = 5;
const MAX_RESULT_CHARS = 100_000;
/** Of the one task of a key. */
const TASK_KEY = 'job';

const JOB_PROMPT =
  'You run as a scheduled job. Nobody is there to answer questions: decide, and say what you assumed. Your last answer is delivered as it ' +
  'is, so give the result alone, without a report of how you got there. When there is nothing worth telling, answer exactly [SILENT].';

const resultSchema = z.object({
  text: z.string(),
  origin: z.enum(['owner', 'member', 'agent', 'foreign']),
  files: z.array(fileSchema).default([]),
  errorCode: z.string().optional(),
  hadEffects: z.boolean().optional(),
});
type StoredResult = z.output<typeof resultSchema>;

const specSchema = z.object({ tainted: z.boolean(), skills: z.array(z.string()).default([]) });

export interface JobRunner extends AgentJobs {
  /** What a turn and its workers may cost, when a job says so. */
  capOf(turn: TurnId): number | undefined;
}

export function makeJobRunner(ports: {
  /** The turn's function (agent/turn.ts); never rejects. */
  runTurn(parts: AgentParts, turn: AgentTurn, signal: AbortSignal): Promise<TurnResult>;
  parts(): AgentParts;
}): JobRunner {
  const caps = new Map<TurnId, number>();

  async function run(job: AgentJob, signal: AbortSignal): Promise<AgentJobEnd> {
    const parts = ports.parts();
    const root = rootOf(job);
    const task = (await findTask(parts.db, job.scope, { turn: root, key: TASK_KEY })) ?? (await make(job, signal));
    if (!task) return { ...(await spent(job.scope, root)), state: 'skipped', text: '', files: [], origin: 'agent' };
    const begun = await beginTask(parts.db, job.scope, task.id);
    if (!begun?.own) return ended(job.scope, root, task);
    if (begun.attempts > MAX_ATTEMPTS)
      return end(job.scope, begun, 'failed', {
        text: 'It ended the process several times and was set aside.',
        origin: 'agent',
        files: [],
        errorCode: 'internal',
      });
    if (job.capMicroUsd !== undefined) caps.set(root, job.capMicroUsd);
    try {
      const result = await ports.runTurn(parts, turnOf(job, begun), signal);
      if (result.end !== 'done' && isParked(signal))
        return { ...(await spent(job.scope, root)), state: 'cut', text: '', files: [], origin: 'agent' };
      const stored = { ...storedOf(begun, result), hadEffects: await hadEffects(parts, result) };
      return await end(job.scope, begun, result.end === 'done' ? 'done' : 'failed', stored);
    } finally {
      caps.delete(root);
    }
  }

  async function make(job: AgentJob, signal: AbortSignal): Promise<Task | undefined> {
    const { db } = ports.parts();
    const prompt = await job.prompt(signal);
    if (!prompt) return undefined;
    const root = rootOf(job);
    return addTask(db, job.scope, {
      root,
      parent: undefined,
      session: sessionId(''),
      turn: root,
      key: TASK_KEY,
      address: job.address,
      name: job.name,
      preset: '',
      goal: prompt.text,
      spec: JSON.stringify({ tainted: prompt.origin === 'foreign', skills: job.skills }),
      depth: 0,
      background: false,
    });
  }

  async function end(scope: Scope, task: Task, state: 'done' | 'failed', result: StoredResult): Promise<AgentJobEnd> {
    await endTask(ports.parts().db, scope, task.id, { state, result: JSON.stringify(result) });
    return { ...(await spent(scope, task.root)), ...result, state };
  }

  /** It ended before: in an earlier process, or somebody stopped it. */
  async function ended(scope: Scope, root: TurnId, task: Task): Promise<AgentJobEnd> {
    const known = (await findTask(ports.parts().db, scope, { turn: root, key: TASK_KEY })) ?? task;
    const result = resultSchema.parse(JSON.parse(known.result ?? '{"text":"Stopped.","origin":"agent"}'));
    return { ...(await spent(scope, root)), ...result, state: known.state === 'done' ? 'done' : 'failed' };
  }

  async function spent(scope: Scope, root: TurnId): Promise<Pick<AgentJobEnd, 'costMicroUsd' | 'tokens'>> {
    const { microUsd, tokens } = await sumTurn(ports.parts().db, scope, root);
    return { costMicroUsd: microUsd, tokens };
  }

  return {
    capOf: (turn) => caps.get(turn),
    async run(job, signal) {
      try {
        return await run(job, signal);
      } catch (error) {
        const nothing = { text: '', files: [], origin: 'agent', costMicroUsd: 0, tokens: 0 } as const;
        if (isParked(signal)) return { ...nothing, state: 'cut' };
        const failure = asAppError(error);
        ports.parts().log.warn({ err: failure, job: job.key }, 'a job failed before or outside of its turn');
        return { ...nothing, state: 'failed', text: failure.publicMessage, errorCode: failure.code };
      }
    },
  };
}

/** The process ends, and the job goes on with the next one. */
function isParked(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof AppError && signal.reason.retryable;
}

/** Stands for the turn that asked; what the job and its workers spend counts there. */
function rootOf({ key }: AgentJob): TurnId {
  return turnId(`job.${key}`);
}

/** Calls whose effect is not known to be harmless count, whether or not they say that they failed. */
async function hadEffects(parts: AgentParts, { transcript }: TurnResult): Promise<boolean> {
  const harmless = (await parts.tools()).filter(({ effect }) => effect === 'pure' || effect === 'idempotent');
  const names = new Set(harmless.map(({ name }) => name));
  return transcript.some((entry) => entry.role === 'tool' && !names.has(entry.name));
}

function storedOf(task: Task, result: TurnResult): StoredResult {
  const isTainted =
    specSchema.parse(JSON.parse(task.spec)).tainted ||
    result.transcript.some((entry) => 'origin' in entry && entry.origin === 'foreign');
  return {
    text: result.text.slice(0, MAX_RESULT_CHARS),
    origin: isTainted ? 'foreign' : 'agent',
    files: [...result.files],
    ...(result.errorCode !== undefined && { errorCode: result.errorCode }),
  };
}

function turnOf(job: AgentJob, task: Task): AgentTurn {
  const { tainted, skills } = specSchema.parse(JSON.parse(task.spec));
  const own = task.own ?? { session: task.session, turn: task.turn };
  const skillLine =
    skills.length === 0 ? '' : `Work by these skills; read each before you begin: ${skills.join(', ')}.`;
  return {
    id: own.turn,
    session: own.session,
    scope: job.scope,
    person: job.scope.person,
    role: job.role,
    address: job.address,
    promptHint: '',
    chatPrompt: [JOB_PROMPT, skillLine].filter((part) => part !== '').join(' '),
    // Named by its person, so they are there even where the chat has switched them off.
    chatSkills: Object.fromEntries(skills.map((name) => [name, 'on'] as const)),
    inputs: [
      {
        inbox: inboxId(`job:${task.id}`),
        text: task.goal,
        files: [],
        author: 'Herald',
        origin: tainted ? 'foreign' : 'agent',
        sentAt: task.createdAt,
      },
    ],
    model: job.model,
    personality: undefined,
    worker: {
      task: task.id,
      name: task.name,
      root: task.root,
      depth: 0,
      tools: job.tools,
      tainted,
      isJob: true,
      knowsPerson: job.memory !== false,
    },
    resumed: task.attempts > 1,
    steer: async () => [],
    emit: () => undefined,
  };
}
