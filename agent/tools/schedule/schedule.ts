// schedule: reminders and jobs in words. It makes plans; that one begins which costs money or runs commands is said by the person alone.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { ScheduleCall, SchedulePort, ScheduleRequest } from '../../schedule/port.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult, type Touch } from '../tool.ts';

const parameters = z.strictObject({
  action: z.enum(['create', 'list', 'update', 'pause', 'resume', 'run', 'remove', 'runs']),
  job: z.string().trim().min(1).max(100).optional().describe('Id or name; for all but create and list'),
  when: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .optional()
    .describe(
      'As people say it: "in 20 minutes", "tomorrow at 8", "every weekday at 9", "every 2 hours from 9 to 17", "first monday of the month at 10", or cron of 5 fields',
    ),
  kind: z
    .enum(['prompt', 'reminder', 'script'])
    .optional()
    .describe(
      'prompt: you do it each time, with tools · reminder: a text is sent, free · script: a shell command whose output is sent. Default prompt',
    ),
  what: z
    .string()
    .trim()
    .min(1)
    .max(20_000)
    .optional()
    .describe('The task as you will need it then, without this conversation; the text; or the command'),
  deliver: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .optional()
    .describe('Name of a platform, #group, all, last-active or none; several with commas. Default: this chat'),
  timezone: z.string().trim().min(1).max(64).optional().describe("IANA name; default the person's"),
  name: z.string().trim().min(1).max(60).optional(),
  tools: z
    .array(z.string().min(1).max(64))
    .max(100)
    .optional()
    .describe('Tools or toolsets that it needs; default: all that you have'),
  skills: z.array(z.string().min(1).max(64)).max(5).optional(),
  cap_usd: z.number().positive().max(1_000).optional().describe('Most that one run may cost'),
});
type Args = z.output<typeof parameters>;

const SETTINGS: readonly Touch[] = ['settings'];

export const SCHEDULE_TOOL = 'schedule';

export function makeScheduleTool(port: () => SchedulePort): Tool {
  return defineTool({
    name: SCHEDULE_TOOL,
    description:
      'Schedule reminders and jobs that run by themselves, every day or once, later, at a time or in an interval (cron): create, list, change, pause, remove, run them, and see what their runs came to. ' +
      'Creating shows the plan to the person, in this chat; what costs money or runs commands begins when they confirm it there, which nobody can do for them.',
    parameters,
    effect: 'idempotent',
    touches: SETTINGS,
    assess({ action }) {
      if (action === 'list' || action === 'runs') return { effect: 'pure', touches: [] };
      // Each time it begins another run.
      return { effect: action === 'run' ? 'once' : 'idempotent', touches: SETTINGS };
    },
    origin: 'agent',
    toolset: 'schedule',
    isRare: true,
    available: ({ role }) => role !== 'guest',
    summarize: ({ action, name, job, when }) =>
      `${action} ${name ?? job ?? 'job'}${when === undefined ? '' : ` (${when})`}`,
    execute: (args, context) => perform(port(), args, context),
  });
}

async function perform(port: SchedulePort, args: Args, context: ToolContext): Promise<ToolResult> {
  const { action, job } = args;
  const call: ScheduleCall = {
    scope: context.scope,
    role: context.role,
    address: context.address,
    tools: context.calls.names,
    isJob: context.tree.isJob === true || context.tree.within !== undefined,
    key: context.idempotencyKey,
  };
  switch (action) {
    case 'create':
      return { text: await port.create(call, requestOf(args)) };
    case 'list':
      return { text: await port.list(call) };
    case 'runs':
      return port.runs(call, job);
    case 'update':
      return { text: await port.update(call, named(job), requestOf(args)) };
    case 'pause':
    case 'resume':
    case 'run':
    case 'remove':
      return { text: await port.act(call, named(job), action) };
  }
}

function named(job: string | undefined): string {
  if (job !== undefined) return job;
  throw new AppError('bad_input', 'Say in `job` which one: action list shows them. Nothing was changed.');
}

function requestOf({
  name,
  when,
  kind,
  what,
  deliver,
  timezone,
  tools,
  skills,
  cap_usd: capUsd,
}: Args): ScheduleRequest {
  return { name, when, kind, what, deliver, timezone, tools, skills, capUsd };
}
