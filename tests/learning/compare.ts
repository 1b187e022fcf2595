// The same weeks twice, with learning and without, as numbers, as a table and as a plot. The same seed gives the same bytes.
import { tellStory, type Task } from './story.ts';
import { FAMILIES } from './world.ts';

export interface Summary {
  tasks: number;
  /** Share that was right at the first answer. */
  success: number;
  /** Per task, until it was right. */
  replies: number;
  tokens: number;
  learningTokens: number;
}

export interface Arm {
  byWeek: readonly Summary[];
  /** The first quarter of the weeks, and the second half. */
  early: Summary;
  late: Summary;
  all: Summary;
  lateByFamily: Readonly<Record<string, Summary>>;
}

export interface SkillState {
  skill: string;
  number: number;
  state: string;
  uses: number;
  pairs: number;
  why: string;
}

export interface Comparison {
  seed: number;
  weeks: number;
  off: Arm;
  on: Arm;
  skills: readonly SkillState[];
}

export async function compare(options: { seed: number; weeks: number }): Promise<Comparison> {
  const off = await tellStory({ ...options, isLearning: false });
  await off.play.close();
  const on = await tellStory({ ...options, isLearning: true });
  const { skills } = await on.play.learning.evidence.report(on.scope);
  await on.play.close();
  return {
    ...options,
    off: armOf(off.tasks, options.weeks),
    on: armOf(on.tasks, options.weeks),
    skills: skills.map(({ skill, number, state, uses, pairs, verdict }) => ({
      skill,
      number,
      state,
      uses,
      pairs,
      why: verdict?.why ?? '',
    })),
  };
}

function armOf(tasks: readonly Task[], weeks: number): Arm {
  const quarter = Math.ceil(weeks / 4);
  const late = tasks.filter(({ week }) => week > weeks - lastWeeks(weeks));
  return {
    byWeek: Array.from({ length: weeks }, (_, index) => summaryOf(tasks.filter(({ week }) => week === index + 1))),
    early: summaryOf(tasks.filter(({ week }) => week <= quarter)),
    late: summaryOf(late),
    all: summaryOf(tasks),
    lateByFamily: Object.fromEntries(
      FAMILIES.map(({ tool }) => [tool, summaryOf(late.filter(({ family }) => family === tool))]),
    ),
  };
}

function summaryOf(tasks: readonly Task[]): Summary {
  const mean = (of: (task: Task) => number) =>
    tasks.reduce((sum, task) => sum + of(task), 0) / Math.max(1, tasks.length);
  return {
    tasks: tasks.length,
    success: mean(({ isRight }) => Number(isRight)),
    replies: mean(({ replies }) => replies),
    tokens: mean(({ tokens }) => tokens),
    learningTokens: mean(({ learningTokens }) => learningTokens),
  };
}

function lastWeeks(weeks: number): number {
  return Math.floor(weeks / 2);
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const whole = (value: number) => Math.round(value).toLocaleString('en-US');

/** Markdown, columns as wide as the formatter makes them. */
export function tableOf({ off, on, weeks, seed, skills }: Comparison): string {
  const first = Math.ceil(weeks / 4);
  const last = lastWeeks(weeks);
  const row = (name: string, of: (summary: Summary) => string) => [
    name,
    of(off.early),
    of(on.early),
    of(off.late),
    of(on.late),
  ];
  const numbers = markdown(
    [
      `seed ${seed}, ${weeks} weeks`,
      `off, first ${first}`,
      `on, first ${first}`,
      `off, last ${last}`,
      `on, last ${last}`,
    ],
    [
      row('tasks', ({ tasks }) => `${tasks}`),
      row('right at the first answer', ({ success }) => percent(success)),
      row('replies of the model per task', ({ replies }) => replies.toFixed(1)),
      row('tokens per task', ({ tokens }) => whole(tokens)),
      row('tokens of looking back and replays', ({ learningTokens }) => whole(learningTokens)),
      row('tokens in all', ({ tokens, learningTokens }) => whole(tokens + learningTokens)),
    ],
  );
  const states = markdown(
    ['skill', 'version', 'state at the end', 'uses', 'comparisons'],
    skills.map((one) => [
      `\`${one.skill}\``,
      `${one.number}`,
      one.state.replace('_', ' '),
      `${one.uses}`,
      `${one.pairs}`,
    ]),
  );
  return `${numbers}\n\n${states}`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) =>
    Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length), title.length),
  );
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

const PANEL = { width: 300, height: 190, left: 50, top: 44, gap: 28 } as const;
const COLOURS = { off: '#b45309', on: '#1d4ed8' } as const;

/** Three panels by week: right at first, replies, tokens with all that learning takes. */
export function plotOf({ off, on }: Comparison): string {
  const panels: readonly (readonly [string, (summary: Summary) => number, number | undefined])[] = [
    ['right at the first answer (%)', ({ success }) => success * 100, 100],
    ['replies of the model per task', ({ replies }) => replies, undefined],
    ['tokens per task, learning included', ({ tokens, learningTokens }) => tokens + learningTokens, undefined],
  ];
  const width = panels.length * (PANEL.width + PANEL.gap) + PANEL.gap;
  const drawn = panels.map(([title, of, top], index) => {
    const series = { off: off.byWeek.map(of), on: on.byWeek.map(of) };
    const max = top ?? Math.max(...series.off, ...series.on) * 1.1;
    return `<g transform="translate(${PANEL.gap / 2 + index * (PANEL.width + PANEL.gap)} ${PANEL.top})">\n${panelOf(title, series, max)}\n</g>`;
  });
  const legend = `<text x="${PANEL.left}" y="20" fill="${COLOURS.off}">learning off</text><text x="${PANEL.left + 90}" y="20" fill="${COLOURS.on}">learning on</text>`;
  const all = `<rect width="100%" height="100%" fill="#fff"/>\n${legend}\n${drawn.join('\n')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${PANEL.height + PANEL.top + 40}" font-family="sans-serif" font-size="12">\n${all}\n</svg>\n`;
}

function panelOf(title: string, series: { off: readonly number[]; on: readonly number[] }, max: number): string {
  const weeks = series.off.length;
  const inner = PANEL.width - PANEL.left;
  const x = (week: number) => (PANEL.left + (inner * week) / Math.max(1, weeks - 1)).toFixed(1);
  const y = (value: number) => (PANEL.height * (1 - value / max)).toFixed(1);
  const lines = (['off', 'on'] as const).map((arm) => {
    const points = series[arm].map((value, week) => `${x(week)},${y(value)}`).join(' ');
    return `<polyline points="${points}" fill="none" stroke="${COLOURS[arm]}" stroke-width="2"/>`;
  });
  const ticks = [0, 0.5, 1].map((share) => {
    const value = max * share;
    return `<text x="${PANEL.left - 6}" y="${(Number(y(value)) + 4).toFixed(1)}" text-anchor="end" fill="#555">${whole(value)}</text><line x1="${PANEL.left}" x2="${PANEL.width}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`;
  });
  const labels = [0, weeks - 1].map(
    (week) => `<text x="${x(week)}" y="${PANEL.height + 18}" text-anchor="middle" fill="#555">week ${week + 1}</text>`,
  );
  return [`<text x="${PANEL.left}" y="-8">${title}</text>`, ...ticks, ...labels, ...lines].join('\n');
}
