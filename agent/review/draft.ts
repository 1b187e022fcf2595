// A skill as the review drafts it, and what stands against it: it must come from turns that were looked at, and every command and path in it
// must have been used there. What is made up is refused, and the model is told what.
import { AppError } from '../../shared/errors.ts';
import type { SkillInfo } from '../../skills/types.ts';
import type { ReviewedTurn } from './material.ts';

/** Share of the words of one description that another one has too, from which they are about the same. */
const SAME_SHARE = 0.6;

export interface SkillText {
  name: string;
  description: string;
  whenToUse: string;
  procedure: readonly string[];
  pitfalls: readonly string[];
  verification: readonly string[];
  triggers: readonly string[];
}

/** SKILL.md with its sections, in the order in which they are read. */
export function writeSkill(skill: SkillText): string {
  const numbered = skill.procedure.map((step, index) => `${index + 1}. ${oneLine(step)}`);
  const listed = (items: readonly string[]) => items.map((item) => `- ${oneLine(item)}`).join('\n');
  return [
    '---',
    `name: ${JSON.stringify(skill.name)}`,
    `description: ${JSON.stringify(oneLine(skill.description))}`,
    `triggers: ${JSON.stringify(skill.triggers.map(oneLine))}`,
    '---',
    '',
    `# ${skill.name}`,
    '',
    '## When to use',
    '',
    skill.whenToUse.trim(),
    '',
    '## Procedure',
    '',
    numbered.join('\n'),
    '',
    '## Pitfalls',
    '',
    listed(skill.pitfalls),
    '',
    '## Verification',
    '',
    listed(skill.verification),
    '',
  ].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

/** The turns that a draft says it was learnt from. Throws AppError `bad_input` for others, and when none of them is worth a skill. */
export function citedTurns(
  labels: readonly string[],
  known: readonly ReviewedTurn[],
  worthy: ReadonlySet<ReviewedTurn>,
): readonly ReviewedTurn[] {
  const cited = labels.map((label) => {
    const turn = known.find((one) => one.label === label.trim().toUpperCase());
    if (!turn || turn.isUndone)
      throw refusal(`There is no turn ${label.slice(0, 20)} to learn from; turns are ${namesOf(known)}.`);
    return turn;
  });
  if (!cited.some((turn) => worthy.has(turn)))
    throw refusal(`A skill must come from at least one of ${namesOf([...worthy])}.`);
  return cited;
}

function namesOf(turns: readonly ReviewedTurn[]): string {
  return turns.map(({ label }) => label).join(', ') || 'none';
}

function refusal(text: string): AppError {
  return new AppError('bad_input', `${text} Nothing was drafted.`);
}

/** Throws AppError `bad_input` that names each command, option, path and address of `text` that none of the turns' calls has, nor what stood there `before`. */
export function requireGrounded(text: string, turns: readonly ReviewedTurn[], before = ''): void {
  const calls = turns.flatMap((turn) => turn.calls);
  const used = [...calls.flatMap((call) => [call.name, ...call.texts, call.arguments]), before].map(normal);
  const unknown = [...new Set(claimsOf(text))].filter((claim) => !used.some((one) => holds(one, normal(claim))));
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, 8).map((claim) => `\`${claim.slice(0, 120)}\``);
  throw refusal(
    `These stand in the draft, but in no tool call of the cited turns: ${shown.join(', ')}. Leave them out, or write what was really run ` +
      '(<name> stands for what differs from time to time).',
  );
}

const FENCED = /(?:```|~~~)[^\n]*\n([\s\S]*?)(?:```|~~~|$)/g;
const SPAN = /`+([^`\n]+)`+/g;
/** What can be taken for something to run or to open, whether it is marked as code or not. */
const BARE: readonly RegExp[] = [
  /\bhttps?:\/\/[^\s)>\]"'`]+/gi,
  /(?<![\w/])(?:~|\.{1,2})?\/[\w.@~-][\w./@~-]*/g,
  /\b[\w-]+(?:\/[\w.-]+)*\/[\w-]+\.[A-Za-z]\w{0,9}\b/g,
  /(?<=\s)--?[A-Za-z][\w-]*/g,
  /^\s*[$>] (\S.*)$/gm,
  /\b(?:sudo|rm|curl|wget|chmod|chown|ssh|scp|eval|dd|mkfs|nc|base64|powershell|iwr|iex)\s+\S[^.;\n`]*/gi,
];

function claimsOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(FENCED)].flatMap((found) => (found[1] ?? '').split('\n'));
  const rest = text.replace(FENCED, '\n');
  const spans = [...rest.matchAll(SPAN)].map((found) => found[1] ?? '');
  const plain = rest.replace(SPAN, ' ');
  const bare = BARE.flatMap((pattern) => [...plain.matchAll(pattern)].map((found) => found[1] ?? found[0]));
  return [...fenced, ...spans, ...bare.map((one) => one.replace(/[.,;:!?)]+$/, ''))]
    .map((one) => one.trim().replace(/^[$#>] /, ''))
    .filter((one) => one !== '');
}

function normal(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

const MAX_STAND_IN_CHARS = 200;

/** Whether `claim` stands in `used`; <name> and {name} in it stand for a word. White space of both is normal. */
export function holds(used: string, claim: string): boolean {
  const [first = '', ...rest] = claim.split(/<[\w .-]{1,40}>|\{\{?[\w .-]{1,40}\}?\}/);
  if (rest.length === 0) return used.includes(claim);
  // What is left must say something: a claim of stand-ins alone would fit everything.
  if ([first, ...rest].join('').replace(/\W/g, '').length < 2 || first === '') return false;
  for (let at = used.indexOf(first); at >= 0; at = used.indexOf(first, at + 1))
    if (holdsRest(used, at + first.length, rest)) return true;
  return false;
}

function holdsRest(used: string, from: number, parts: readonly string[]): boolean {
  let at = from;
  for (const part of parts) {
    const next = part === '' ? at + Math.max(1, used.slice(at).search(/\s|$/)) : used.indexOf(part, at + 1);
    const word = used.slice(at, next);
    if (next < 0 || word.length > MAX_STAND_IN_CHARS || /\s/.test(word)) return false;
    at = next + part.length;
  }
  return true;
}

/** A skill that is about the same, which should be changed instead. */
export function findSimilar(skill: Pick<SkillText, 'name' | 'description' | 'triggers'>, all: readonly SkillInfo[]) {
  const mine = wordsOf([skill.name, skill.description, ...skill.triggers].join(' '));
  return all
    .filter((one) => !one.archived)
    .map((one) => ({ skill: one, share: shareOf(mine, wordsOf(`${one.name} ${one.searchText}`)) }))
    .filter(({ skill: one, share }) => one.name === skill.name || share >= SAME_SHARE)
    .toSorted((a, b) => b.share - a.share)[0]?.skill;
}

/** Skills that share words with the conversation, most first. */
export function relevantSkills(text: string, all: readonly SkillInfo[], limit: number): readonly SkillInfo[] {
  const words = wordsOf(text);
  return all
    .filter((one) => !one.archived)
    .map((one) => ({ skill: one, share: shareOf(wordsOf(`${one.name} ${one.searchText}`), words) }))
    .filter(({ share }) => share > 0.3)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, limit)
    .map(({ skill }) => skill);
}

/** How much of the smaller set the other one has. */
function shareOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  if (small.size < 2) return 0;
  return [...small].filter((word) => large.has(word)).length / small.size;
}

const COMMON = new Set(
  'the and for with use this that when how from into your you are was not its all any can what'.split(' '),
);

function wordsOf(text: string): ReadonlySet<string> {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]{2,}/gu) ?? [];
  return new Set(words.filter((word) => !COMMON.has(word)).map((word) => word.replace(/(?:ing|es|s)$/, '')));
}
