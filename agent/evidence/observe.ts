// What a turn on disk says of itself: the request, its calls, what failed, what was refused, whether the skill's own check was run. Pure.
import { z } from 'zod';
import type { TurnOutcome } from '../../data/evidence/tables.ts';
import type { StoredMessage } from '../../data/messages.ts';
import { holds } from '../review/draft.ts';
import type { EndedTurn } from '../knowledge.ts';
import { toolCallSchema } from '../journal.ts';
import type { ToolCall } from '../providers/types.ts';
import { readCalled } from '../skills/called.ts';
import { saysWrong } from './signals.ts';

export interface ObservedCall {
  name: string;
  arguments: ToolCall['arguments'];
  /** Undefined: the turn ended before. */
  result: { text: string; isError: boolean; isForeign: boolean } | undefined;
}

export interface ObservedTurn {
  /** The first words of the person. */
  request: string;
  /** Skills that they called by name. */
  asked: readonly string[];
  /** In order. */
  calls: readonly ObservedCall[];
  /** Replies of the model. */
  steps: number;
  toolErrors: number;
  answer: string;
  /** The person said in the middle of it that it goes wrong. */
  isCorrected: boolean;
}

const callsSchema = z.array(toolCallSchema);

/** `messages`: all of one turn, in order. */
export function observeTurn(messages: readonly StoredMessage[]): ObservedTurn {
  const results = messages.filter(({ role }) => role === 'tool');
  const said = messages.filter(({ role }) => role === 'user');
  const replies = messages.filter(({ role }) => role === 'assistant');
  const first = messages.findIndex(({ role }) => role === 'assistant');
  // Ids of calls may repeat in a later reply: each result is taken once.
  const left = [...results];
  const calls = replies
    .flatMap((reply) => parseCalls(reply))
    .map((call): ObservedCall => {
      const at = left.findIndex(({ toolCallId }) => toolCallId === call.id);
      const [found] = at === -1 ? [] : left.splice(at, 1);
      const result = found && {
        text: found.text,
        isError: found.isError ?? false,
        isForeign: found.origin === 'foreign',
      };
      return { name: call.name, arguments: call.arguments, result };
    });
  return {
    ...readRequest(said[0]?.text ?? ''),
    calls,
    steps: replies.length,
    toolErrors: results.filter(({ isError }) => isError).length,
    answer: replies.at(-1)?.text ?? '',
    isCorrected: messages.some(
      ({ role, text }, index) => role === 'user' && index > first && first >= 0 && saysWrong(text),
    ),
  };
}

function readRequest(text: string): Pick<ObservedTurn, 'request' | 'asked'> {
  const { words, skills } = readCalled(text);
  return { request: words, asked: skills };
}

function parseCalls({ toolCalls }: StoredMessage): readonly ToolCall[] {
  if (toolCalls === undefined) return [];
  const parsed = callsSchema.safeParse(JSON.parse(toolCalls));
  return parsed.success ? parsed.data : [];
}

/** Before the person has said more. `isVerified`: what the skill says to check was run and worked. */
export function outcomeOf(turn: ObservedTurn, state: EndedTurn['state'], isVerified: boolean): TurnOutcome {
  if (state === 'failed') return 'failed';
  if (turn.isCorrected) return 'corrected';
  if (state === 'stopped' || turn.answer.trim() === '') return 'abandoned';
  return isVerified ? 'verified' : 'done';
}

/** Place of the first call that reads the skill; -1 when none does: then it was there from the start. */
export function viewOf(turn: ObservedTurn, skill: string): number {
  return turn.calls.findIndex(({ name, arguments: args }) => name === 'skill_view' && args?.['name'] === skill);
}

/** As agent/policy/permission.ts words it. Results of others may say the same, so only our own count. */
const REFUSAL = /^(?:Not allowed: |The person said no[.:])/;

/** Calls that the policy or the person refused, after place `after`. */
export function countRefusals(turn: ObservedTurn, after: number): number {
  return turn.calls.filter(
    ({ result }, index) => index > after && result?.isError && !result.isForeign && REFUSAL.test(result.text),
  ).length;
}

/** What is shorter stands in many a call. */
const MIN_CHECK_CHARS = 4;

/** What the skill says to run to see that it worked: the code in its section "Verification". */
export function checksOf(body: string): readonly string[] {
  const checks = new Set<string>();
  let isInside = false;
  let isCode = false;
  for (const line of body.split('\n')) {
    if (/^\s*```/.test(line)) isCode = !isCode;
    else if (!isCode && /^#{1,6}\s/.test(line)) isInside = /^#+\s*(?:verif|check|überprüf|prüf)/iu.test(line);
    else if (isInside && isCode) checks.add(plain(line));
    else if (isInside) for (const [, code = ''] of line.matchAll(/`([^`]+)`/g)) checks.add(plain(code));
  }
  return [...checks].filter((code) => code.length >= MIN_CHECK_CHARS && !code.startsWith('#'));
}

/** Whether one of the checks was run after place `after`, and the last run of each that was worked. */
export function areChecksPassed(turn: ObservedTurn, checks: readonly string[], after: number): boolean {
  const ran = checks.flatMap((check) => {
    const last = turn.calls.findLast(
      ({ name, arguments: args }, index) =>
        index > after && name !== 'skill_view' && holds(plain(JSON.stringify(args ?? {})), quoted(check)),
    );
    return last ? [last] : [];
  });
  return ran.length > 0 && ran.every(({ result }) => result && !result.isError && !FAILED_EXIT.test(result.text));
}

/** As agent/tools/terminal says that a command ended otherwise than well. */
const FAILED_EXIT = /\[[^\]]*exit status (?!0\])\d+[^\]]*\]\s*$/;

function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** As it stands within the JSON of arguments. */
function quoted(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
