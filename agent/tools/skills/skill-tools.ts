// The tools of skills: skill_view in each prompt, skills_list and skill_manage when they are looked for.
import type { Tool } from '../tool.ts';
import { makeSkillsListTool } from './list.ts';
import { makeSkillManageTool } from './manage.ts';
import type { SkillToolInput } from './ports.ts';
import { makeSkillViewTool } from './view.ts';

export function makeSkillTools(input: SkillToolInput): readonly Tool[] {
  return [makeSkillViewTool(input), makeSkillsListTool(input), makeSkillManageTool(input)];
}
