// The skills of this Herald: its own, those of the hub, shared folders of the configuration, and what each space laid over them.
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { putFiles } from '../../agent/skills/put-files.ts';
import { describeProposal } from '../../agent/skills/proposal.ts';
import { makeAgentSkills, type AgentSkills } from '../../agent/skills/skills.ts';
import type { FileAccess } from '../../agent/tools/files/access.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Db } from '../../data/db.ts';
import { assetUrl } from '../../shared/installation.ts';
import type { Clock } from '../../shared/clock.ts';
import type { LibraryInput } from '../../skills/catalog.ts';
import { openSkillLibrary, type OpenedLibrary } from '../../skills/library.ts';
import type { GatewayActions } from '../actions.ts';

const BUILTIN = fileURLToPath(assetUrl('skills/builtin'));

export interface ConfiguredSkills extends AgentSkills {
  library: OpenedLibrary;
}

export interface ConfiguredSkillsInput {
  db: Db;
  clock: Clock;
  loaded(): LoadedConfig;
  actions(): Pick<GatewayActions, 'post'>;
  files(): Promise<FileAccess>;
  /** See LibraryInput. */
  condemn: NonNullable<LibraryInput['condemn']>;
}

export function openConfiguredSkills(input: ConfiguredSkillsInput): ConfiguredSkills {
  const { db, clock, loaded, actions } = input;
  const { home } = loaded();
  const library = openSkillLibrary({
    db,
    condemn: input.condemn,
    folders: () => [
      { source: 'builtin', path: BUILTIN },
      { source: 'installed', path: path.join(home, 'skills', 'installed') },
      ...loaded().config.skills.shared_dirs.map((dir) => ({ source: 'shared' as const, path: fromHome(dir) })),
    ],
    async checkInstalled(name) {
      const { openInstalled } = await import('../../skills/hub/installed.ts');
      const skill = await openInstalled({ home, clock }, name);
      // What nobody installed was put there by hand: words of others like any.
      if (!skill) return 'community';
      return skill.state === 'ok' ? skill.trust : undefined;
    },
  });
  const skills = makeAgentSkills({
    db,
    library,
    settings: () => loaded().config.skills,
    system: process.platform,
    hasVariable: (name) => (loaded().lookup(name) ?? '') !== '',
    bundles: path.join(home, 'skills', 'bundles'),
    async putFiles(context, files) {
      await putFiles(await input.files(), context, files);
    },
    async propose({ scope, address, idempotencyKey }, revision) {
      const { text, buttons } = describeProposal(revision, await library.diff(scope, revision.id));
      const key = `sk${idempotencyKey}`;
      await actions().post(address, text, { key, person: scope.person, kind: 'notice', buttons: [buttons] });
    },
  });
  return { ...skills, library };
}

function fromHome(folder: string): string {
  return path.resolve(folder.replace(/^~(?=$|[\\/])/, homedir()));
}
