// Skills of one person as panels show them: what is in force, its versions, and what they are worth.
import type { RevisionEvidence, RevisionView, SkillsPanel, SkillView } from '../../adapters/panels/port.ts';
import type { EvidencePort } from '../../agent/evidence/port.ts';
import type { SkillInfo, SkillRevision, SkillsPort } from '../../agent/skills/port.ts';
import type { Scope } from '../../data/scope.ts';

const MAX_DIFF_CHARS = 200_000;
/** As far back as evidence counts. */
const SERIES_MS = 180 * 24 * 3_600_000;

export interface SkillsPanelInput {
  skills: SkillsPort;
  evidence: EvidencePort | undefined;
  scope: Scope;
  now(): number;
}

export function openSkillsPanel({ skills, evidence, scope, now }: SkillsPanelInput): SkillsPanel {
  return {
    async list() {
      const open = (await skills.revisions(scope)).filter(({ state }) => state === 'proposed');
      const waiting = (name: string) => open.filter(({ skill }) => skill === name).length;
      const known = (await skills.list(scope)).map((info) => skillView(info, waiting(info.name)));
      const names = new Set(known.map(({ name }) => name));
      const drafts = [...new Set(open.map(({ skill }) => skill))].filter((name) => !names.has(name));
      return [...drafts.map((name) => draftView(name, waiting(name))), ...known];
    },
    async revisions(name) {
      return (await skills.revisions(scope, name)).toReversed().map(revisionView);
    },
    async diff(revision) {
      const text = await skills.diff(scope, revision);
      return text.length > MAX_DIFF_CHARS ? `${text.slice(0, MAX_DIFF_CHARS)}\n…` : text;
    },
    async evidence(name) {
      if (!evidence) return { revisions: [], series: [] };
      const all = await skills.revisions(scope, name);
      const report = await evidence.report(scope);
      const series = await evidence.series(scope, { since: now() - SERIES_MS, skill: name });
      return {
        revisions: report.skills
          .filter(({ skill }) => skill === name)
          .map(({ number, state, uses, without, success, verdict }) => ({
            number,
            state,
            uses,
            without,
            successWith: success.withSkill,
            successWithout: success.without,
            verdict: verdict && `${verdict.decision}: ${verdict.why}`,
            ...spanOf(all, number),
          })),
        series: series.map(({ at, withSkill, without }) => ({
          at,
          withSkill: { turns: withSkill.turns, successes: withSkill.successes },
          without: { turns: without.turns, successes: without.successes },
        })),
      };
    },
    approve: (revision, as) => skills.decide(scope, revision, as, 'its person said yes'),
    reject: (revision) => skills.decide(scope, revision, 'rejected', 'its person said no'),
    rollback: (name, to) => skills.rollback(scope, name, to, 'its person went back'),
    async mark(name, { frozen, pinned }) {
      await skills.mark(scope, name, {
        ...(frozen !== undefined && { frozen }),
        ...(pinned !== undefined && { pinned }),
      });
    },
  };
}

/** From when a revision was tried until it was no more. The skill as it came was there before all of them. */
function spanOf(all: readonly SkillRevision[], number: number): Pick<RevisionEvidence, 'from' | 'until'> {
  const own = all.find((one) => one.number === number);
  if (!own) {
    const later = all.filter(({ state }) => state !== 'proposed' && state !== 'rejected');
    return { from: 0, until: later.length === 0 ? undefined : Math.min(...later.map(({ createdAt }) => createdAt)) };
  }
  const holds = own.state === 'trial' || own.state === 'active';
  return { from: own.createdAt, until: holds ? undefined : own.decidedAt };
}

function skillView(info: SkillInfo, proposed: number): SkillView {
  const { name, description, source, trust, isTrial, frozen, pinned, archived } = info;
  return {
    name,
    description,
    source,
    isTrusted: trust !== 'community',
    isTrial,
    isFrozen: frozen,
    isPinned: pinned,
    isArchived: archived,
    proposed,
  };
}

/** A skill of which there is nothing yet but a proposal. */
function draftView(name: string, proposed: number): SkillView {
  return {
    name,
    description: 'A new skill, proposed.',
    source: 'own',
    isTrusted: true,
    isTrial: false,
    isFrozen: false,
    isPinned: false,
    isArchived: false,
    proposed,
  };
}

function revisionView(revision: SkillRevision): RevisionView {
  const { id, number, state, author, reason, isDeletion, isForeign, findings, createdAt, decidedAt } = revision;
  return { id, number, state, author, reason, isDeletion, isForeign, findings, createdAt, decidedAt };
}
