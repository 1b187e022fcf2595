// The one way to run a tool: check arguments → decide → ask the person if need be → journal → run → cap and redact → journal. A call
// that the journal knows is not run again, unless running it twice is harmless.
import { createHash } from 'node:crypto';
import type { SpawnOptions } from 'node:child_process';
import { requestApproval, takeApproval, type Approval } from '../../data/approvals.ts';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { addressKey, type Origin } from '../../shared/messages.ts';
import { cleanText } from '../../shared/text.ts';
import { cancelledError, untilAborted } from '../abort.ts';
import { cutMiddle } from '../context/cut.ts';
import type { AgentEvent } from '../events.ts';
import type { ToolOutcome, TurnJournal } from '../journal.ts';
import type { ToolCall, ToolSchema } from '../providers/types.ts';
import { spawnChild } from './child.ts';
import { decideTool } from './policy.ts';
import type { PreparedCall, Tool, ToolContext, ToolResult } from './tool.ts';

/** How long a cancelled tool may take to wind up; the turn has a second. */
const WIND_UP_MS = 300;

export interface ApprovalPort {
  /**
   * Shows `approval` to its person and resolves when it is decided or has expired (data/approvals.ts has the answer). Asking again for
   * the same approval, after a restart, shows nothing twice. Rejects when `signal` aborts.
   */
  requestApproval(approval: Approval, reason: string, signal: AbortSignal): Promise<void>;
}

export interface DispatcherInput {
  tools: readonly Tool[];
  journal: TurnJournal;
  approvals: ApprovalPort;
  /** What every tool of this turn gets. */
  context: Omit<ToolContext, 'tainted' | 'idempotencyKey' | 'signal' | 'spawn'>;
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
  schemas: readonly ToolSchema[];
  /** Pure and idempotent tools, and calls that will not run at all. */
  isParallel(call: ToolCall): boolean;
  /** Resolves for everything that a tool can do wrong; rejects with AppError when the turn is cancelled or the journal cannot be written. */
  run(key: string, call: ToolCall): Promise<ToolOutcome>;
}

export function makeDispatcher(input: DispatcherInput): Dispatcher {
  const byName = new Map(input.tools.map((tool) => [tool.name, tool]));
  const names = input.tools.map((tool) => tool.name).join(', ');

  async function run(key: string, call: ToolCall): Promise<ToolOutcome> {
    const outcome = await settle(key, call);
    if (outcome.origin === 'foreign') input.origins.add('foreign');
    return outcome;
  }

  async function settle(key: string, call: ToolCall): Promise<ToolOutcome> {
    const known = input.journal.tool(key);
    if (known?.state === 'done') return known.outcome;
    const tool = byName.get(call.name);
    if (known?.state === 'started' && (!tool || !isRepeatable(tool))) return unknownEffect(key, call);
    if (!tool) return failure(`There is no tool "${preview(call.name)}". Tools: ${names || 'none'}.`);
    const prepared = prepare(tool, call);
    if (!prepared.ok) return failure(prepared.problem);
    const permit = await permission(input, { key, tool, call: prepared.call });
    if (!permit.allowed) {
      const refused = failure(permit.reason);
      await input.journal.finishTool(key, refused);
      return refused;
    }
    return perform(key, tool, { call, prepared: prepared.call });
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
    work: { call: ToolCall; prepared: PreparedCall },
  ): Promise<ToolOutcome> {
    if (input.signal.aborted) throw cancelledError(input.signal);
    await input.journal.startTool(key, work.call, tool.effect);
    emit({ type: 'tool_start', callId: work.call.id, name: tool.name, summary: work.prepared.summary });
    let ok = false;
    try {
      const outcome = seal(tool, await execute(key, tool, work.prepared));
      await input.journal.finishTool(key, outcome);
      ok = !outcome.isError;
      return outcome;
    } finally {
      emit({ type: 'tool_end', callId: work.call.id, name: tool.name, ok });
    }
  }

  /** The tool's own result, or what became of it. Rejects only when the turn is cancelled. Children of the call are dead or dying afterwards. */
  async function execute(key: string, tool: Tool, call: PreparedCall): Promise<ToolResult> {
    const controller = new AbortController();
    const stop = () => controller.abort(input.signal.reason);
    input.signal.addEventListener('abort', stop, { once: true });
    if (input.signal.aborted) stop();
    let timedOut = false;
    const { clock } = input.context;
    const cancelTimeout = clock.after(input.limits.timeoutMs, () => {
      timedOut = true;
      controller.abort(new AppError('timeout', `${tool.name} took too long.`));
    });
    try {
      const work = call.execute({
        ...input.context,
        tainted: input.origins.has('foreign'),
        idempotencyKey: idempotencyKey(input.context.turn, key),
        signal: controller.signal,
        spawn: (command, args, options: SpawnOptions = {}) => spawnChild(command, args, options, controller.signal),
      });
      return await untilAborted(work, controller.signal, { clock, graceMs: WIND_UP_MS });
    } catch (error) {
      if (input.signal.aborted) throw cancelledError(input.signal);
      if (timedOut) return { text: timeoutText(tool, input.limits.timeoutMs), isError: true, origin: 'agent' };
      input.log.warn({ tool: tool.name, err: error }, 'tool failed');
      return { text: `${tool.name} failed: ${errorText(error)}`, isError: true };
    } finally {
      cancelTimeout();
      input.signal.removeEventListener('abort', stop);
      // Ends what the call left behind: its listeners, and every child process with its group.
      controller.abort(new AppError('cancelled', 'The call is over.'));
    }
  }

  /** The result as it may be kept and shown: clean, without secrets, not too long. */
  function seal(tool: Tool, result: ToolResult): ToolOutcome {
    const text = input.redact(cleanText(result.text));
    return {
      text: cutMiddle(text, input.limits.maxResultChars, `this result of ${tool.name}`),
      isError: result.isError ?? false,
      origin: result.origin ?? tool.origin,
    };
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
    schemas: input.tools.map((tool) => tool.schema),
    isParallel: (call) => {
      const tool = byName.get(call.name);
      return !tool || isRepeatable(tool);
    },
    run,
  };
}

function isRepeatable(tool: Tool): boolean {
  return tool.effect === 'pure' || tool.effect === 'idempotent';
}

function prepare(tool: Tool, call: ToolCall): ReturnType<Tool['prepare']> {
  if (call.arguments === undefined)
    return { ok: false, problem: `The arguments of ${tool.name} were no JSON object: ${preview(call.rawArguments)}` };
  const prepared = tool.prepare(call.arguments);
  if (prepared.ok) return prepared;
  return { ok: false, problem: `Wrong arguments for ${tool.name}: ${prepared.problem}. It was not run.` };
}

type Permission = { allowed: true } | { allowed: false; reason: string };

async function permission(
  input: DispatcherInput,
  question: { key: string; tool: Tool; call: PreparedCall },
): Promise<Permission> {
  const { tool } = question;
  const { role, address } = input.context;
  const verdict = decideTool({
    tool: tool.name,
    effect: tool.effect,
    role,
    origins: input.origins,
    chat: address.kind,
  });
  if (verdict.verdict === 'allow') return { allowed: true };
  input.log.info({ tool: tool.name, verdict: verdict.verdict, turn: input.context.turn }, 'tool call held back');
  if (verdict.verdict === 'deny') return { allowed: false, reason: `Not allowed: ${verdict.reason} It was not run.` };
  return askPerson(input, question, verdict.reason);
}

/** One exact call, once: the digest of what runs must be the digest of what was shown. */
async function askPerson(
  input: DispatcherInput,
  { key, tool, call }: { key: string; tool: Tool; call: PreparedCall },
  reason: string,
): Promise<Permission> {
  const { db, scope, turn, address } = input.context;
  const digest = createHash('sha256').update(`${tool.name}\u001f${call.canonical}`).digest('hex');
  const request = {
    turn,
    callId: key,
    chatKey: addressKey(address),
    tool: tool.name,
    arguments: call.canonical,
    digest,
    ttlMs: input.limits.approvalTtlMs,
  };
  let approval = await requestApproval(db, scope, request);
  if (approval.state === 'pending' && approval.expiresAt > input.context.clock.now()) {
    if (!(await showApproval(input, approval, reason))) return UNASKED;
    approval = await requestApproval(db, scope, request);
  }
  switch (approval.state) {
    case 'allowed':
      return (await takeApproval(db, scope, approval.id, digest)) ? { allowed: true } : EXPIRED;
    case 'used':
      // Taken just before a restart: nothing is in the journal, so it has not run yet.
      return approval.digest === digest ? { allowed: true } : EXPIRED;
    case 'denied':
      return {
        allowed: false,
        reason: `The person said no${approval.reason === undefined ? '' : `: ${approval.reason}`}. It was not run; do not try it another way.`,
      };
    case 'pending':
    case 'expired':
      return EXPIRED;
  }
}

/** False when the person could not be asked, for which the call is not worth losing the turn. */
async function showApproval(input: DispatcherInput, approval: Approval, reason: string): Promise<boolean> {
  try {
    await untilAborted(input.approvals.requestApproval(approval, reason, input.signal), input.signal);
    return true;
  } catch (error) {
    if (input.signal.aborted) throw cancelledError(input.signal);
    input.log.warn({ approval: approval.id, err: error }, 'approval could not be asked for');
    return false;
  }
}

const UNASKED: Permission = {
  allowed: false,
  reason: 'The person must allow this first and could not be asked here. It was not run.',
};

const EXPIRED: Permission = {
  allowed: false,
  reason: 'The person was asked to allow this and did not answer in time. It was not run.',
};

function idempotencyKey(turn: string, key: string): string {
  return createHash('sha256').update(`${turn}\u001f${key}`).digest('hex').slice(0, 40);
}

function failure(text: string): ToolOutcome {
  return { text, isError: true, origin: 'agent' };
}

function timeoutText(tool: Tool, timeoutMs: number): string {
  const fate = isRepeatable(tool) ? '' : ' Whether it took effect is unknown; do not simply repeat it.';
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
