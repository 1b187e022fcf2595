// The hub of skills: finding, installing, updating, trusting, removing and publishing them. What chats and commands use.
import { AppError, asAppError } from '../../shared/errors.ts';
import { makeHubContext, type HubContext, type HubDeps } from './context.ts';
import {
  inspectReference,
  installReference,
  updateInstalled,
  type Inspection,
  type Installation,
  type UpdateResult,
} from './install.ts';
import { listInstalled, openInstalled, type InstalledSkill, type OpenedSkill } from './installed.ts';
import { auditInstalled, removeInstalled, rollbackInstalled, trustInstalled, type AuditReport } from './manage.ts';
import { TRUSTED_REPOSITORIES } from './policy.ts';
import { publishSkill, type Publication, type Published } from './publish.ts';
import { searchSkillsSh } from './sources/skills-sh.ts';
import type { FoundSkill, SkillFiles } from './types.ts';

export interface SearchResult {
  skills: readonly FoundSkill[];
  /** What could not be searched, and why. */
  problems: readonly string[];
}

interface Asked {
  signal?: AbortSignal | undefined;
}

/** All reject with AppError; nothing is half done when they do. A killed process leaves the old skill or the new one. */
export interface Hub {
  /** Trusted collections and skills.sh. A part that cannot be reached is a problem, not an error, unless all of them are. */
  search(query: string, options: Asked & { limit: number }): Promise<SearchResult>;
  /** Fetches and judges what `reference` leads to; installs nothing. */
  inspect(reference: string, options?: Asked): Promise<Inspection>;
  /** `force` insists on a skill to be careful with; what looks dangerous is never installed. */
  install(reference: string, options: Asked & { force: boolean }): Promise<Installation>;
  /** One, or all without `name`. `dryRun` only tells what would change. */
  update(
    name: string | undefined,
    options: Asked & { force: boolean; dryRun: boolean },
  ): Promise<readonly UpdateResult[]>;
  /** Brings back what was there before the last update. */
  rollback(name: string): Promise<InstalledSkill>;
  /** Moves it to the archive. */
  remove(name: string): Promise<{ name: string; archive: string }>;
  /** Its text counts as instructions from now on, until its content changes; false takes it back. */
  trust(name: string, isTrusted: boolean): Promise<InstalledSkill>;
  list(): Promise<readonly InstalledSkill[]>;
  open(name: string): Promise<OpenedSkill | undefined>;
  /** Holds all of them against their hashes and scans them anew; with the last `limit` entries of the log. */
  audit(limit: number): Promise<AuditReport>;
  publish(files: SkillFiles, publication: Publication): Promise<Published>;
}

export function makeHub(deps: HubDeps): Hub {
  const context = makeHubContext(deps);
  return {
    search: (query, options) => search(context, query, options),
    inspect: (reference, options = {}) => inspectReference(context, reference, options.signal),
    install: (reference, options) => installReference(context, reference, options),
    update: (name, options) => updateInstalled(context, name, options),
    rollback: (name) => rollbackInstalled(context, name),
    remove: (name) => removeInstalled(context, name),
    trust: (name, isTrusted) => trustInstalled(context, name, isTrusted),
    list: () => listInstalled(context),
    open: (name) => openInstalled(context, name),
    audit: (limit) => auditInstalled(context, limit),
    publish: (files, publication) => publishSkill(context, files, publication),
  };
}

async function search(
  context: HubContext,
  query: string,
  { limit, signal }: Asked & { limit: number },
): Promise<SearchResult> {
  if (query.trim() === '') throw new AppError('bad_input', 'Say what the skill is to help with.');
  const parts = await Promise.allSettled([
    ...TRUSTED_REPOSITORIES.map((repository) => context.sources.github.search(query, [repository], signal)),
    searchSkillsSh(context.fetch, query, { limit, signal }),
  ]);
  const skills = new Map<string, FoundSkill>();
  const problems = new Set<string>();
  let failure: unknown;
  for (const part of parts) {
    if (part.status === 'fulfilled')
      for (const skill of part.value) skills.set(skill.reference, skills.get(skill.reference) ?? skill);
    else problems.add(asAppError((failure = part.reason)).publicMessage);
  }
  signal?.throwIfAborted();
  if (parts.every(({ status }) => status === 'rejected')) throw asAppError(failure);
  return { skills: [...skills.values()].slice(0, limit), problems: [...problems] };
}
