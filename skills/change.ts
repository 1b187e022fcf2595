// From a wished change to the revision that is stored: who may, what the files become, what the guard says, and in which state it begins.
import type { SkillMarks } from '../data/learning/skill-marks.ts';
import { seenStates, type NewRevision, type StoredRevision } from '../data/learning/skill-revisions.ts';
import { AppError } from '../shared/errors.ts';
import { cleanText } from '../shared/text.ts';
import type { SkillEntry } from './catalog.ts';
import { parseSkill, SKILL_NAME } from './format.ts';
import { describeFindings, scanSkill, type GuardFinding } from './guard.ts';
import { SKILL_FILE } from './paths.ts';
import { applySteps, type SkillFileMap } from './steps.ts';
import type { RevisionState, SkillChange } from './types.ts';

export interface ChangePlace {
  /** What the author sees under that name. */
  entry: SkillEntry | undefined;
  marks: SkillMarks | undefined;
  /** All of that skill in this space, oldest first. */
  revisions: readonly StoredRevision[];
  filesOf(entry: SkillEntry): Promise<SkillFileMap>;
  filesOfRevision(id: string): Promise<SkillFileMap>;
}

/** Throws AppError `bad_input`, `not_found`, `not_allowed`, `too_large`; then nothing is to be stored. */
export async function planChange(change: SkillChange, place: ChangePlace): Promise<NewRevision> {
  const { name, steps } = change;
  if (!SKILL_NAME.test(name))
    throw new AppError(
      'bad_input',
      `${JSON.stringify(name.slice(0, 80))} is no name for a skill: up to 64 lower-case letters, digits, ".", "_" and "-", beginning with a letter or digit.`,
    );
  checkAllowed(change, place.marks);
  const { entry } = place;
  const open = openProposal(change, place);
  const before = open ? await place.filesOfRevision(open.id) : entry ? await place.filesOf(entry) : new Map();
  const after = applySteps(name, before, steps);
  const isDeletion = after.size === 0;
  if (isSame(before, after)) throw new AppError('bad_input', `That changes nothing in ${name}.`);
  const created = steps.find((step) => step.action === 'create');
  const category = created?.category ?? entry?.info.category;
  if (category !== undefined && !SKILL_NAME.test(category))
    throw new AppError('bad_input', `${JSON.stringify(category.slice(0, 80))} is no category: one word, as for names.`);
  if (!isDeletion) await checkText(change, after, entry);
  const findings = newFindings(before, after);
  return {
    skill: name,
    parent: open ? open.parent : entry?.revision?.id,
    author: change.author,
    reason: cleanText(reasonOf(change)).slice(0, 2_000),
    turns: [...new Set([...(open?.turns ?? []), ...change.turns])],
    session: change.session,
    isForeign: change.isForeign || (open?.isForeign ?? false),
    isDeletion,
    category,
    trust: entry?.info.trust === 'community' ? 'community' : 'own',
    state: firstState(change, findings),
    findings: describeFindings(findings),
    files: [...after].map(([path, content]) => ({ path, content })),
    seen: seenStates(place.revisions),
    replaces: open?.id,
  };
}

function reasonOf({ reason, steps }: SkillChange): string {
  const absorbed = steps.find((step) => step.action === 'delete')?.absorbedInto;
  return absorbed === undefined ? reason : `${reason} (absorbed into ${absorbed})`;
}

function checkAllowed({ name, steps, author }: SkillChange, marks: SkillMarks | undefined): void {
  if (author === 'person' || !marks) return;
  if (marks.frozen)
    throw new AppError('not_allowed', `${name} is frozen: only its person changes it (\`/skills unfreeze ${name}\`).`);
  if (marks.pinned && (author === 'review' || steps.some((step) => step.action === 'delete')))
    throw new AppError(
      'not_allowed',
      `${name} is pinned: only its person ${author === 'review' ? 'has it changed' : 'deletes it'}.`,
    );
}

/** A proposal that the same conversation made and nobody answered yet: more of it becomes one proposal. */
function openProposal(change: SkillChange, { entry, revisions }: ChangePlace): StoredRevision | undefined {
  if (change.as !== 'proposed' || change.session === undefined) return undefined;
  return revisions.findLast(
    (one) =>
      one.state === 'proposed' &&
      one.session === change.session &&
      one.author === change.author &&
      !one.isDeletion &&
      one.parent === entry?.revision?.id,
  );
}

async function checkText({ name }: SkillChange, files: SkillFileMap, entry: SkillEntry | undefined): Promise<void> {
  const text = files.get(SKILL_FILE)?.toString('utf8') ?? '';
  // What others wrote is not made to fit our rules by a change to another line of it.
  const isOthers = entry?.base !== undefined;
  const parsed = await parseSkill(text, { file: SKILL_FILE, mode: isOthers ? 'lenient' : 'strict', name });
  if (parsed.name !== name)
    throw new AppError('bad_input', `${SKILL_FILE} says name: ${parsed.name}; it must stay ${name}.`);
}

/** What the change brings in, not what was there before. */
function newFindings(before: SkillFileMap, after: SkillFileMap): readonly GuardFinding[] {
  const keyOf = ({ category, about, file }: GuardFinding) => `${category}\n${about}\n${file}`;
  const known = new Set(scanSkill(before).findings.map(keyOf));
  return scanSkill(after).findings.filter((finding) => !known.has(keyOf(finding)));
}

/** Words of others, and what looks dangerous, wait for the person whatever was wished. */
function firstState({ author, as, isForeign }: SkillChange, findings: readonly GuardFinding[]): RevisionState {
  const isDangerous = findings.some(({ severity }) => severity === 'critical');
  return (author === 'agent' || author === 'review') && (isForeign || isDangerous) ? 'proposed' : as;
}

function isSame(before: SkillFileMap, after: SkillFileMap): boolean {
  return before.size === after.size && [...after].every(([path, content]) => before.get(path)?.equals(content));
}
