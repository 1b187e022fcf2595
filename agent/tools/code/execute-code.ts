// Running a script that calls tools: many calls for one of the model's, whose results stay out of the conversation. Only what the script
// prints comes back.
import fs from 'node:fs';
import { z } from 'zod';
import { ensureDir } from '../../../data/files.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { cancelledError } from '../../abort.ts';
import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import { makeCallOrder } from '../../code/call-order.ts';
import type { ScriptAnswer, ScriptCall } from '../../code/channel.ts';
import { isFenced, planScript, type ScriptPlan } from '../../code/plan.ts';
import { runScript, type ScriptRun } from '../../code/run.ts';
import type { Sandbox } from '../../terminal/local/probe.ts';
import { defineTool, type Assessment, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import type { CodeSettings } from './config.ts';
import { scriptText } from './render.ts';

export interface CodeToolsDeps {
  /** What probeSandbox found on this machine. */
  sandbox: Sandbox;
  /** Folders that no script may see: $HERALD_HOME and the home of the account. */
  hidden: readonly string[];
  settings: CodeSettings;
  /** Keeps the files of the workspace before a script may change them. Default: nothing is kept. */
  checkpoints?: Pick<Checkpoints, 'snapshotTree' | 'settle'> | undefined;
}

const DEFAULT_SECONDS = 120;
const MAX_SECONDS = 300;
const MAX_CODE_CHARS = 200_000;
const MAX_PARALLEL = 4;
const MAX_FILES = 10;
/** The script's own limit stands still while a person is waited for; this one is there for what cannot happen. */
const WHOLE_MS = 24 * 3_600_000;

/** What speaks to the person, remembers, or hands work on is asked for in the open; scripts do not start scripts. */
const NOT_FOR_SCRIPTS: ReadonlySet<string> = new Set([
  'execute_code',
  'delegate_task',
  'worker',
  'clarify',
  'send_message',
  'memory',
  'recall',
  'tool_search',
  'use_tool',
]);

/** Bounds are kept below, not in the schema. */
const parameters = z.strictObject({
  language: z.enum(['javascript', 'python']),
  code: z.string().min(1).max(MAX_CODE_CHARS),
  timeout_s: z.number().optional(),
});
type Args = z.infer<typeof parameters>;

export function makeCodeTools(deps: CodeToolsDeps): readonly Tool[] {
  const hasFence = isFenced({ sandbox: deps.sandbox, arch: process.arch });
  return [
    defineTool({
      name: 'execute_code',
      description:
        'Run a script calling tools: `await tools.read_file({path})`, in Python `tools.read_file(path=…)`: gives text or throws. ' +
        `Only its prints come back.${hasFence ? '' : ' No Python.'}`,
      parameters,
      effect: 'once',
      assess: () => assess(hasFence),
      timeoutMs: () => WHOLE_MS,
      origin: 'agent',
      readsWorkspace: hasFence,
      toolset: 'code',
      isRare: true,
      // Without a sandbox a script can change the world by itself, of which the journal knows nothing.
      isResumable: hasFence,
      available: ({ role }) => hasFence || role === 'owner' || role === 'admin',
      summarize: ({ language }) => `running a ${language === 'python' ? 'Python' : 'JavaScript'} script`,
      execute: (args, context) => execute(deps, args, context),
    }),
  ];
}

function assess(hasFence: boolean): Assessment {
  return { effect: 'once', touches: hasFence ? ['workspace'] : ['machine', 'network'] };
}

async function execute(deps: CodeToolsDeps, args: Args, context: ToolContext): Promise<ToolResult> {
  const hasFence = isFenced({ sandbox: deps.sandbox, arch: process.arch });
  const seconds = Math.min(MAX_SECONDS, Math.max(1, args.timeout_s ?? DEFAULT_SECONDS));
  const plan = makePlan(deps, { language: args.language, seconds }, context);
  const undo = keepFiles(hasFence ? deps.checkpoints : undefined, context);
  await undo.keep();
  const served = serveCalls(context, undo.keep);
  const end = await runScript({
    plan,
    code: args.code,
    names: served.names,
    timeoutMs: seconds * 1000,
    maxCalls: deps.settings.max_calls,
    clock: context.clock,
    signal: context.signal,
    spawn: (command, list, options) => context.spawn(command, list, options),
    call: served.call,
  });
  return {
    text: scriptText({ ...end, notes: await undo.settle() }),
    isError: end.code !== 0 || end.stopped !== undefined,
    origin: served.isForeign() || !hasFence ? 'foreign' : 'agent',
    files: served.files().slice(0, MAX_FILES),
  };
}

/** For /undo: what stands in the workspace, looked at again after each call that may have looked itself, and what it became. */
function keepFiles(checkpoints: CodeToolsDeps['checkpoints'], { turn, scope, workspace, signal }: ToolContext) {
  const notes = new Set<string>();
  const add = ({ note }: { note: string | undefined }) => void (note !== undefined && notes.add(note));
  return {
    async keep(): Promise<void> {
      if (checkpoints) add(await checkpoints.snapshotTree(turn, scope.space, workspace, signal));
    },
    async settle(): Promise<readonly string[]> {
      if (checkpoints) add(await checkpoints.settle(turn, signal));
      return [...notes];
    },
  };
}

function makePlan(
  deps: CodeToolsDeps,
  { language, seconds }: { language: Args['language']; seconds: number },
  { workspace }: ToolContext,
): ScriptPlan {
  ensureDir(workspace);
  const place = {
    sandbox: deps.sandbox,
    workspace: fs.realpathSync(workspace),
    hidden: deps.hidden.filter((folder) => fs.existsSync(folder)).map((folder) => fs.realpathSync(folder)),
    node: process.execPath,
    arch: process.arch,
  };
  return planScript(language, place, { memoryMb: deps.settings.memory_mb, cpuSeconds: seconds });
}

/** The calls of one script, and what is to be known of them afterwards. `keep` is called after each that may have changed something. */
function serveCalls({ calls }: ToolContext, keep: () => Promise<void>) {
  const names = calls.names.filter((name) => !NOT_FOR_SCRIPTS.has(name));
  const order = makeCallOrder(MAX_PARALLEL);
  const files: StoredFile[] = [];
  let isForeign = false;

  async function call(
    asked: ScriptCall,
    work: Parameters<ScriptRun['call']>[1],
  ): Promise<ScriptAnswer | { stop: string }> {
    const { id: index, name, arguments: given } = asked;
    if (!names.includes(name))
      return { ok: false, text: `Scripts cannot call a tool "${name}". Tools: ${names.join(', ') || 'none'}.` };
    const request = { index, name, arguments: given, ...work };
    const isParallel = calls.isParallel(request);
    const outcome = await order.run(isParallel, async () => {
      // It may have waited for others until the script was over: then nobody is asked for it any more.
      if (work.signal.aborted) throw cancelledError(work.signal);
      const done = await calls.run(request);
      if (!isParallel) await keep();
      return done;
    });
    if (outcome === 'diverged')
      return {
        stop:
          `Herald was restarted, and the script then took another way: its call ${index} is not the one that it made before. ` +
          'What its earlier calls did stays done',
      };
    if (outcome.origin === 'foreign') isForeign = true;
    files.push(...(outcome.files ?? []));
    return { ok: !outcome.isError, text: outcome.text };
  }

  return { names, call, isForeign: () => isForeign, files: () => files };
}
