// What the tools of skills need.
import type { OpenedLibrary } from '../../../skills/library.ts';
import type { SkillRevision } from '../../../skills/types.ts';
import type { SkillSurroundingsInput } from '../../skills/visible.ts';
import type { ToolContext } from '../tool.ts';

export interface SkillToolPorts {
  /** Puts files of a skill into the workspace, where commands see them; paths are from the workspace on. Undefined: nothing runs here. */
  putFiles?: ((context: ToolContext, files: ReadonlyMap<string, Uint8Array>) => Promise<void>) | undefined;
  /** Asks the person about a proposal, in the chat of the turn. Undefined: they find it with /skills. */
  propose?: ((context: ToolContext, revision: SkillRevision) => Promise<void>) | undefined;
}

export interface SkillToolInput extends SkillSurroundingsInput, SkillToolPorts {
  /** Asked when a tool runs. */
  library(): OpenedLibrary;
}
