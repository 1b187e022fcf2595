// Goes through a recorded turn again, with a skill and without, to see which way comes to the same result with less. Nothing is ever executed:
// a call that stands in the record gets the result that it had then, any other is told that it has none.
import type { ReplayRun } from '../../data/evidence/replays.ts';
import type { StoredMessage } from '../../data/messages.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { findIdentifiers } from '../context/identifiers.ts';
import type { ToolOutcome } from '../journal.ts';
import { runLoop, type LoopPorts } from '../loop.ts';
import type { ModelReply, ModelRequest, ToolCall, ToolSchema } from '../providers/types.ts';
import { canonicalJson } from '../tools/tool.ts';
import { observeTurn, type ObservedTurn } from './observe.ts';

/** Model calls of one way through. */
const MAX_STEPS = 20;
const MAX_OUTPUT_TOKENS = 2_000;
/** Of the facts of the recorded answer, so many must be in the new one. */
const REACHED_SHARE = 0.7;
const MAX_FACTS = 30;
/** Reading the skill is what is tried, not part of the task. */
export const SKILL_TOOLS: ReadonlySet<string> = new Set(['skill_view', 'skills_list', 'skill_manage']);

const SYSTEM =
  'You are Herald, an agent that does tasks with tools. Do the task of the last message with the tools you have, then answer with the result.';
const NOT_RECORDED =
  'Nothing is known of this call: there is no result for these arguments. Do it another way, or answer with what you have.';

/** One model call over these messages. Rejects with AppError. */
export type AskReplay = (
  request: Pick<ModelRequest, 'system' | 'messages' | 'tools' | 'maxOutputTokens'>,
  signal: AbortSignal,
) => Promise<ModelReply>;

export interface ReplayInput {
  /** Of the recorded turn, in order. */
  messages: readonly StoredMessage[];
  /** The text of the skill; undefined: without. */
  skill: { name: string; body: string } | undefined;
  /** Of tools that the turn called; others are not offered. */
  tools: readonly ToolSchema[];
  ask: AskReplay;
  clock: Clock;
  signal: AbortSignal;
}

/** Names, numbers and addresses of the answer that came from the tools or the request: what another answer must have too. */
export function factsOf(turn: ObservedTurn): readonly string[] {
  const known = [turn.request, ...turn.calls.map(({ result }) => result?.text ?? '')].join('\n').toLowerCase();
  return findIdentifiers(turn.answer)
    .map((fact) => coreOf(fact))
    .filter(
      (fact, index, all) =>
        known.includes(fact) && !turn.request.toLowerCase().includes(fact) && all.indexOf(fact) === index,
    )
    .slice(0, MAX_FACTS);
}

/** A number without the words beside it, which may be others in another answer. */
function coreOf(fact: string): string {
  const number = /[#$€£]?\d[\d.,:/%–-]*/.exec(fact)?.[0];
  return (fact.includes(' ') && number !== undefined ? number : fact).toLowerCase().replace(/[.,:]+$/, '');
}

/** Whether a turn can be gone through again: it used tools, and its answer has facts to compare by. */
export function canReplay(messages: readonly StoredMessage[]): boolean {
  const turn = observeTurn(messages);
  const own = turn.calls.filter(({ name }) => !SKILL_TOOLS.has(name));
  return own.length > 0 && own.every(({ result }) => result) && factsOf(turn).length > 0;
}

/** Rejects with AppError when a model call does: a broken-off way says nothing. */
export async function replayTurn(input: ReplayInput): Promise<ReplayRun> {
  const recorded = observeTurn(input.messages);
  const record = openRecord(recorded);
  const spent = { tokens: 0, steps: 0 };
  const replies = new Map<number, ModelReply>();
  const result = await runLoop(
    {
      async callModel({ messages, withTools }) {
        const request = { system: [{ text: SYSTEM, cache: true }], messages, tools: withTools ? input.tools : [] };
        const reply = await input.ask({ ...request, maxOutputTokens: MAX_OUTPUT_TOKENS }, input.signal);
        spent.steps++;
        const { usage } = reply;
        spent.tokens += usage ? usage.input + usage.output + usage.cacheRead + usage.cacheWrite : 0;
        return reply;
      },
      runTool: async (_, call) => record.answer(call),
      isParallel: () => false,
      mustAsk: () => false,
      journal: {
        reply: (step) => replies.get(step),
        recordReply: async (step, reply) => void replies.set(step, reply),
        tool: () => undefined,
      },
      steer: async () => undefined,
      emit: () => undefined,
      clock: input.clock,
      signal: input.signal,
    } satisfies LoopPorts,
    {
      opening: {
        messages: [{ role: 'user', content: [{ type: 'text', text: openingOf(recorded, input.skill) }] }],
        entries: [],
      },
      maxIterations: MAX_STEPS,
      maxParallel: 1,
    },
  );
  if (result.end !== 'done')
    throw result.error ?? new AppError('cancelled', 'The replay was stopped. Nothing was changed.');
  return {
    reached: hasFacts(result.text, factsOf(recorded)),
    steps: spent.steps,
    tokens: spent.tokens,
    notRecorded: record.misses(),
  };
}

function openingOf({ request }: ObservedTurn, skill: ReplayInput['skill']): string {
  if (!skill) return request;
  return `How such tasks are done (skill ${skill.name}):\n\n${skill.body.trim()}\n\nThe task:\n\n${request}`;
}

function hasFacts(answer: string, facts: readonly string[]): boolean {
  const text = answer.toLowerCase();
  return facts.filter((fact) => text.includes(fact)).length >= facts.length * REACHED_SHARE;
}

interface ReplayRecord {
  answer(call: ToolCall): ToolOutcome;
  misses(): number;
}

/** Results by call. The same call made several times gets its results in order, the last one from then on. */
function openRecord(turn: ObservedTurn): ReplayRecord {
  const results = new Map<string, { text: string; isError: boolean }[]>();
  for (const { name, arguments: args, result } of turn.calls) {
    if (!result) continue;
    const key = keyOf(name, args);
    results.set(key, [...(results.get(key) ?? []), result]);
  }
  let misses = 0;
  return {
    answer(call) {
      const known = results.get(keyOf(call.name, call.arguments));
      const next = known && known.length > 1 ? known.shift() : known?.[0];
      if (next) return { text: next.text, isError: next.isError, origin: 'agent' };
      misses++;
      return { text: NOT_RECORDED, isError: true, origin: 'agent' };
    },
    misses: () => misses,
  };
}

function keyOf(name: string, args: ToolCall['arguments']): string {
  return `${name} ${canonicalJson(args ?? {})}`;
}
