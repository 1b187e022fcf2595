// What the gateway may do with the skills of a person or group: the library itself, and calling skills by their names.
import type { Scope } from '../../data/scope.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { Address, Button, Role } from '../../shared/messages.ts';
import type { OpenedLibrary } from '../../skills/library.ts';
import type { SkillInfo, SkillRevision } from '../../skills/types.ts';

export type { SkillInfo, SkillRevision };

/** Where a skill is called, or looked for. */
export interface SkillPlace {
  scope: Scope;
  session: SessionId;
  role: Role;
  address: Pick<Address, 'platform'>;
  /** What the chat itself settled about skills. */
  chatSkills?: ChatSkills | undefined;
}

/** By name: on = always in the index there · off = not shown there. */
export type ChatSkills = Readonly<Record<string, 'on' | 'off'>>;

export interface SkillsPort extends OpenedLibrary {
  /**
   * What "/name words" asks of the agent, several names and bundles included; undefined when the first name is no skill that can be called
   * there.
   */
  invoke(at: SkillPlace, text: string): Promise<string | undefined>;
  /** A proposal as it is shown to its person, with what answers it. */
  describeProposal(scope: Scope, revision: SkillRevision): Promise<{ text: string; buttons: readonly Button[] }>;
}
