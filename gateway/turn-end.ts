// What becomes of the rows and the conversation when a turn ends: pure.
import type { TranscriptEntry } from '../agent/port.ts';
import type { NewMessage } from '../data/messages.ts';
import type { InboxRow } from '../data/process/inbox.ts';
import type { TurnFinish } from '../data/process/turns.ts';
import type { InboxId } from '../shared/ids.ts';
import type { TurnCut } from './lanes.ts';

/** Why a turn ended that is not begun again. */
export type Cut = Exclude<TurnCut['why'], 'shutdown'>;

/** All rows of a turn that came to nothing. */
export function endDead(rows: readonly InboxRow[], reason: string): TurnFinish['inbox'][number] {
  return { rows: rows.map((row) => row.id), state: 'dead', reason };
}

/** What is kept of the conversation. */
export function messagesOf(transcript: readonly TranscriptEntry[], end: 'failed' | Cut | undefined): NewMessage[] {
  return closed(transcript, end).map(messageOf);
}

/** A history that ends with a question invites the model to answer it next time: what was cut off says so. */
function closed(transcript: readonly TranscriptEntry[], end: 'failed' | Cut | undefined): readonly TranscriptEntry[] {
  const last = transcript.at(-1);
  if (end === undefined || last === undefined || last.role === 'assistant') return transcript;
  const why = end === 'failed' ? 'This turn failed before I could answer.' : 'I was stopped before I answered.';
  return [...transcript, { role: 'assistant', text: `(${why})`, toolCalls: '[]', reasoning: '[]' }];
}

/** The first row is answered and the others are merged into it; a turn that did not end well ends all of its rows alike. */
export function inboxEnds(
  rows: readonly InboxRow[],
  end: 'done' | 'failed' | Cut,
  code: string | undefined,
): TurnFinish['inbox'] {
  const ids = rows.map((row) => row.id);
  const [first, ...rest] = ids;
  if (first === undefined) return [];
  switch (end) {
    case 'done':
      return [{ rows: [first], state: 'answered' }, ...(rest.length > 0 ? [mergedInto(first, rest)] : [])];
    case 'failed':
    case 'timeout':
      return [{ rows: ids, state: 'dead', reason: code ?? end }];
    case 'stopped':
    case 'interrupted':
      return [{ rows: ids, state: 'superseded', reason: end }];
  }
}

function mergedInto(first: InboxId, rest: readonly InboxId[]): TurnFinish['inbox'][number] {
  return { rows: rest, state: 'merged', mergedInto: first };
}

/** An entry of a turn as it is stored. */
export function messageOf(entry: TranscriptEntry): NewMessage {
  switch (entry.role) {
    case 'user':
      return { role: 'user', author: entry.author, text: entry.text, files: entry.files, origin: entry.origin };
    case 'assistant':
      return {
        role: 'assistant',
        author: '',
        text: entry.text,
        toolCalls: entry.toolCalls,
        reasoning: entry.reasoning,
        origin: 'agent',
      };
    case 'tool':
      return {
        role: 'tool',
        author: '',
        text: entry.text,
        toolCallId: entry.callId,
        toolName: entry.name,
        isError: entry.isError,
        origin: entry.origin,
      };
  }
}
