// The loop of a turn: ask the model, run the tools it asks for, give it the results, until it answers. It is pure: all that it does
// goes through its ports, so that the same journal gives the same turn. Contract: never throws; failures are results.
import { cancelledError, untilAborted } from './abort.ts';
import { makeBreaker, refusedRepeat, type Breaker } from './breaker.ts';
import { presentTool } from './context/present.ts';
import type { AgentEvent } from './events.ts';
import { toolKey, type ToolOutcome, type TurnJournal } from './journal.ts';
import type { TranscriptEntry, TurnEnd } from './port.ts';
import type { ModelMessage, ModelReply, ToolCall } from './providers/types.ts';
import type { Clock } from '../shared/clock.ts';
import { AppError, asAppError } from '../shared/errors.ts';
import type { StoredFile } from '../shared/messages.ts';

/** Messages of people as they enter the turn. */
export interface Arrival {
  messages: readonly ModelMessage[];
  entries: readonly TranscriptEntry[];
}

export interface LoopPorts {
  /** One model call over the messages of this turn so far; emits its own text events. Rejects with AppError. */
  callModel(call: { step: number; messages: readonly ModelMessage[]; withTools: boolean }): Promise<ModelReply>;
  /**
   * Runs one call, or replays it from the journal. Failures of the tool are outcomes; rejects with AppError when the turn cannot go
   * on (cancelled, journal not writable).
   */
  runTool(key: string, call: ToolCall): Promise<ToolOutcome>;
  /** Whether the call may run beside others. */
  isParallel(call: ToolCall): boolean;
  /** Whether somebody must allow the call first. */
  mustAsk(call: ToolCall): boolean;
  journal: Pick<TurnJournal, 'reply' | 'recordReply' | 'tool'>;
  /** People's messages that arrived since; asked after the tools of `step`. `replay`: take what the journal has, claim nothing new. */
  steer(step: number, replay: boolean): Promise<Arrival | undefined>;
  emit(event: AgentEvent): void;
  clock: Clock;
  signal: AbortSignal;
}

export interface LoopInput {
  opening: Arrival;
  /** Model calls in one turn; the last one is made without tools. At least 1. */
  maxIterations: number;
  /** Tool calls at the same time. At least 1. */
  maxParallel: number;
}

/** A tool call of this turn and how far it came. */
export interface CallReport {
  name: string;
  key: string;
  state: 'done' | 'failed' | 'unknown' | 'not-run';
}

export interface LoopResult {
  end: TurnEnd;
  /** What the model said to the person, all paragraphs; without any word about a failure. */
  text: string;
  transcript: readonly TranscriptEntry[];
  calls: readonly CallReport[];
  /** What tools made for the person. */
  files: readonly StoredFile[];
  /** Set exactly when `end` is 'failed'. */
  error?: AppError;
}

/** How long a model call or a tool may still take to wind up after an abort; the whole turn has a second. */
const WIND_UP_MS = { model: 200, tool: 500 };

const CONTINUE =
  '(Your reply was cut off at its length limit. Go on exactly where it stopped, without repeating anything.)';
const NUDGE = '(Your last reply was empty. Answer the person now.)';
const WRAP_UP =
  '(No more tool calls are possible in this turn. Tell the person now what you found, what is done and what is left.)';

interface LoopState {
  messages: ModelMessage[];
  transcript: TranscriptEntry[];
  calls: CallReport[];
  files: StoredFile[];
  paragraphs: string[];
  /** Start of a reply that was cut off at its length limit. */
  cutOff: string | undefined;
  hasContinued: boolean;
  hasNudged: boolean;
  /** Set when the model was told to answer without tools. */
  wrappingUp: boolean;
  breaker: Breaker;
}

/** Runs a turn to its end. Resolves within a second of `ports.signal` aborting, whatever its ports do. */
export async function runLoop(ports: LoopPorts, input: LoopInput): Promise<LoopResult> {
  const state: LoopState = {
    messages: [...input.opening.messages],
    transcript: [...input.opening.entries],
    calls: [],
    files: [],
    paragraphs: [],
    cutOff: undefined,
    hasContinued: false,
    hasNudged: false,
    wrappingUp: false,
    breaker: makeBreaker(),
  };
  try {
    for (let step = 1; ; step++) {
      if (step >= input.maxIterations || state.breaker.isTripped()) wrapUp(state, step);
      const reply = await nextReply(ports, state, step);
      if (reply.toolCalls.length > 0 && !state.wrappingUp) await handleCalls(ports, state, { step, reply, input });
      else if (settle(state, reply)) return finish(state, 'done');
    }
  } catch (error) {
    if (ports.signal.aborted) return finish(state, 'stopped');
    return { ...finish(state, 'failed'), error: asAppError(error) };
  }
}

function wrapUp(state: LoopState, step: number): void {
  if (state.wrappingUp) return;
  state.wrappingUp = true;
  if (step > 1) pushUser(state, WRAP_UP);
}

/** The reply of this step: from the journal, or made now and on disk before anything follows from it. */
async function nextReply(ports: LoopPorts, state: LoopState, step: number): Promise<ModelReply> {
  if (ports.signal.aborted) throw cancelledError(ports.signal);
  const known = ports.journal.reply(step);
  const reply = known ?? (await askModel(ports, state, step));
  if (!known) await ports.journal.recordReply(step, reply);
  emit(ports, { type: 'step', text: reply.text, usage: reply.usage });
  return reply;
}

async function askModel(ports: LoopPorts, state: LoopState, step: number): Promise<ModelReply> {
  const work = ports.callModel({ step, messages: [...state.messages], withTools: !state.wrappingUp });
  return untilAborted(work, ports.signal, { clock: ports.clock, graceMs: WIND_UP_MS.model });
}

/** Takes a reply that calls no tool (or may not any more). True when the turn is over. Throws AppError when there is nothing to say. */
function settle(state: LoopState, reply: ModelReply): boolean {
  const text = reply.text.trim() === '' ? '' : reply.text;
  const isLast = state.wrappingUp;
  if (reply.stop === 'max_tokens' && text !== '' && !state.hasContinued && !isLast) {
    state.hasContinued = true;
    state.cutOff = text;
    state.messages.push({ role: 'assistant', text, toolCalls: [], reasoning: reply.reasoning });
    pushUser(state, CONTINUE);
    return false;
  }
  const nothingSaid = text === '' && state.cutOff === undefined;
  if (nothingSaid && reply.stop === 'refusal')
    throw new AppError(
      'model_refused',
      'The model refused to answer this. Your message is kept; rephrase it or choose another model (/model).',
    );
  if (nothingSaid && !state.hasNudged && !isLast) {
    state.hasNudged = true;
    pushUser(state, NUDGE);
    return false;
  }
  if (nothingSaid && isLast) {
    addParagraph(
      state,
      'I stopped here: this took more steps than one turn may have. Ask me to go on, and I will.',
      [],
    );
    return true;
  }
  if (nothingSaid && state.paragraphs.length === 0)
    throw new AppError(
      'model_protocol',
      'The model gave an empty answer twice. Your message is kept; send /retry, or choose another model (/model).',
      { retryable: true },
    );
  if (!nothingSaid) addParagraph(state, text, reply.reasoning);
  if (reply.stop === 'max_tokens' && !nothingSaid)
    state.paragraphs.push('(The answer was cut off at its length limit. Ask me to go on for the rest.)');
  return true;
}

/** Adds the model's words to the transcript, joined with the part that was cut off before them. */
function addParagraph(
  state: LoopState,
  text: string,
  reasoning: ModelReply['reasoning'],
  toolCalls: readonly ToolCall[] = [],
): void {
  const whole = (state.cutOff ?? '') + text;
  state.cutOff = undefined;
  if (whole.trim() !== '') state.paragraphs.push(whole);
  state.transcript.push({
    role: 'assistant',
    text: whole,
    toolCalls: JSON.stringify(toolCalls),
    reasoning: JSON.stringify(reasoning),
  });
}

function pushUser(state: LoopState, text: string): void {
  state.messages.push({ role: 'user', content: [{ type: 'text', text }] });
}

async function handleCalls(
  ports: LoopPorts,
  state: LoopState,
  round: { step: number; reply: ModelReply; input: LoopInput },
): Promise<void> {
  const { step, reply, input } = round;
  addParagraph(state, reply.text, reply.reasoning, reply.toolCalls);
  state.messages.push({
    role: 'assistant',
    text: reply.text,
    toolCalls: reply.toolCalls,
    reasoning: reply.reasoning,
  });
  const keyed = keyCalls(step, reply.toolCalls);
  const outcomes = new Map<string, ToolOutcome>();
  try {
    for (const batch of planBatches(ports, keyed)) await runBatch(ports, state, { batch, outcomes, input });
  } finally {
    // Also after a failure: a call without a result would make the history invalid.
    for (const { call, key } of keyed) recordCall(ports, state, { call, key, outcome: outcomes.get(key) });
  }
  const steering = ports.steer(step, ports.journal.reply(step + 1) !== undefined);
  // With some grace, so that what was claimed for this turn is in its record even when it is stopped meanwhile.
  const arrival = await untilAborted(steering, ports.signal, { clock: ports.clock, graceMs: WIND_UP_MS.model });
  if (!arrival) return;
  state.messages.push(...arrival.messages);
  state.transcript.push(...arrival.entries);
  emit(ports, { type: 'steered', count: arrival.entries.length });
}

interface KeyedCall {
  call: ToolCall;
  key: string;
}

function keyCalls(step: number, calls: readonly ToolCall[]): readonly KeyedCall[] {
  const seen = new Map<string, number>();
  return calls.map((call) => {
    const index = seen.get(call.id) ?? 0;
    seen.set(call.id, index + 1);
    return { call, key: toolKey(step, call, index) };
  });
}

/**
 * Neighbours that may run together, in order; a call that may not is a batch of its own, so that effects keep their order. What waits for a
 * person comes last, so that the rest need not wait too.
 */
function planBatches(ports: LoopPorts, calls: readonly KeyedCall[]): readonly (readonly KeyedCall[])[] {
  const batches: KeyedCall[][] = [];
  let open: KeyedCall[] | undefined;
  const asking = new Set(calls.filter(({ call }) => ports.mustAsk(call)));
  for (const keyed of [...calls.filter((one) => !asking.has(one)), ...asking]) {
    if (!ports.isParallel(keyed.call)) {
      batches.push([keyed]);
      open = undefined;
    } else if (open) open.push(keyed);
    else batches.push((open = [keyed]));
  }
  return batches;
}

async function runBatch(
  ports: LoopPorts,
  state: LoopState,
  work: { batch: readonly KeyedCall[]; outcomes: Map<string, ToolOutcome>; input: LoopInput },
): Promise<void> {
  const { batch, outcomes } = work;
  const admitted: KeyedCall[] = [];
  for (const keyed of batch) {
    if (state.breaker.admit(keyed.call) === 'run') admitted.push(keyed);
    else outcomes.set(keyed.key, refusedRepeat(keyed.call));
  }
  const waiting = [...admitted];
  let failure: AppError | undefined;
  const worker = async () => {
    for (let next = waiting.shift(); next && failure === undefined; next = waiting.shift()) {
      try {
        if (ports.signal.aborted) throw cancelledError(ports.signal);
        const running = ports.runTool(next.key, next.call);
        const grace = { clock: ports.clock, graceMs: WIND_UP_MS.tool };
        outcomes.set(next.key, await untilAborted(running, ports.signal, grace));
      } catch (error) {
        failure ??= asAppError(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(work.input.maxParallel, admitted.length) }, worker));
  for (const { call, key } of admitted) {
    const outcome = outcomes.get(key);
    if (outcome) outcomes.set(key, state.breaker.observe(call, outcome));
  }
  if (failure !== undefined) throw failure;
}

/** Writes a call's end to messages and transcript; without an outcome the turn is ending and the call was cut off. */
function recordCall(
  ports: LoopPorts,
  state: LoopState,
  end: { call: ToolCall; key: string; outcome: ToolOutcome | undefined },
): void {
  const { call, key } = end;
  const begun = ports.journal.tool(key) !== undefined;
  const outcome = end.outcome ?? cutOffOutcome(begun, ports.isParallel(call));
  state.messages.push(presentTool(call, outcome));
  const { text, isError, origin, files = [] } = outcome;
  state.transcript.push({ role: 'tool', callId: call.id, name: call.name, text, isError, origin });
  state.files.push(...files);
  const cut: CallReport['state'] = begun && !ports.isParallel(call) ? 'unknown' : 'not-run';
  state.calls.push({ name: call.name, key, state: end.outcome ? (outcome.isError ? 'failed' : 'done') : cut });
}

function cutOffOutcome(begun: boolean, isRepeatable: boolean): ToolOutcome {
  const text = !begun
    ? 'Not run: the turn ended before.'
    : isRepeatable
      ? 'The turn ended before this was finished.'
      : 'The turn ended while this was running; whether it took effect is unknown.';
  return { text, isError: true, origin: 'agent' };
}

function finish(state: LoopState, end: TurnEnd): LoopResult {
  // What was said before a cut belongs to the record even when the rest never came.
  if (state.cutOff !== undefined) addParagraph(state, '', []);
  const { transcript, calls, files } = state;
  return { end, text: state.paragraphs.join('\n\n'), transcript, calls, files };
}

/** Display must not be able to end a turn. */
function emit(ports: LoopPorts, event: AgentEvent): void {
  try {
    ports.emit(event);
  } catch {
    // What counts is in the journal.
  }
}
