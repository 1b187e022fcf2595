// What the operations of the hub share: what they are given, where skills come from, and what a skill says about itself.
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { AppError } from '../../shared/errors.ts';
import { parseSkill } from '../format.ts';
import { describeFindings, scanSkill } from '../guard.ts';
import { SKILL_FILE } from '../paths.ts';
import { parseReference } from './reference.ts';
import { makeGithubSource, type GithubSource } from './sources/github.ts';
import { folderSource, makeUrlSource } from './sources/direct.ts';
import { makeWellKnownSource } from './sources/well-known.ts';
import type { Step } from './store.ts';
import type { FetchedSkill, HubFetch, Offer, ScanReport, SkillFiles, SkillHeading, SkillSource } from './types.ts';

export interface HubDeps {
  /** $HERALD_HOME. */
  home: string;
  /** Goes to checked addresses only. */
  fetch: HubFetch;
  clock: Clock;
  log: Logger;
  /** Values of the environment: GITHUB_TOKEN raises GitHub's limit. */
  lookup(name: string): string | undefined;
  /** What else is called `name`, in words; undefined when the name is free. */
  taken?: ((name: string) => Promise<string | undefined>) | undefined;
  /** Secrets that a published skill must not hold, besides what looks like one. */
  secrets?: readonly string[] | undefined;
  /** For tests of crashes. */
  reached?: ((step: Step) => void) | undefined;
}

export interface Sources {
  github: GithubSource;
  wellKnown: SkillSource<'well-known'>;
  url: SkillSource<'url'>;
}

export interface HubContext extends HubDeps {
  sources: Sources;
}

export function makeHubContext(deps: HubDeps): HubContext {
  return {
    ...deps,
    sources: {
      github: makeGithubSource(deps.fetch, () => deps.lookup('GITHUB_TOKEN') ?? deps.lookup('GH_TOKEN')),
      wellKnown: makeWellKnownSource(deps.fetch),
      url: makeUrlSource(deps.fetch),
    },
  };
}

/** Everything that `text` can mean. Rejects with AppError, `not_found` when it is no skill. */
export async function openReference(
  { sources }: HubContext,
  text: string,
  signal: AbortSignal | undefined,
): Promise<Offer> {
  const reference = parseReference(text);
  const offer = await (() => {
    switch (reference.source) {
      case 'github':
        return sources.github.open(reference, signal);
      case 'well-known':
        return sources.wellKnown.open(reference, signal);
      case 'url':
        return sources.url.open(reference, signal);
      case 'folder':
        return folderSource.open(reference, signal);
    }
  })();
  if (offer.skills.length > 0) return offer;
  throw new AppError('not_found', `There is no skill (no SKILL.md) at ${text}. Nothing was changed.`);
}

const MAX_NAMED = 30;

/** The one skill that `text` means. Rejects with AppError `bad_input` naming them when there are several. */
export async function fetchReference(
  context: HubContext,
  text: string,
  signal: AbortSignal | undefined,
): Promise<FetchedSkill> {
  const offer = await openReference(context, text, signal);
  const [skill, other] = offer.skills;
  if (skill && !other) return offer.fetch(skill);
  const named = offer.skills.slice(0, MAX_NAMED).map(({ reference }) => reference);
  const more = offer.skills.length > MAX_NAMED ? ` and ${offer.skills.length - MAX_NAMED} more` : '';
  throw new AppError(
    'bad_input',
    `There are ${offer.skills.length} skills at ${text}. Name one: ${named.join(', ')}${more}. Nothing was changed.`,
  );
}

/** Name and description as SKILL.md says them. Rejects with AppError `bad_input` when it is no skill. */
export async function readHeading(files: SkillFiles, name?: string): Promise<SkillHeading> {
  const content = files.get(SKILL_FILE);
  if (!content) throw new AppError('bad_input', 'There is no SKILL.md at the top of it. Nothing was installed.');
  const text = new TextDecoder().decode(content);
  const parsed = await parseSkill(text, { file: SKILL_FILE, mode: 'lenient', name });
  return { name: parsed.name, description: parsed.description };
}

/** The guard's verdict, findings as lines. */
export function scanFiles(files: SkillFiles): ScanReport {
  const { verdict, findings } = scanSkill(files);
  return { verdict, findings: findings.map((one) => describeFindings([one])) };
}
