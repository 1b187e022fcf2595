// Keeps the skills of a space in order: says which ones are stale, puts unused ones away (they are never deleted) and proposes to merge those
// that say nearly the same. Every step stands in a ledger and can be taken back. Merging itself is a person's decision.
import type { Db } from '../../data/db.ts';
import {
  addCurationStep,
  listCurationSteps,
  markCurationUndone,
  type CurationStep,
} from '../../data/evidence/curation.ts';
import { listUsedSkills } from '../../data/evidence/turns.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { SkillInfo, SkillLibrary, SkillRevision, SkillStep } from '../types.ts';
import { containmentOf, mergeTexts, shinglesOf } from './similar.ts';

const DAY_MS = 24 * 3_600_000;
export const STALE_MS = 14 * DAY_MS;
export const ARCHIVE_MS = 30 * DAY_MS;
/** Of the runs of words of the smaller of two skills. */
const NEAR_DUPLICATE = 0.6;
/** Compared with each other in one run; more would take long, and nobody has so many of their own. */
const MAX_COMPARED = 300;
const MAX_PROPOSALS = 3;

export interface CuratorInput {
  db: Db;
  clock: Clock;
  library: SkillLibrary;
  /** Used by a job that runs by itself: never put away. */
  isScheduled(scope: Scope, skill: string): Promise<boolean>;
}

export interface Curator {
  /** Rejects with AppError. The first run in a space only notes that it was there: what lay unused before nobody has seen. */
  run(scope: Scope): Promise<readonly CurationStep[]>;
  /** Latest first. */
  steps(scope: Scope): Promise<readonly CurationStep[]>;
  /** Rejects with AppError `not_found`, or `conflict` when it cannot be taken back any more. */
  undo(scope: Scope, id: number): Promise<void>;
}

export function makeCurator({ db, clock, library, isScheduled }: CuratorInput): Curator {
  async function run(scope: Scope): Promise<readonly CurationStep[]> {
    const before = await listCurationSteps(db, scope);
    const noted = before.find(({ kind }) => kind === 'noted');
    if (!noted) {
      const first = { kind: 'noted', skill: '', other: undefined, revisions: [], why: 'First look.' } as const;
      return [await addCurationStep(db, scope, first)];
    }
    const skills = (await library.list(scope)).filter(({ source, archived }) => source !== 'builtin' && !archived);
    const revisions = await library.revisions(scope);
    const used = new Map((await listUsedSkills(db, scope)).map(({ skill, usedAt }) => [skill, usedAt]));
    const steps: CurationStep[] = [];
    for (const skill of skills) {
      if (skill.pinned || skill.frozen || skill.source === 'shared') continue;
      const lastAt = Math.max(
        noted.at,
        used.get(skill.name) ?? 0,
        changedAt(revisions, skill.name),
        // Whoever brought it back wanted it.
        before.find((step) => step.skill === skill.name && step.undoneAt !== undefined)?.undoneAt ?? 0,
      );
      const step = await putAway(scope, skill, { lastAt, before });
      if (step) steps.push(step);
    }
    const gone = new Set(steps.filter(({ kind }) => kind === 'archive').map(({ skill }) => skill));
    const left = skills.filter(({ name }) => !gone.has(name));
    return [...steps, ...(await proposeMerges(scope, left, before))];
  }

  async function putAway(
    scope: Scope,
    { name }: SkillInfo,
    { lastAt, before }: { lastAt: number; before: readonly CurationStep[] },
  ): Promise<CurationStep | undefined> {
    const idleMs = clock.now() - lastAt;
    if (idleMs < STALE_MS || (await isScheduled(scope, name))) return undefined;
    const days = Math.floor(idleMs / DAY_MS);
    const step = { skill: name, other: undefined, revisions: [] };
    const known = (wanted: CurationStep['kind']) =>
      before.find((one) => one.kind === wanted && one.skill === name && one.at >= lastAt && one.undoneAt === undefined);
    if (idleMs >= ARCHIVE_MS) {
      // The ledger first: what is put away can always be found and taken back, also when the process ends in between.
      const why = `Not used for ${days} days.`;
      const noted = known('archive') ?? (await addCurationStep(db, scope, { ...step, kind: 'archive', why }));
      await library.mark(scope, name, { archived: true });
      return noted;
    }
    if (known('stale')) return undefined;
    return addCurationStep(db, scope, { ...step, kind: 'stale', why: `Not used for ${days} days.` });
  }

  /** Near-duplicates of one's own: the one that is used more stays. A pair is proposed once, whatever became of it. */
  async function proposeMerges(
    scope: Scope,
    skills: readonly SkillInfo[],
    before: readonly CurationStep[],
  ): Promise<readonly CurationStep[]> {
    const own = skills.filter(({ source, frozen, isTrial }) => source === 'own' && !frozen && !isTrial);
    const uses = new Map((await listUsedSkills(db, scope)).map((one) => [one.skill, one.uses]));
    const texts = [];
    for (const { name, searchText } of own.slice(0, MAX_COMPARED)) {
      const opened = await library.open(scope, name);
      if (opened && opened.origin !== 'foreign')
        texts.push({
          name,
          body: opened.body,
          pinned: opened.pinned,
          runs: shinglesOf(`${searchText}\n${opened.body}`),
        });
    }
    const steps: CurationStep[] = [];
    const taken = new Set<string>();
    for (const [index, a] of texts.entries())
      for (const b of texts.slice(index + 1)) {
        if (steps.length >= MAX_PROPOSALS || taken.has(a.name) || taken.has(b.name)) continue;
        if (isDecided(before, a.name, b.name) || containmentOf(a.runs, b.runs) < NEAR_DUPLICATE) continue;
        const rank = ({ name, pinned }: typeof a) => (pinned ? 1e9 : 0) + (uses.get(name) ?? 0);
        const [keep, goes] = rank(b) > rank(a) ? [b, a] : [a, b];
        if (goes.pinned || (await isScheduled(scope, goes.name))) continue;
        steps.push(await proposeMerge(scope, keep.name, goes));
        taken.add(a.name).add(b.name);
      }
    return steps;
  }

  async function proposeMerge(scope: Scope, keep: string, goes: { name: string; body: string }): Promise<CurationStep> {
    const merged = mergeTexts(await library.readFile(scope, keep, 'SKILL.md'), goes);
    const why = `${goes.name} says nearly the same as ${keep}.`;
    const change = {
      author: 'review',
      reason: why,
      turns: [],
      session: undefined,
      isForeign: false,
      as: 'proposed',
    } as const;
    // Proposals of a run that was cut off before it noted them are taken up, not made twice.
    const left = (await library.revisions(scope)).filter(
      ({ state, author, reason }) => state === 'proposed' && author === 'review' && reason === why,
    );
    const propose = async (name: string, step: SkillStep) =>
      (left.find(({ skill }) => skill === name) ?? (await library.change(scope, { ...change, name, steps: [step] })))
        .id;
    const revisions: string[] = [];
    if (merged !== undefined) revisions.push(await propose(keep, { action: 'edit', text: merged }));
    revisions.push(await propose(goes.name, { action: 'delete', absorbedInto: keep }));
    return addCurationStep(db, scope, { kind: 'merge', skill: goes.name, other: keep, revisions, why });
  }

  async function undo(scope: Scope, id: number): Promise<void> {
    const step = (await listCurationSteps(db, scope)).find((one) => one.id === id && one.undoneAt === undefined);
    if (!step || step.kind === 'noted')
      throw new AppError('not_found', `There is no step ${id} of curation to take back. Nothing was changed.`);
    if (step.kind === 'archive') await library.mark(scope, step.skill, { archived: false });
    const why = `Step ${id} of curation was taken back.`;
    const revisions = (await library.revisions(scope)).filter((revision) => step.revisions.includes(revision.id));
    for (const revision of revisions.toReversed()) {
      if (revision.state === 'proposed') await library.decide(scope, revision.id, 'rejected', why);
      else if (revision.state === 'active' || revision.state === 'trial')
        await library.decide(scope, revision.id, 'rolled_back', why);
    }
    await markCurationUndone(db, scope, id);
  }

  return { run, steps: (scope) => listCurationSteps(db, scope), undo };
}

function changedAt(revisions: readonly SkillRevision[], skill: string): number {
  return Math.max(
    0,
    ...revisions
      .filter((revision) => revision.skill === skill)
      .map(({ createdAt, decidedAt }) => Math.max(createdAt, decidedAt ?? 0)),
  );
}

function isDecided(steps: readonly CurationStep[], a: string, b: string): boolean {
  return steps.some(
    ({ kind, skill, other }) => kind === 'merge' && ((skill === a && other === b) || (skill === b && other === a)),
  );
}
