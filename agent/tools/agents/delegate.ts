// Handing work to workers, and looking after them. Called again after a restart, delegate_task finds the tasks that it made.
import { z } from 'zod';
import { addTask, getTask, listTasks, steerTask, type Task } from '../../../data/work/tasks.ts';
import { FORWARD_MARK } from '../../../shared/messages.ts';
import { preview } from '../../../shared/text.ts';
import { isLive, type TaskPlace, type TaskRunner } from '../../subagents/runner.ts';
import { readResult, type Preset, type TaskSpec } from '../../subagents/spec.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';

const MAX_TASKS = 8;
const HOUR_MS = 3_600_000;

export interface DelegateDeps {
  /** Throws AppError `tool_unavailable` where none run. */
  runner(): TaskRunner;
  /** By name; asked at each call. */
  presets(): Readonly<Record<string, Preset>>;
  /** Levels of workers below a person's turn. */
  maxDepth(): number;
}

export function makeDelegateTools(deps: DelegateDeps): readonly Tool[] {
  return [delegateTool(deps), workerTool(deps)];
}

function delegateTool(deps: DelegateDeps): Tool {
  return defineTool({
    name: 'delegate_task',
    description: 'Give independent work to workers with a fresh context, in parallel; they know only what you write.',
    parameters: z.strictObject({
      tasks: z
        .array(
          z.strictObject({
            goal: z.string().trim().min(1).max(8_000),
            context: z.string().max(40_000).optional(),
            name: z.string().trim().min(1).max(40).optional(),
            preset: z.string().max(40).optional().describe('general, research, review …'),
          }),
        )
        .min(1)
        .max(MAX_TASKS),
      background: z.boolean().optional().describe('Results come later as messages'),
    }),
    effect: 'idempotent',
    // The workers' own calls are asked about one by one.
    touches: [],
    origin: 'agent',
    toolset: 'agents',
    available: ({ role }) => role !== 'guest',
    timeoutMs: ({ background }) => (background ? 60_000 : HOUR_MS),
    summarize: ({ tasks }) => `giving ${tasks.length === 1 ? 'work to a worker' : `work to ${tasks.length} workers`}`,
    async execute({ tasks, background = false }, context) {
      const { tree } = context;
      if (tree.depth >= deps.maxDepth())
        return { text: 'Workers of this level may not have workers of their own. Do it yourself.', isError: true };
      const presets = deps.presets();
      const unknown = tasks.find(({ preset }) => preset !== undefined && !Object.hasOwn(presets, preset));
      if (unknown)
        return {
          text: `There is no preset "${unknown.preset}". There are: ${Object.keys(presets).join(', ')}.`,
          isError: true,
        };
      const place: TaskPlace = { scope: context.scope, role: context.role, address: context.address };
      const made: Task[] = [];
      for (const [i, task] of tasks.entries()) {
        const preset = presets[task.preset ?? 'general'];
        const spec: TaskSpec = {
          context: task.context ?? '',
          tainted: context.tainted,
          prompt: preset?.prompt ?? '',
          ...(preset?.tools && { tools: [...preset.tools] }),
          ...(preset?.model !== undefined && { model: preset.model }),
          // What a job may not do itself, it does not have done.
          ...((tree.isJob === true || tree.within) && { within: [...context.calls.names] }),
        };
        made.push(
          await addTask(context.db, context.scope, {
            root: tree.root,
            parent: tree.task,
            session: context.session,
            turn: context.turn,
            key: `${context.idempotencyKey}.${i}`,
            address: context.address,
            name: task.name ?? `worker ${i + 1}`,
            preset: task.preset ?? 'general',
            goal: task.goal,
            spec: JSON.stringify(spec),
            depth: tree.depth + 1,
            background,
          }),
        );
      }
      if (background) {
        for (const task of made) deps.runner().start(task, place);
        return {
          text: `Begun: ${made.map(({ name, id }) => `${name} (${id})`).join(', ')}. Their results will come as messages.`,
        };
      }
      const ended = await Promise.all(made.map((task) => deps.runner().finish(task, place, context.signal)));
      // What was cut off is no result: the call is made again when the turn goes on.
      context.signal.throwIfAborted();
      return resultsOf(ended);
    },
  });
}

function resultsOf(tasks: readonly Task[]): ToolResult {
  const shown = tasks.map((task) => `## ${task.name}: ${task.state}\n${textOf(task)}`);
  const isForeign = tasks.some((task) => task.result !== undefined && readResult(task.result).origin === 'foreign');
  return {
    text: shown.join('\n\n'),
    isError: tasks.every((task) => task.state !== 'done'),
    origin: isForeign ? 'foreign' : 'agent',
  };
}

function textOf(task: Task): string {
  return task.result === undefined ? '(no result)' : readResult(task.result).text;
}

function workerTool({ runner }: DelegateDeps): Tool {
  return defineTool({
    name: 'worker',
    description: 'Look after workers that you began: list them, read a result, tell one something, stop one.',
    parameters: z.strictObject({
      action: z.enum(['list', 'result', 'steer', 'stop']),
      id: z.string().max(40).optional(),
      text: z.string().trim().min(1).max(8_000).optional().describe('For steer'),
    }),
    effect: 'idempotent',
    touches: [],
    origin: 'agent',
    toolset: 'agents',
    isRare: true,
    available: ({ role }) => role !== 'guest',
    summarize: ({ action }) => `looking after workers (${action})`,
    async execute({ action, id, text }, context) {
      if (action === 'list') return listText(context);
      const task = id === undefined ? undefined : await getTask(context.db, context.scope, id);
      if (!task) return { text: `There is no worker "${id ?? ''}". Use action list.`, isError: true };
      switch (action) {
        case 'result':
          return isLive(task) ? { text: `${task.name} is still ${task.state}.` } : resultsOf([task]);
        case 'steer':
          if (text === undefined) return { text: 'Say in `text` what it should know.', isError: true };
          return (await steerTask(context.db, context.scope, task.id, context.tainted ? passedOn(text) : text))
            ? { text: `${task.name} reads it after its next step.` }
            : { text: `${task.name} has ended.`, isError: true };
        case 'stop':
          return (await runner().stop(context.scope, task.id))
            ? { text: `${task.name} was stopped.` }
            : { text: `${task.name} had ended.`, isError: true };
      }
    },
  });
}

/** As words that are handed on: what is said after reading words of others may be theirs. */
function passedOn(text: string): string {
  return `${FORWARD_MARK}another agent, which has read words of others:\n${text}`;
}

async function listText({ db, scope, clock }: ToolContext): Promise<ToolResult> {
  const tasks = await listTasks(db, scope, { limit: 30 });
  if (tasks.length === 0) return { text: 'There are no workers.' };
  const lines = tasks.map(
    (task) =>
      `${task.id} · ${task.name} · ${task.state} · ${Math.round((clock.now() - task.createdAt) / 1_000)} s ago · ${preview(task.goal, 80)}`,
  );
  return { text: lines.join('\n') };
}
