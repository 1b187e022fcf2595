// The part of a conversation that is looked back at, turn by turn: what was said and done, whose words it holds, and how the model of the
// review reads it.
import { z } from 'zod';
import type { StoredMessage } from '../../data/messages.ts';
import type { TurnId } from '../../shared/ids.ts';
import { cleanText } from '../../shared/text.ts';
import { cutMiddle } from '../context/cut.ts';
import { holdsOthersWords } from '../context/others.ts';
import { cleanName, fence } from '../context/present.ts';
import { isForeignSummary } from '../context/summary.ts';
import { estimateTokens } from '../context/tokens.ts';
import { readCalled } from '../skills/called.ts';
import { toolCallSchema } from '../journal.ts';

const MAX_SAID_CHARS = 2_000;
const MAX_ARGUMENTS_CHARS = 800;
const MAX_RESULT_CHARS = 800;

export interface ReviewedCall {
  name: string;
  /** As the model wrote them, JSON. */
  arguments: string;
  /** Values of the arguments that are texts, at whatever depth. */
  texts: readonly string[];
  isError: boolean;
  /** False for a call without a result. */
  hasEnded: boolean;
}

export interface ReviewedTurn {
  id: TurnId;
  /** How the model of the review names it. */
  label: string;
  rows: readonly StoredMessage[];
  calls: readonly ReviewedCall[];
  /** What people said with authority, without what they handed on. */
  said: string;
  /** Taken back by /undo or /retry: nothing is learnt from its words. */
  isUndone: boolean;
  /** It ended with an answer, and its last call did not fail. */
  endedWell: boolean;
  at: number;
}

/** Rows of one session, oldest first. Summaries say nothing new. */
export function groupTurns(rows: readonly StoredMessage[], isGroup: boolean): readonly ReviewedTurn[] {
  const byTurn = new Map<TurnId, StoredMessage[]>();
  for (const row of rows) {
    if (row.turn === undefined || row.role === 'summary') continue;
    const known = byTurn.get(row.turn);
    if (known) known.push(row);
    else byTurn.set(row.turn, [row]);
  }
  return [...byTurn].map(([id, of], index) => makeTurn(id, `T${index + 1}`, of, isGroup));
}

function makeTurn(id: TurnId, label: string, rows: readonly StoredMessage[], isGroup: boolean): ReviewedTurn {
  const calls = callsOf(rows);
  const answer = rows.findLast((row) => row.role === 'assistant');
  const said = rows.filter((row) => isOfPerson(row) && !isOthers(row, isGroup)).map((row) => wordsOf(row.text));
  return {
    id,
    label,
    rows,
    calls,
    said: said.join('\n'),
    isUndone: rows.some((row) => row.state === 'undone'),
    endedWell:
      answer !== undefined && answer.text !== '' && answer === rows.at(-1) && !(calls.at(-1)?.isError ?? false),
    at: rows[0]?.createdAt ?? 0,
  };
}

const callsSchema = z.array(toolCallSchema);

function callsOf(rows: readonly StoredMessage[]): readonly ReviewedCall[] {
  return rows.flatMap((row, index) => {
    if (row.role !== 'assistant' || !row.toolCalls || row.toolCalls === '[]') return [];
    const parsed = callsSchema.safeParse(parseJson(row.toolCalls));
    return (parsed.data ?? []).map((call) => {
      const result = rows.slice(index + 1).find((other) => other.role === 'tool' && other.toolCallId === call.id);
      return {
        name: call.name,
        arguments: call.rawArguments,
        texts: textsIn(call.arguments),
        isError: result?.isError ?? false,
        hasEnded: result !== undefined,
      };
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn);
  return [];
}

/** The texts of skills that are called by name were not said by anybody, and are known already. */
function wordsOf(text: string): string {
  const { words, skills } = readCalled(text);
  return skills.length === 0 ? text : `${words}\n[Called with: ${skills.join(', ')}]`;
}

/** What Herald itself began a turn with, such as a job or the result of a worker, is nobody's word. */
export function isOfPerson(row: StoredMessage): boolean {
  return row.role === 'user' && (row.origin === 'owner' || row.origin === 'member');
}

/** Whether a row holds words of others: then what follows from it may be theirs. */
export function isOthers(row: StoredMessage, isGroup: boolean): boolean {
  if (row.origin === 'foreign') return true;
  if (row.role === 'summary') return isForeignSummary(row.text);
  return row.role === 'user' && (holdsOthersWords(row.text, isGroup) || (row.files?.length ?? 0) > 0);
}

/** The latest turns that fit; undone ones are named only. */
export function renderTurns(
  turns: readonly ReviewedTurn[],
  options: { isGroup: boolean; maxTokens: number },
): { text: string; shown: readonly ReviewedTurn[] } {
  const kept: { turn: ReviewedTurn; text: string }[] = [];
  let left = options.maxTokens;
  for (const turn of turns.toReversed()) {
    const text = renderTurn(turn, options.isGroup);
    const tokens = estimateTokens(text);
    if (tokens > left && kept.length > 0) break;
    // One turn that is too long alone is cut, not left out.
    const fitting = tokens > left ? cutMiddle(text, Math.max(1_000, left * 2), 'this turn') : text;
    kept.unshift({ turn, text: fitting });
    left -= Math.min(tokens, left);
  }
  const missing = turns.length - kept.length;
  const head = missing === 0 ? '' : `(${missing} earlier turns are left out.)\n\n`;
  return { text: head + kept.map(({ text }) => text).join('\n\n'), shown: kept.map(({ turn }) => turn) };
}

function renderTurn(turn: ReviewedTurn, isGroup: boolean): string {
  const head = `## ${turn.label} (${new Date(turn.at).toISOString().slice(0, 16).replace('T', ' ')})`;
  if (turn.isUndone) return `${head}\n(The person has taken this turn back.)`;
  return [head, ...turn.rows.flatMap((row) => renderRow(row, isGroup))].join('\n');
}

function renderRow(row: StoredMessage, isGroup: boolean): readonly string[] {
  const cut = (text: string, max: number) => cutMiddle(cleanText(text), max, 'this');
  switch (row.role) {
    case 'user': {
      const text = cut(wordsOf(row.text), MAX_SAID_CHARS);
      return [`${cleanName(row.author)}: ${isOthers(row, isGroup) ? fence(text, row.author) : text}`];
    }
    case 'assistant': {
      const said = row.text === '' ? [] : [`Herald: ${cut(row.text, MAX_SAID_CHARS)}`];
      const made = callsOf([row]).map((call) => `Call: ${call.name} ${cut(call.arguments, MAX_ARGUMENTS_CHARS)}`);
      return [...said, ...made];
    }
    case 'tool': {
      const text = cut(row.text, MAX_RESULT_CHARS);
      const body = row.origin === 'foreign' ? fence(text, row.toolName ?? 'a tool') : text;
      return [`Result of ${cleanName(row.toolName ?? 'a tool')}${row.isError ? ' (failed)' : ''}: ${body}`];
    }
    case 'summary':
      return [];
  }
}
