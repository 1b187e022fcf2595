// Who is trusted because of where a skill is, and what trust and verdict together allow. Pure.
import { decideSkill, type GuardVerdict } from '../guard.ts';
import type { SkillTrust } from '../types.ts';

/** Collections that their makers publish themselves. All of them are searched; names of GitHub are the same in any case. */
export const TRUSTED_REPOSITORIES: readonly string[] = [
  'anthropics/skills',
  'openai/skills',
  'huggingface/skills',
  'NVIDIA/skills',
];

/**
 * Only the newest commit of the default branch is trusted: under the name of a repository GitHub also hands out commits of its forks,
 * which anybody can make.
 */
export function trustOfRepository(at: {
  owner: string;
  repo: string;
  ref: string | undefined;
}): 'trusted' | 'community' {
  const name = `${at.owner}/${at.repo}`.toLowerCase();
  const isKnown = TRUSTED_REPOSITORIES.some((one) => one.toLowerCase() === name);
  return isKnown && at.ref === undefined ? 'trusted' : 'community';
}

export type Decision =
  | { allowed: true }
  /** `canForce`: a person may insist. */
  | { allowed: false; canForce: boolean; reason: string };

const ALLOWED: Decision = { allowed: true };

/** By the table of the guard; a person may insist on a community skill that is to be handled with caution. */
export function decideInstall(trust: SkillTrust, verdict: GuardVerdict, isForced: boolean): Decision {
  if (decideSkill(trust, verdict) === 'allow') return ALLOWED;
  if (verdict === 'dangerous') return { allowed: false, canForce: false, reason: 'it looks dangerous' };
  if (isForced) return ALLOWED;
  return { allowed: false, canForce: true, reason: 'it has parts to be careful with, and nobody vouches for it' };
}
