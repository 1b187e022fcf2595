// The tools of skills: skill_view in each prompt, skills_list and skill_manage when they are looked for.
import type { Db } from '../../../data/db.ts';
import type { OpenedLibrary } from '../../../skills/library.ts';
import type { SkillRevision } from '../../../skills/types.ts';
import type { SkillSurroundingsInput } from '../../skills/visible.ts';
import type { Tool, ToolContext } from '../tool.ts';
import { makeSkillsListTool } from './list.ts';
import { makeSkillManageTool } from './manage.ts';
import { makeSkillViewTool } from './view.ts';

export interface SkillToolPorts {
  /** Puts files of a skill into the workspace, where commands see them; paths are from the workspace on. Undefined: nothing runs here. */
  putFiles?: ((context: ToolContext, files: ReadonlyMap<string, Uint8Array>) => Promise<void>) | undefined;
  /** Asks the person about a proposal, in the chat of the turn. Undefined: they find it with /skills. */
  propose?: ((context: ToolContext, revision: SkillRevision) => Promise<void>) | undefined;
}

export interface SkillToolInput extends SkillSurroundingsInput, SkillToolPorts {
  db: Db;
  library: OpenedLibrary;
}

export function makeSkillTools(input: SkillToolInput): readonly Tool[] {
  return [makeSkillViewTool(input), makeSkillsListTool(input), makeSkillManageTool(input)];
}
