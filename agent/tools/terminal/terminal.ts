// Running commands: in the foreground, or as a background job.
import path from 'node:path';
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import type { Machine } from '../../terminal/machine.ts';
import { canReachNetwork } from '../../terminal/jobs.ts';
import { defineTool, type Assessment, type AssessAt, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import { ownerText } from './owner.ts';
import { terminalAt, touchesOf, type TerminalToolOptions, TERMINAL_TOOL } from './reach.ts';
import { runText } from './render.ts';

const DEFAULT_SECONDS = 180;
const MAX_SECONDS = 3_600;
const MAX_PATTERNS = 8;
const MAX_PATTERN_CHARS = 200;
/** The backend whose workspaces are folders of this machine. */
const LOCAL = 'local';
/** Beyond the command's own time: opening a machine, ending what runs. */
const OVERHEAD_MS = 60_000;

/** Bounds are kept below, not in the schema, which every request carries. */
const parameters = z.strictObject({
  command: z.string(),
  background: z.boolean().optional(),
  timeout: z.number().optional().describe(`seconds, default ${DEFAULT_SECONDS}`),
  workdir: z.string().optional(),
  pty: z.boolean().optional(),
  network: z.boolean().optional(),
  notify_on_complete: z.boolean().optional(),
  watch_patterns: z.array(z.string()).optional(),
});
type Args = z.infer<typeof parameters>;

export function makeTerminalTool(options: TerminalToolOptions): Tool {
  return defineTool({
    name: TERMINAL_TOOL,
    description:
      'Run a bash command in the workspace; folder and exported variables last. network only if needed. ' +
      'background (see tool_search: process) tells you when it ends (notify_on_complete) or prints a text (watch_patterns).',
    parameters,
    effect: 'once',
    touches: ['workspace', 'machine', 'network'],
    assess: (args, at) => assess(options, args, at),
    timeoutMs: ({ timeout, background }) => (background === true ? 0 : runMs(timeout)) + OVERHEAD_MS,
    origin: 'foreign',
    readsWorkspace: true,
    toolset: 'terminal',
    summarize: ({ command, background }) => `${background === true ? 'starting' : 'running'} ${preview(command, 80)}`,
    execute: (args, context) =>
      args.background === true ? start(options, args, context) : run(options, args, context),
  });
}

function assess({ terminals, assessCommand }: TerminalToolOptions, args: Args, { workspace }: AssessAt): Assessment {
  const isolation = terminals.isolationAt(workspace);
  const known = args.workdir === undefined ? terminals.cwdAt(workspace) : path.posix.resolve(workspace, args.workdir);
  const { grant, ...found } = assessCommand(args.command, { cwd: known ?? workspace });
  return {
    effect: 'once',
    touches: touchesOf(isolation, canReachNetwork({ isolation }, args.network === true)),
    ...found,
    // Nobody can allow for longer what runs who knows where.
    ...(grant === undefined || known === undefined ? {} : { grant }),
  };
}

function runMs(seconds: number | undefined): number {
  return Math.min(MAX_SECONDS, Math.max(1, seconds ?? DEFAULT_SECONDS)) * 1000;
}

async function run(options: TerminalToolOptions, args: Args, context: ToolContext): Promise<ToolResult> {
  if (args.notify_on_complete === true || (args.watch_patterns ?? []).length > 0)
    return { text: 'notify_on_complete and watch_patterns go with background: true. It was not run.', isError: true };
  const timeoutMs = runMs(args.timeout);
  const network = args.network === true;
  return options.terminals.use(terminalAt(context), async ({ shell, machine }) => {
    const { command, workdir: cwd, pty } = args;
    const work = () => shell.run({ command, timeoutMs, cwd, network, pty, signal: context.signal });
    const { result, notes } = await kept(options, { machine, context }, work);
    const hadNetwork = machine.isolation.network === 'per-call' ? network : undefined;
    return {
      text: [runText(result, { workspace: machine.workspace, timeoutMs, hadNetwork }), ...notes].join('\n'),
      isError: result.ended !== 'exit',
      origin: canReachNetwork(machine, network) ? 'foreign' : 'agent',
    };
  });
}

async function start({ terminals }: TerminalToolOptions, args: Args, context: ToolContext): Promise<ToolResult> {
  if (args.timeout !== undefined)
    return { text: 'A background job has no timeout: end it with process. It was not started.', isError: true };
  const patterns = (args.watch_patterns ?? []).filter((pattern) => pattern !== '');
  if (patterns.length > MAX_PATTERNS || patterns.some((pattern) => pattern.length > MAX_PATTERN_CHARS))
    return {
      text: `At most ${MAX_PATTERNS} watch_patterns of ${MAX_PATTERN_CHARS} characters. It was not started.`,
      isError: true,
    };
  return terminals.use(terminalAt(context), async ({ jobs }) => {
    const id = await jobs.start({
      command: args.command,
      cwd: args.workdir,
      network: args.network,
      pty: args.pty,
      notify: args.notify_on_complete,
      patterns,
      owner: ownerText(context),
      signal: context.signal,
    });
    return { text: `Started as ${id}. See process for its output.`, origin: 'agent', goesOn: true };
  });
}

/** Runs `work` between two looks at the workspace, so that /undo can put its files back; says what it could not keep. */
async function kept<Result>(
  { checkpoints }: TerminalToolOptions,
  { machine, context }: { machine: Machine; context: ToolContext },
  work: () => Promise<Result>,
): Promise<{ result: Result; notes: readonly string[] }> {
  if (!checkpoints || machine.backend !== LOCAL) return { result: await work(), notes: [] };
  const { turn, scope, signal } = context;
  const before = await checkpoints.snapshotTree(turn, scope.space, machine.workspace, signal);
  const result = await work();
  const after = await checkpoints.settle(turn, signal);
  const notes = [before.note, after.note].flatMap((note) => (note === undefined ? [] : [`(${note})`]));
  return { result, notes: [...new Set(notes)] };
}
