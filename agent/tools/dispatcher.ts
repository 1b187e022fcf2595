// The one way to run a tool: check arguments → decide → ask the person if need be → journal → run → cap and redact → journal. A call
// that the journal knows is not run again, unless running it twice is harmless.
import type { SpawnOptions } from 'node:child_process';
import type { Effect } from '../../data/schema.ts';
import { addTaint, isTainted } from '../../data/policy/taints.ts';
import { keepResult } from '../../data/work/results.ts';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Origin } from '../../shared/messages.ts';
import { cleanText } from '../../shared/text.ts';
import { cancelledError, untilAborted } from '../abort.ts';
import { cutMiddle } from '../context/cut.ts';
import type { AgentEvent } from '../events.ts';
import type { ToolOutcome, TurnJournal } from '../journal.ts';
import type { ToolCall } from '../providers/types.ts';
import { openPermissions, type ApprovalPort, type TurnPolicy } from '../policy/permission.ts';
import { spawnChild } from './child.ts';
import { makeInnerCalls } from './code/inner-calls.ts';
import { promptTools, unwrapCall } from './find-tools.ts';
import type { InnerCall, PreparedCall, Tool, ToolContext, ToolResult } from './tool.ts';

/** How long a cancelled tool may take to wind up; the turn has a second. */
const WIND_UP_MS = 300;
/** Times of files come from a clock of the kernel's that lags behind by some milliseconds. */
const FILE_CLOCK_MS = 50;
/** What goes on after its call is taken to write files for so long. */
const GOING_ON_MS = 24 * 3_600_000;
/** Of a long result; what is beyond it is gone. */
const MAX_KEPT_CHARS = 2_000_000;

export interface DispatcherInput {
  tools: readonly Tool[];
  journal: TurnJournal;
  approvals: ApprovalPort;
  policy: TurnPolicy;
  /** What every tool of this turn gets. */
  context: Omit<ToolContext, 'tainted' | 'idempotencyKey' | 'signal' | 'spawn' | 'rareTools' | 'calls'>;
  /** Names of rare tools that are in the prompt all the same. */
  direct?: readonly string[] | undefined;
  /** Whose words are in the context of the turn; grows as results come in. */
  origins: Set<Origin>;
  limits: { timeoutMs: number; maxResultChars: number; approvalTtlMs: number };
  redact(text: string): string;
  emit(event: AgentEvent): void;
  log: Logger;
  /** Of the turn. */
  signal: AbortSignal;
}

export interface Dispatcher {
  /** Calls that may run beside others: pure and idempotent ones, and those that will not run at all. */
  isParallel(call: ToolCall): boolean;
  /** Whether somebody must allow it, as things stand. */
  mustAsk(call: ToolCall): boolean;
  /** Resolves for everything that a tool can do wrong; rejects with AppError when the turn is cancelled or the journal cannot be written. */
  run(key: string, call: ToolCall): Promise<ToolOutcome>;
}

/** What holds for one call beside its turn. */
type Frame = Pick<InnerCall, 'signal' | 'hold'>;

export function makeDispatcher(input: DispatcherInput): Dispatcher {
  const shown = promptTools(input.tools, input.direct);
  const rareTools = input.tools.filter((tool) => !shown.includes(tool));
  const byName = new Map([...input.tools, ...shown].map((tool) => [tool.name, tool]));
  const names = shown.map((tool) => tool.name).join(', ');
  const { limits, signal, log } = input;
  const permissions = openPermissions({
    ...input,
    approvalTtlMs: limits.approvalTtlMs,
    at: input.context,
    log,
    signal,
  });

  async function run(key: string, call: ToolCall, frame: Frame = { signal, hold: (work) => work }) {
    const outcome = await settle(key, unwrapCall(call, byName), frame);
    if (outcome.origin === 'foreign') input.origins.add('foreign');
    input.policy.seen.note(outcome.text);
    return outcome;
  }

  async function settle(key: string, call: ToolCall, frame: Frame): Promise<ToolOutcome> {
    const known = input.journal.tool(key);
    if (known?.state === 'done') return known.outcome;
    const tool = byName.get(call.name);
    if (known?.state === 'started' && !tool?.isResumable && (!tool || !isRepeatable(known.effect)))
      return unknownEffect(key, call);
    if (!tool) return failure(`There is no tool "${preview(call.name)}". Tools: ${names || 'none'}.`);
    const prepared = prepare(tool, call);
    if (!prepared.ok) return failure(prepared.problem);
    const permit = await frame.hold(permissions.ask({ key, tool, call: prepared.call, signal: frame.signal }));
    if (!permit.allowed) {
      const refused = failure(permit.reason);
      await input.journal.finishTool(key, refused);
      return refused;
    }
    const outcome = await perform(key, tool, { call, prepared: prepared.call, signal: frame.signal });
    if (permit.record !== undefined) await permissions.noteResult(permit.record, outcome);
    return outcome;
  }

  /** A restart hit an effect half-way: nobody can tell whether it happened, and it must not happen twice. */
  async function unknownEffect(key: string, call: ToolCall): Promise<ToolOutcome> {
    const outcome = failure(
      `Herald was restarted while ${call.name} was running. Whether it took effect is unknown, and it was not repeated. ` +
        'Tell the person; do it again only if they ask.',
    );
    await input.journal.finishTool(key, outcome);
    return outcome;
  }

  async function perform(
    key: string,
    tool: Tool,
    work: { call: ToolCall; prepared: PreparedCall; signal: AbortSignal },
  ): Promise<ToolOutcome> {
    if (work.signal.aborted) throw cancelledError(work.signal);
    const { effect, touches } = permissions.look({ tool, call: work.prepared }).assessment;
    await input.journal.startTool(key, work.call, effect);
    const from = input.context.clock.now();
    emit({ type: 'tool_start', callId: work.call.id, name: tool.name, summary: work.prepared.summary });
    let ok = false;
    let goesOn = false;
    const { db, scope } = input.context;
    let isOthers = tool.readsWorkspace && (await isTainted(db, scope));
    try {
      const result = await execute(key, tool, work);
      isOthers ||= await showsOthers(result);
      goesOn = result.goesOn ?? false;
      const outcome = await seal(tool, isOthers ? { ...result, origin: 'foreign' } : result);
      await input.journal.finishTool(key, outcome);
      ok = !outcome.isError;
      return outcome;
    } finally {
      isOthers ||= input.origins.has('foreign') || touches.includes('network');
      if (touches.includes('workspace') && isOthers) await noteTaint(from, goesOn ? GOING_ON_MS : 0);
      emit({ type: 'tool_end', callId: work.call.id, name: tool.name, ok });
    }
  }

  /** What a call wrote into files meanwhile may be words of others. */
  async function noteTaint(from: number, afterMs: number): Promise<void> {
    const { db, scope, clock } = input.context;
    await addTaint(db, scope, { from: from - FILE_CLOCK_MS, to: clock.now() + afterMs });
  }

  /** Whether a file in the result changed when words of others were written. */
  async function showsOthers({ changedAt = [] }: ToolResult): Promise<boolean> {
    const { db, scope } = input.context;
    for (const at of new Set(changedAt.map((time) => (time === undefined ? undefined : Math.floor(time)))))
      if (await isTainted(db, scope, at)) return true;
    return false;
  }

  /** The tool's own result, or what became of it. Rejects only when the turn is cancelled. Children of the call are dead or dying afterwards. */
  async function execute(
    key: string,
    tool: Tool,
    { call: asked, prepared: call, signal: above }: { call: ToolCall; prepared: PreparedCall; signal: AbortSignal },
  ): Promise<ToolResult> {
    const controller = new AbortController();
    const stop = () => controller.abort(above.reason);
    above.addEventListener('abort', stop, { once: true });
    if (above.aborted) stop();
    let timedOut = false;
    const { clock } = input.context;
    const timeoutMs = call.timeoutMs ?? limits.timeoutMs;
    const cancelTimeout = clock.after(timeoutMs, () => {
      timedOut = true;
      controller.abort(new AppError('timeout', `${tool.name} took too long.`));
    });
    try {
      const work = call.execute({
        ...input.context,
        rareTools,
        tainted: input.origins.has('foreign'),
        idempotencyKey: idempotencyKey(input.context.turn, key),
        signal: controller.signal,
        calls: callsOf(key, asked),
        spawn: (command, args, options: SpawnOptions = {}) => spawnChild(command, args, options, controller.signal),
      });
      return await untilAborted(work, controller.signal, { clock, graceMs: WIND_UP_MS });
    } catch (error) {
      if (above.aborted) throw cancelledError(above);
      if (timedOut) return { text: timeoutText(tool, timeoutMs), isError: true, origin: 'agent' };
      input.log.warn({ tool: tool.name, err: error }, 'tool failed');
      return { text: `${tool.name} failed: ${errorText(error)}`, isError: true };
    } finally {
      cancelTimeout();
      above.removeEventListener('abort', stop);
      // Ends what the call left behind: its listeners, and every child process with its group.
      controller.abort(new AppError('cancelled', 'The call is over.'));
    }
  }

  /** The result as it may be kept and shown: clean, without secrets, not too long. The whole of a long one can be read by range. */
  async function seal(tool: Tool, result: ToolResult): Promise<ToolOutcome> {
    const text = input.redact(cleanText(result.text));
    const origin = result.origin ?? tool.origin;
    const isError = result.isError ?? false;
    const files = result.files === undefined || result.files.length === 0 ? {} : { files: result.files };
    if (text.length <= limits.maxResultChars) return { text, isError, origin, ...files };
    const { db, scope, turn } = input.context;
    const kept = text.slice(0, MAX_KEPT_CHARS);
    const id = await keepResult(db, scope, { tool: tool.name, text: kept, origin, turn });
    // The id is what read_file takes as a path.
    return { text: cutMiddle(text, limits.maxResultChars, `result:${id}`), isError, origin, ...files };
  }

  const callsOf = (key: string, outer: ToolCall) =>
    makeInnerCalls({ key, id: outer.id, names: [...byName.keys()], journal: input.journal, run, isParallel });

  function isParallel(call: ToolCall): boolean {
    const ready = prepareCall(call);
    return !ready || isRepeatable(permissions.look(ready).assessment.effect);
  }

  /** Undefined for a call that will not run at all. */
  function prepareCall(asked: ToolCall): { tool: Tool; call: PreparedCall } | undefined {
    const call = unwrapCall(asked, byName);
    const tool = byName.get(call.name);
    if (!tool) return undefined;
    const prepared = prepare(tool, call);
    return prepared.ok ? { tool, call: prepared.call } : undefined;
  }

  /** Display must not be able to fail a call. */
  function emit(event: AgentEvent): void {
    try {
      input.emit(event);
    } catch {
      // What counts is in the journal.
    }
  }

  return {
    isParallel,
    mustAsk: (call) => {
      const ready = prepareCall(call);
      return ready !== undefined && permissions.look(ready).verdict.verdict === 'ask';
    },
    run: (key, call) => run(key, call),
  };
}

function isRepeatable(effect: Effect): boolean {
  return effect === 'pure' || effect === 'idempotent';
}

function prepare(tool: Tool, call: ToolCall): ReturnType<Tool['prepare']> {
  if (call.arguments === undefined)
    return { ok: false, problem: `The arguments of ${tool.name} were no JSON object: ${preview(call.rawArguments)}` };
  const prepared = tool.prepare(call.arguments);
  if (prepared.ok) return prepared;
  return { ok: false, problem: `Wrong arguments for ${tool.name}: ${prepared.problem}. It was not run.` };
}

function idempotencyKey(turn: string, key: string): string {
  return sha256Hex(`${turn}\u001f${key}`, 40);
}

function failure(text: string): ToolOutcome {
  return { text, isError: true, origin: 'agent' };
}

function timeoutText(tool: Tool, timeoutMs: number): string {
  const fate = isRepeatable(tool.effect) ? '' : ' Whether it took effect is unknown; do not simply repeat it.';
  return `${tool.name} was stopped after ${Math.round(timeoutMs / 1000)} s.${fate}`;
}

/** Public words only: messages of unexpected errors may hold paths or secrets, but models need to know what went wrong. */
function errorText(error: unknown): string {
  if (error instanceof AppError) return error.publicMessage;
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 500)}` : 'unknown error';
}

function preview(text: string): string {
  return cutMiddle(cleanText(text), 300, 'this');
}
