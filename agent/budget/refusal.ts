// What a person reads when a cap stands in the way: which one, how much is used, when it starts anew, how to raise it.
import type { ExtendedCap } from '../../data/policy/extensions.ts';
import { AppError } from '../../shared/errors.ts';
import type { CapName, CapShare } from '../../data/usage.ts';

/** A call that was not made because of a cap. */
export class BudgetError extends AppError {
  /** What `/extend` takes. */
  readonly cap: ExtendedCap;
  constructor(cap: CapName, text: string) {
    super('budget_exceeded', text);
    this.cap = extendable(cap);
  }
}

const EXTENDABLE: readonly ExtendedCap[] = ['space_day', 'person_day', 'day', 'turn'];

/** The cap without its unit. */
export function extendable(cap: CapName): ExtendedCap {
  return EXTENDABLE.find((one) => cap === one || cap === `${one}_tokens`) ?? 'turn';
}

interface Cap {
  title: string;
  /** Key in config.yaml. */
  key: string;
  unit: 'usd' | 'tokens';
  daily: boolean;
}

const CAPS: Record<CapName, Cap> = {
  turn: { title: 'one answer', key: 'budget.per_turn_usd', unit: 'usd', daily: false },
  turn_tokens: { title: 'one answer', key: 'budget.per_turn_tokens', unit: 'tokens', daily: false },
  space_day: { title: 'this conversation per day', key: 'budget.per_chat_day_usd', unit: 'usd', daily: true },
  space_day_tokens: {
    title: 'this conversation per day',
    key: 'budget.per_chat_day_tokens',
    unit: 'tokens',
    daily: true,
  },
  person_day: { title: 'you per day', key: 'budget.per_person_day_usd', unit: 'usd', daily: true },
  person_day_tokens: { title: 'you per day', key: 'budget.per_person_day_tokens', unit: 'tokens', daily: true },
  day: { title: 'everybody together per day', key: 'budget.per_day_usd', unit: 'usd', daily: true },
  day_tokens: { title: 'everybody together per day', key: 'budget.per_day_tokens', unit: 'tokens', daily: true },
  cause_day: { title: 'looking back per day', key: 'review.daily_usd', unit: 'usd', daily: true },
  cause_day_tokens: { title: 'looking back per day', key: 'review.daily_tokens', unit: 'tokens', daily: true },
};

export function refusalText(
  refusal: { cap: CapName; limit: number; spent: number },
  at: { resetsAt: number; now: number; timezone: string },
): string {
  const cap = CAPS[refusal.cap];
  const used = `${amount(refusal.spent, cap.unit)} of ${amount(refusal.limit, cap.unit)}`;
  const when = cap.daily
    ? `It starts anew at ${timeText(at.resetsAt, at.timezone)}, in ${hoursText(at.resetsAt - at.now)}.`
    : 'The next message starts with a fresh one.';
  return (
    `I stopped at the limit for ${cap.title}: ${used} is used, and the next step could go beyond it. Your messages are kept. ` +
    `${when} The owner can extend it for today with \`/extend ${extendable(refusal.cap)}\`, or raise it with \`herald config set ${cap.key} <${cap.unit === 'usd' ? 'dollars' : 'tokens'}>\`.`
  );
}

function amount(value: number, unit: Cap['unit']): string {
  if (unit === 'tokens') return `${value.toLocaleString('en-US')} tokens`;
  const usd = value / 1_000_000;
  return `$${usd > 0 && usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

function timeText(at: number, timezone: string): string {
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' }).format(at);
  return `${time} (${timezone})`;
}

function hoursText(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a person reads when a cap is nearly reached. */
export function warningText({ cap, share }: CapShare, resetsAt: string): string {
  return `${Math.floor(share * 100)} % of the limit for ${CAPS[cap].title} is used; ${resetsAt}. \`/usage\` shows for what.`;
}
