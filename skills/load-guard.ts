// A revision is read by the guard again before its text is given, once per process: rules of the guard grow, and rows may have been changed
// behind our back. What its person saw when they took it is not news.
import { describeFindings, scanSkill } from './guard.ts';
import type { StoredRevision } from '../data/learning/skill-revisions.ts';
import type { SkillFileMap } from './steps.ts';

const MAX_KEPT = 4_000;

export interface LoadGuard {
  /** What is critical in it and was not known; '' for nothing. */
  check(revision: Pick<StoredRevision, 'id' | 'findings'>, files: () => Promise<SkillFileMap>): Promise<string>;
}

export function makeLoadGuard(): LoadGuard {
  const checked = new Set<string>();
  return {
    async check({ id, findings }, files) {
      if (checked.has(id)) return '';
      const critical = scanSkill(await files()).findings.filter(({ severity }) => severity === 'critical');
      const known = new Set(findings.split('\n'));
      const news = critical.filter((finding) => !known.has(describeFindings([finding])));
      if (news.length > 0) return describeFindings(news);
      if (checked.size >= MAX_KEPT) checked.clear();
      checked.add(id);
      return '';
    },
  };
}
