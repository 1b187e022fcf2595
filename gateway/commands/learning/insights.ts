// /insights: what Herald did for this person over some days, with a picture.
import { AppError } from '../../../shared/errors.ts';
import { cleanText } from '../../../shared/text.ts';
import { readInsights, type Insights, type Share } from '../../insights/insights.ts';
import { amount, code, counted, money, plain } from '../format.ts';
import { planText } from '../schedule/job-text.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';

const DEFAULT_DAYS = 7;
const MAX_DAYS = 90;
const SHOWN = 5;

export const insights: Command = {
  name: 'insights',
  aliases: [],
  description: 'What I did lately: answers, tools, cost, with a picture',
  usage: '[days | weekly]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const { db, scope, clock, args, address, jobs, storeFile } = context;
    if (address.kind !== 'dm')
      return { text: 'I say that in a direct message only: others here need not know what you ask me.' };
    if (args === 'weekly') return planWeekly(context);
    const timezone = (await jobs?.timezone(scope)) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    const read = await readInsights(db, scope, { days: parseDays(args), now: clock.now(), timezone });
    const text = insightsText(read);
    if (read.total.calls === 0) return { text };
    const { drawInsights } = await import('../../insights/picture.ts');
    const picture = await storeFile('insights.png', 'image/png', drawInsights(read));
    return { text, files: [picture] };
  },
};

/** A job of Herald's own that says them each Monday. */
async function planWeekly({ jobs, scope, person, address }: CommandContext): Promise<CommandReply> {
  if (!jobs) throw new AppError('tool_unavailable', 'Nothing runs by itself here.');
  const made = await jobs.create(
    scope,
    { role: person.role, by: 'person' },
    {
      name: 'Weekly insights',
      when: 'every monday at 9',
      work: { kind: 'builtin', name: 'insights' },
      origin: address,
    },
  );
  return { text: `It is planned.\n\n${planText(made.plan)}` };
}

/** The same in words, as markdown. */
export function insightsText({ days, total, models, causes, work, learned, runs }: Insights): string {
  const title = days.length === 1 ? 'Today' : `The last ${days.length} days`;
  const done = work.turns['done'] ?? 0;
  const failed = work.turns['failed'] ?? 0;
  const workers = Object.values(work.workers).reduce((sum, count) => sum + count, 0);
  const lines = [
    `**${title}**: ${counted(done, 'answer')} in ${counted(work.conversations, 'conversation')}` +
      `${failed > 0 ? `, ${failed} failed` : ''}${workers > 0 ? `, ${counted(workers, 'worker')}` : ''}.`,
    total.calls === 0 ? 'No model was called.' : costLine(total),
    list('Models', models.map(shareLine)),
    list('Used for', causes.map(shareLine)),
    list(
      'Tools',
      work.tools.map(
        ({ name, calls, failed: bad }) => `${code(name)} ${amount(calls)}×${bad > 0 ? `, ${amount(bad)} failed` : ''}`,
      ),
    ),
    list(
      'Jobs',
      runs.map(
        ({ job, state, runs: count, microUsd }) =>
          `${plain(job)}: ${counted(count, 'run')} ${state}${microUsd > 0 ? `, ${money(microUsd)}` : ''}`,
      ),
    ),
    list('Learnt', [
      ...learned.skills.map(({ skill, state }) => `skill ${code(skill)} (${state.replace('_', ' ')})`),
      ...(learned.memories > 0 ? [counted(learned.memories, 'new memory', 'new memories')] : []),
    ]),
  ];
  return lines.filter((line) => line !== '').join('\n\n');
}

function costLine(total: Insights['total']): string {
  const cached =
    total.cachedShare > 0 ? ` (${Math.round(total.cachedShare * 100)} % of what went in from the cache)` : '';
  const cost =
    total.unpriced === 0
      ? money(total.microUsd)
      : total.unpriced === total.calls
        ? 'what they cost is not known'
        : `${money(total.microUsd)} and what ${counted(total.unpriced, 'call')} without a known price cost`;
  return `${counted(total.calls, 'model call')}, ${amount(total.tokens)} tokens${cached}, ${cost}.`;
}

function shareLine({ name, tokens, microUsd }: Share): string {
  return `${code(cleanText(name))} ${amount(tokens)} tokens, ${money(microUsd)}`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const shown = lines.slice(0, SHOWN).map((line) => `- ${line}`);
  const rest = lines.length > SHOWN ? [`- and ${lines.length - SHOWN} more`] : [];
  return [`**${title}**`, ...shown, ...rest].join('\n');
}

function parseDays(args: string): number {
  if (args === '') return DEFAULT_DAYS;
  const days = /^\d{1,3}$/.test(args) ? Number(args) : 0;
  if (days >= 1 && days <= MAX_DAYS) return days;
  throw new AppError('bad_input', `How many days? A number from 1 to ${MAX_DAYS}, such as \`/insights 30\`.`);
}
