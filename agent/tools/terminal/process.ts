// Background jobs that `terminal` started: seeing, waiting for, ending and answering them.
import { z } from 'zod';
import type { Terminal } from '../../terminal/terminals.ts';
import { defineTool, type Assessment, type AssessAt, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import { terminalAt, touchesOf, type TerminalToolOptions } from './reach.ts';
import { jobLine, jobText } from './render.ts';

const WAIT_SECONDS = 60;
const MAX_WAIT_SECONDS = 600;
const LOG_LINES = 200;
const MAX_LOG_LINES = 2_000;
const OVERHEAD_MS = 60_000;

/** Bounds are kept below, not in the schema, which every request carries. */
const parameters = z.strictObject({
  action: z.enum(['list', 'poll', 'log', 'wait', 'kill', 'write']),
  id: z.string().optional(),
  data: z.string().optional(),
  timeout: z.number().optional(),
  offset: z.number().optional(),
  limit: z.number().optional(),
});
type Args = z.infer<typeof parameters>;

export function makeProcessTool(options: TerminalToolOptions): Tool {
  return defineTool({
    name: 'process',
    isRare: true,
    description:
      `Background jobs. poll: new output. log: limit lines from offset, or the last. wait: timeout seconds, default ${WAIT_SECONDS}. ` +
      'write: data to its input.',
    parameters,
    effect: 'once',
    touches: ['workspace', 'machine', 'network'],
    assess: (args, at) => assess(options, args, at),
    timeoutMs: ({ action, timeout }) => (action === 'wait' ? waitMs(timeout) : 0) + OVERHEAD_MS,
    origin: 'foreign',
    readsWorkspace: true,
    toolset: 'terminal',
    summarize: ({ action, id }) =>
      id === undefined ? `${action} background jobs` : `${action} job ${id.slice(0, 20)}`,
    execute: (args, context) =>
      options.terminals.use(terminalAt(context), (terminal) => perform(terminal, args, context)),
  });
}

function waitMs(seconds: number | undefined): number {
  return Math.min(MAX_WAIT_SECONDS, Math.max(0, seconds ?? WAIT_SECONDS)) * 1000;
}

function linesOf({ offset, limit }: Args): { offset: number | undefined; limit: number } {
  return {
    offset: offset === undefined ? undefined : Math.max(1, Math.floor(offset)),
    limit: Math.min(MAX_LOG_LINES, Math.max(1, Math.floor(limit ?? LOG_LINES))),
  };
}

function assess({ terminals }: TerminalToolOptions, { action, id }: Args, { workspace }: AssessAt): Assessment {
  const isolation = terminals.isolationAt(workspace);
  switch (action) {
    case 'list':
    case 'poll':
    case 'log':
    case 'wait':
      return { effect: 'pure', touches: [] };
    case 'kill':
      return { effect: 'idempotent', touches: touchesOf(isolation, false) };
    case 'write':
      return { effect: 'once', touches: touchesOf(isolation, terminals.reachesNetwork(workspace, id ?? '')) };
  }
}

async function perform({ jobs }: Terminal, args: Args, { clock, signal }: ToolContext): Promise<ToolResult> {
  if (args.action === 'list') {
    const lines = (await jobs.list(signal)).map((job) => jobLine(job, clock.now()));
    return { text: lines.length === 0 ? 'There are no background jobs.' : lines.join('\n'), origin: 'agent' };
  }
  const { id } = args;
  if (id === undefined)
    return { text: `${args.action} needs the id of a job: list shows them.`, isError: true, origin: 'agent' };
  switch (args.action) {
    case 'poll': {
      const job = await jobs.poll(id, signal);
      return { text: jobText(job), origin: job.foreign ? 'foreign' : 'agent' };
    }
    case 'wait': {
      const job = await jobs.wait(id, waitMs(args.timeout), signal);
      return { text: jobText(job), origin: job.foreign ? 'foreign' : 'agent' };
    }
    case 'log': {
      const job = await jobs.log(id, linesOf(args), signal);
      return { text: `${jobText(job)} [${job.lines} lines in all]`, origin: job.foreign ? 'foreign' : 'agent' };
    }
    case 'kill':
      return { text: jobLine(await jobs.kill(id, signal), clock.now()), origin: 'agent' };
    case 'write':
      if (args.data === undefined) return { text: 'write needs data.', isError: true, origin: 'agent' };
      await jobs.write(id, args.data, signal);
      return { text: 'Written.', origin: 'agent' };
  }
}
