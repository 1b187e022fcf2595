// /usage: what the model calls of this person took, in tokens and money.
import { sumUsage, type UsageSum } from '../../data/usage.ts';
import { AppError } from '../../shared/errors.ts';
import { amount, code, counted, money } from './format.ts';
import type { Command, CommandContext } from './types.ts';

const DEFAULT_DAYS = 7;
const MAX_DAYS = 366;

export const usage: Command = {
  name: 'usage',
  aliases: ['cost'],
  description: 'Tokens and money used today and lately',
  usage: '[days]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const days = parseDays(context.args);
    const parts = [
      ['Today', 1],
      [`Last ${days} days`, days],
    ] as const;
    const texts: string[] = [];
    for (const [title, span] of days === 1 ? parts.slice(0, 1) : parts) {
      const sums = await sumUsage(context.db, context.scope, {
        since: daysAgo(context, span - 1),
        ...onlyHere(context),
      });
      texts.push(`**${title}**: ${totalLine(sums)}${perModel(sums)}`);
    }
    const notes =
      context.address.kind === 'dm'
        ? ''
        : 'Your calls in this conversation only; ask me in a direct message for all.\n\n';
    return { text: `${notes}${texts.join('\n\n')}` };
  },
};

/** Start of today where Herald runs, in ms since the epoch. */
export function startOfToday(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}

/** Calls, tokens and money of all models in one line; honest about calls whose price nobody knows. */
export function totalLine(sums: readonly UsageSum[]): string {
  const calls = sum(sums, (each) => each.calls);
  if (calls === 0) return 'no model calls.';
  const unpriced = sum(sums, (each) => each.unpriced);
  const tokens = `${counted(calls, 'model call')}, ${tokensOf(sums)}`;
  if (unpriced === 0) return `${tokens}, ${money(sum(sums, (each) => each.microUsd))}.`;
  if (unpriced === calls) return `${tokens}; what they cost is not known.`;
  return `${tokens}, ${money(sum(sums, (each) => each.microUsd))} and what ${counted(unpriced, 'call')} without a known price cost.`;
}

/** In a group the others read along: only this conversation counts there. */
function onlyHere({ address, session }: CommandContext) {
  return address.kind === 'dm' ? {} : { session: session.id };
}

function perModel(sums: readonly UsageSum[]): string {
  if (sums.length < 2) return sums[0] ? ` (${code(sums[0].model)})` : '';
  return sums.map((each) => `\n- ${code(each.model)} (${each.provider}): ${totalLine([each])}`).join('');
}

function tokensOf(sums: readonly UsageSum[]): string {
  const input = sum(sums, (each) => each.input + each.cacheRead + each.cacheWrite);
  const cached = sum(sums, (each) => each.cacheRead);
  const output = sum(sums, (each) => each.output);
  const hits = `${amount(cached)} of them, ${Math.round((cached / Math.max(1, input)) * 100)} %, from the cache`;
  return `${amount(input)} tokens in${cached === 0 ? '' : ` (${hits})`}, ${amount(output)} out`;
}

function sum(sums: readonly UsageSum[], value: (each: UsageSum) => number): number {
  return sums.reduce((total, each) => total + value(each), 0);
}

function parseDays(args: string): number {
  if (args === '') return DEFAULT_DAYS;
  const days = /^\d{1,4}$/.test(args) ? Number(args) : 0;
  if (days >= 1 && days <= MAX_DAYS) return days;
  throw new AppError('bad_input', `How many days? A number from 1 to ${MAX_DAYS}, such as \`/usage 30\`.`);
}

/** Midnight `days` days before today's; by the calendar, so that a day of 23 or 25 hours counts as one. */
function daysAgo({ clock }: CommandContext, days: number): number {
  const midnight = new Date(startOfToday(clock.now()));
  return midnight.setDate(midnight.getDate() - days);
}
