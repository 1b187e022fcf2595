// Whether a tool call may run: one pure decision, closed by default. `ask` means that the person must allow these exact arguments.
import type { ChatKind, Origin, Role } from '../../shared/messages.ts';
import type { Assessment, Touch } from '../tools/tool.ts';

/** manual: what reaches beyond workspace and sandbox is asked about · smart: a model may answer for harmless ones · off: it is free. */
export type ApprovalMode = 'manual' | 'smart' | 'off';

export interface ToolQuestion {
  tool: string;
  assessment: Pick<Assessment, 'effect' | 'touches' | 'forbidden' | 'risk'>;
  role: Role;
  /** Whose words are in the context of this turn. */
  origins: ReadonlySet<Origin>;
  /** Where the answer is read. */
  chat: ChatKind;
  mode: ApprovalMode;
  /** The strictest standing rule that fits the call. */
  rule: { verdict: 'ask' | 'deny'; words: string } | undefined;
  /** Every address that the call goes to stood in the conversation. */
  addressesSeen: boolean;
}

/** Why a person is asked; what may answer in their place depends on it. */
export type AskCause = 'rule' | 'foreign' | 'risk' | 'outside' | 'group';

export type ToolVerdict =
  | { verdict: 'allow' }
  | { verdict: 'deny'; reason: string }
  | { verdict: 'ask'; cause: AskCause; reason: string };

const ALLOW: ToolVerdict = { verdict: 'allow' };
const deny = (reason: string): ToolVerdict => ({ verdict: 'deny', reason });
const ask = (cause: AskCause, reason: string): ToolVerdict => ({ verdict: 'ask', cause, reason });

const EFFECTS: ReadonlySet<string> = new Set(['pure', 'idempotent', 'reversible', 'once']);
const ROLES: ReadonlySet<string> = new Set(['owner', 'admin', 'member', 'guest']);

/** What leaves the machine or outlasts the turn: nothing of it happens on the word of a stranger. */
const REACHING: ReadonlySet<Touch> = new Set(['machine', 'network', 'people', 'memory', 'settings', 'money']);

/** First rule that fits wins: what is never done, who may do nothing, standing rules, words of others, danger, outside, groups. */
export function decideTool(question: ToolQuestion): ToolVerdict {
  const { assessment, role, rule, tool } = question;
  const { effect, touches } = assessment;
  if (assessment.forbidden !== undefined) return deny(assessment.forbidden);
  if (!EFFECTS.has(effect)) return deny(`${tool} does not say what it changes.`);
  if (!ROLES.has(role)) return deny('The role of this person is not known.');
  if (rule?.verdict === 'deny') return deny(`A standing rule forbids it: "${rule.words}".`);
  if (role === 'guest' && (effect !== 'pure' || touches.includes('machine')))
    return deny('Guests may read, not change or send anything.');
  if (role === 'member' && touches.includes('machine'))
    return deny('Only owners and admins may reach the machine outside of their workspace.');
  if (rule?.verdict === 'ask') return ask('rule', `A standing rule says: "${rule.words}".`);
  if (question.origins.has('foreign') && reachesOut(question))
    return ask('foreign', 'This conversation holds text or files from others, which may try to direct me.');
  return question.mode === 'off' ? askInGroup(question) : askForDanger(question);
}

function reachesOut({ assessment, addressesSeen }: ToolQuestion): boolean {
  const reaching = assessment.touches.filter((touch) => REACHING.has(touch));
  if (reaching.length === 0) return false;
  // To look at what was named in the conversation tells nobody anything.
  return !(assessment.effect === 'pure' && addressesSeen && reaching.every((touch) => touch === 'network'));
}

function askForDanger(question: ToolQuestion): ToolVerdict {
  const { assessment } = question;
  if (assessment.risk !== undefined) return ask('risk', assessment.risk);
  if (assessment.touches.includes('machine')) return ask('outside', 'It reaches beyond the workspace and the sandbox.');
  return askInGroup(question);
}

function askInGroup({ assessment, chat }: ToolQuestion): ToolVerdict {
  const staysHere = assessment.touches.every((touch) => touch === 'workspace');
  if (assessment.effect === 'once' && chat === 'group' && !(staysHere && assessment.touches.length > 0))
    return ask('group', 'This was asked in a group and cannot be undone.');
  return ALLOW;
}
