// Whether a tool call may run: one pure decision, closed by default. `ask` means that the person must allow these exact arguments.
import type { Effect } from '../../data/schema.ts';
import type { ChatKind, Origin, Role } from '../../shared/messages.ts';

export interface ToolQuestion {
  tool: string;
  effect: Effect;
  role: Role;
  /** Whose words are in the context of this turn. */
  origins: ReadonlySet<Origin>;
  /** Where the answer is read. */
  chat: ChatKind;
}

export type ToolVerdict = { verdict: 'allow' } | { verdict: 'ask' | 'deny'; reason: string };

const ALLOW: ToolVerdict = { verdict: 'allow' };

/** First rule that fits wins: reading is free, guests only read, foreign words ask before any effect, groups before a `once` effect. */
export function decideTool(question: ToolQuestion): ToolVerdict {
  switch (question.effect) {
    case 'pure':
      return ALLOW;
    case 'idempotent':
    case 'reversible':
    case 'once':
      return decideEffect(question);
    default:
      return { verdict: 'deny', reason: `${question.tool} does not say what it changes.` };
  }
}

function decideEffect(question: ToolQuestion): ToolVerdict {
  switch (question.role) {
    case 'owner':
    case 'admin':
    case 'member':
      break;
    case 'guest':
      return { verdict: 'deny', reason: 'Guests may read, not change or send anything.' };
    default:
      return { verdict: 'deny', reason: 'The role of this person is not known.' };
  }
  if (question.origins.has('foreign'))
    return { verdict: 'ask', reason: 'This conversation holds text or files from others, which may try to direct me.' };
  if (question.effect === 'once' && question.chat === 'group')
    return { verdict: 'ask', reason: 'This was asked in a group and cannot be undone.' };
  return ALLOW;
}
