// What the gateway may ask about the evidence of skills.
import type { EvidencePoint } from '../../data/evidence/series.ts';
import type { CurationStep } from '../../data/evidence/curation.ts';
import type { Scope } from '../../data/scope.ts';
import type { SkillEvidence } from '../../skills/evidence/weigh.ts';

export interface EvidenceReport {
  skills: readonly SkillEvidence[];
  /** Steps of curation, latest first. */
  curation: readonly CurationStep[];
}

/** All of one space. Rejects with AppError. */
export interface EvidencePort {
  report(scope: Scope): Promise<EvidenceReport>;
  /** For a plot; `skill`: only this one. */
  series(scope: Scope, filter: { since: number; skill?: string | undefined }): Promise<readonly EvidencePoint[]>;
  /** A revision turned out to be dangerous when it was loaded: it is rolled back at once. False when it is not in force. */
  condemn(scope: Scope, revision: string, findings: string): Promise<boolean>;
  /** Takes a step of curation back. Rejects with AppError `not_found`. */
  undoCuration(scope: Scope, id: number): Promise<void>;
}
