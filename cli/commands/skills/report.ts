// `herald skills report`: what each version of a skill has shown itself to be worth, and what curation did.
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import type { OperationOutput } from '../../../gateway/control/operations.ts';
import { formatPreview, formatTable, formatTime } from '../../output.ts';

type Report = OperationOutput<'skills.report'>;
type Skill = Report['skills'][number];
type Numbers = Skill['steps']['withSkill'];

const MAX_STEPS_SHOWN = 10;

export async function runSkillsReport(context: CliContext, given: Given): Promise<number> {
  const report = await callControl(context.home, 'skills.report', { person: given.text('person') });
  context.print(report, showReport);
  return EXIT.ok;
}

export async function runSkillsUncurate(context: CliContext, given: Given): Promise<number> {
  const id = Number(given.need(0));
  const done = await callControl(context.home, 'skills.curation.undo', { id, person: given.text('person') });
  context.print(done, () => `Step ${id} of curation is taken back.`);
  return EXIT.ok;
}

function showReport({ skills, curation }: Report): string {
  const steps = curation.filter(({ kind }) => kind !== 'noted').slice(0, MAX_STEPS_SHOWN);
  return [
    skills.length === 0
      ? 'No skill has been used yet.'
      : formatTable([
          ['skill', 'state', 'uses', 'success', 'without it', 'cost', 'without it', 'steps', 'without it', 'last used'],
          ...skills.map(rowOf),
        ]),
    ...skills.flatMap(({ skill, number, state, uses, verdict, helps, hurts, replays }) =>
      verdict && (uses > 0 || state === 'trial')
        ? [
            `${nameOf(skill, number)}: ${verdict.decision}. ${formatPreview(verdict.why, 300)} For it ${odds(helps)} (20 promotes), against it ${odds(hurts)} (10 rolls back); ${replays} replayed.`,
          ]
        : [],
    ),
    ...(steps.length === 0
      ? []
      : [
          'Curation, latest first (herald skills uncurate <number> takes a step back):',
          formatTable(
            steps.map(({ id, kind, skill, other, why, at, undoneAt }) => [
              String(id),
              formatTime(at),
              kind,
              other === undefined ? skill : `${skill} into ${other}`,
              `${formatPreview(why, 100)}${undoneAt === undefined ? '' : ' Taken back.'}`,
            ]),
          ),
        ]),
  ].join('\n');
}

function rowOf(skill: Skill): readonly string[] {
  const { unit } = skill.cost;
  return [
    nameOf(skill.skill, skill.number),
    skill.state.replace('_', ' '),
    `${skill.uses}${skill.verified > 0 ? ` (${skill.verified} verified)` : ''}`,
    share(skill.success.withSkill),
    share(skill.success.without),
    money(skill.cost.withSkill, unit),
    money(skill.cost.without, unit),
    count(skill.steps.withSkill),
    count(skill.steps.without),
    skill.lastUsedAt === undefined ? 'never' : formatTime(skill.lastUsedAt),
  ];
}

function nameOf(skill: string, number: number): string {
  return number === 0 ? `${skill} (as it came)` : `${skill} v${number}`;
}

function share(numbers: Numbers): string {
  if (!numbers) return '–';
  const percent = (value: number) => Math.round(value * 100);
  return `${percent(numbers.value)} % (${percent(numbers.low)}–${percent(numbers.high)})`;
}

function money(numbers: Numbers, unit: Skill['cost']['unit']): string {
  if (!numbers) return '–';
  const text = (value: number) => (unit === 'tokens' ? String(Math.round(value)) : (value / 1_000_000).toFixed(4));
  const [before, after] = unit === 'tokens' ? ['', ' tokens'] : ['$', ''];
  return `${before}${text(numbers.value)}${after} (${text(numbers.low)}–${text(numbers.high)})`;
}

function count(numbers: Numbers): string {
  return numbers ? `${numbers.value} (${numbers.low}–${numbers.high})` : '–';
}

function odds(wealth: number): string {
  return wealth >= 1_000 ? 'over 1000' : wealth.toFixed(1);
}
