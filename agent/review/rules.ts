// Looking back without a model, for the demo: what a person asks to be remembered, prefers or corrects becomes an entry, and what was done
// the same way in several conversations becomes a draft. Nothing is guessed.
import type { ModelReply, ToolCall } from '../providers/types.ts';
import type { JsonValue } from '../providers/types.ts';
import type { ReviewedTurn } from './material.ts';
import type { Trigger } from './triggers.ts';
import { preview } from '../../shared/text.ts';

const MAX_ENTRY_CHARS = 300;
const REMEMBER = /\b(?:please )?remember(?: that)?[:,]? +(.{3,})/i;
const MERK = /\bmerk(?:e)? dir[:,]?(?: dass)? +(.{3,})/i;
const PREFER = /\b(?:i (?:prefer|always want|like to|would rather)|ich (?:bevorzuge|möchte immer|mag lieber)) +.{2,}/i;

export interface RuleQuestion {
  turns: readonly ReviewedTurn[];
  triggers: readonly Trigger[];
  canDraft: boolean;
}

/** Says what to call in its first reply, and is done with its second. */
export function makeRuleReviewer(question: RuleQuestion): () => ModelReply {
  let isAsked = false;
  return () => {
    const calls = isAsked ? [] : callsFor(question);
    isAsked = true;
    return {
      text: 'done',
      toolCalls: calls,
      thinking: '',
      reasoning: [],
      stop: calls.length > 0 ? 'tool_calls' : 'end',
      usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      model: 'rules',
    };
  };
}

function callsFor({ turns, triggers, canDraft }: RuleQuestion): readonly ToolCall[] {
  const operations = turns.filter(({ isUndone }) => !isUndone).flatMap((turn) => entriesOf(turn, triggers));
  const memory = operations.length === 0 ? [] : [callOf('memory', 'memory', { operations })];
  if (!canDraft) return memory;
  const repeated = triggers.filter(({ kind }) => kind === 'repeated').slice(0, 1);
  return [...memory, ...repeated.map((trigger) => callOf('skill', 'skill_manage', draftOf(trigger)))];
}

function callOf(id: string, name: string, args: { [key: string]: JsonValue }): ToolCall {
  return { id, name, arguments: args, rawArguments: JSON.stringify(args) };
}

function entriesOf(turn: ReviewedTurn, triggers: readonly Trigger[]): { [key: string]: JsonValue }[] {
  const entry = (target: string, text: string) => ({ action: 'add', target, content: preview(text, MAX_ENTRY_CHARS) });
  const said = turn.said.split('\n').find((one) => REMEMBER.test(one) || MERK.test(one) || PREFER.test(one)) ?? '';
  const asked = REMEMBER.exec(said)?.[1] ?? MERK.exec(said)?.[1];
  if (asked !== undefined) return [entry('memory', asked)];
  const preferred = PREFER.exec(said)?.[0];
  if (preferred !== undefined) return [entry('user', `Says: “${preferred}”`)];
  const corrects = triggers.some(
    ({ kind, turns }) => kind === 'corrected' && turns.at(-1) === turn && !turns[0]?.isUndone,
  );
  return corrects ? [entry('memory', `Corrected me: “${preview(turn.said, 200)}”`)] : [];
}

function draftOf({ turns, why }: Trigger): { [key: string]: JsonValue } {
  const turn = turns.at(-1);
  const calls = turn?.calls.filter(({ isError }) => !isError) ?? [];
  const names = [...new Set(calls.map(({ name }) => name))];
  const asked = preview(turn?.said ?? '', 120).replace(/[`/~<>$-]/g, ' ');
  const slug =
    asked
      .toLowerCase()
      .match(/[a-z0-9]{2,}/g)
      ?.slice(0, 5)
      .join('-') ?? names.join('-');
  return {
    action: 'create',
    name: slug.slice(0, 60),
    turns: [turn?.label ?? ''],
    reason: `The same steps were taken in several conversations (${why}).`,
    description: `How to do what was asked as: ${asked}`,
    when_to_use: `When the person asks for something like: ${asked}`,
    procedure: calls.map(
      ({ name, texts }) => `Call ${name}${texts.map((text) => ` with \`${oneSpan(text)}\``).join('')}`,
    ),
    pitfalls: ['What differs from time to time must be taken from the question.'],
    verification: ['The last call ends without an error.'],
    triggers: [asked],
  };
}

/** A text that can stand in a code span; what cannot is cut at its first line. */
function oneSpan(text: string): string {
  return (text.split(/[`\n]/)[0] ?? '').slice(0, 200);
}
