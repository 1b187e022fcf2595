// skill_view: the text of a skill, or one of its files. Files that commands may need are put into the workspace with it.
import { z } from 'zod';
import { noteSkillLoad } from '../../../data/learning/skill-marks.ts';
import { AppError } from '../../../shared/errors.ts';
import { SKILL_FILE } from '../../../skills/paths.ts';
import { READ_ONLY } from '../../../skills/types.ts';
import type { OpenSkill } from '../../../skills/types.ts';
import { rankSkills } from '../../skills/rank.ts';
import { skillFolder, skillText } from '../../skills/text.ts';
import { whyOff } from '../../skills/visible.ts';
import { defineTool, type Tool, type ToolContext } from '../tool.ts';
import type { SkillToolInput } from './ports.ts';

const MAX_SUGGESTED = 5;
/** What is copied into the workspace, together. */
const MAX_PUT_BYTES = 20 * 1024 * 1024;

export function makeSkillViewTool(input: SkillToolInput): Tool {
  return defineTool({
    name: 'skill_view',
    description: 'Read a skill or its file.',
    parameters: z.strictObject({
      name: z.string().trim().min(1).max(80),
      path: z.string().trim().min(1).max(240).optional(),
    }),
    effect: 'idempotent',
    origin: 'agent',
    toolset: 'skills',
    // Only with files is anything written, and that in the workspace alone.
    assess: (_args, { role }) =>
      role === 'guest' ? { effect: 'pure', touches: [] } : { effect: 'idempotent', touches: ['workspace'] },
    summarize: ({ name, path }) => `reading the skill ${name}${path === undefined ? '' : `, ${path}`}`,
    async execute({ name, path }, context) {
      const skill = await findSkill(input, context, name);
      const origin = skill.origin;
      if (path !== undefined) {
        const text = await input.library().readFile(context.scope, skill.name, path, skill.revision ?? READ_ONLY);
        return { text, origin };
      }
      const folder = await putFiles(input, context, skill);
      const { session, turn, scope } = context;
      await noteSkillLoad(context.db, scope, { session, skill: skill.name, revision: skill.revision, turn });
      return { text: skillText(skill, { folder, hasVariable: input.hasVariable }), origin };
    },
  });
}

async function findSkill(
  { library, settings }: SkillToolInput,
  context: ToolContext,
  name: string,
): Promise<OpenSkill> {
  const { scope, session, address, chatSkills } = context;
  const isOff = (one: string) => whyOff(one, settings(), { platform: address.platform, chatSkills }) !== undefined;
  const skill = isOff(name) ? undefined : await library().find(scope, name, session);
  // It may be known by another name, too.
  if (skill && !isOff(skill.name)) return skill;
  const near = rankSkills(await library().list(scope, session), name.replace(/[._-]+/g, ' '))
    .filter(({ score, info }) => score > 0 && info.trust !== 'community' && !isOff(info.name))
    .slice(0, MAX_SUGGESTED)
    .map(({ info }) => info.name);
  throw new AppError(
    'not_found',
    `There is no skill ${JSON.stringify(name)} here. ${near.length === 0 ? 'skills_list shows what there is.' : `Perhaps: ${near.join(', ')}.`}`,
  );
}

/** The folder of its files in the workspace; undefined when it has none that a command could need. */
async function putFiles(input: SkillToolInput, context: ToolContext, skill: OpenSkill): Promise<string | undefined> {
  const total = skill.files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!input.putFiles || context.role === 'guest' || skill.files.length === 0 || total > MAX_PUT_BYTES)
    return undefined;
  const folder = skillFolder(skill.name);
  const files = new Map(await input.library().files(context.scope, skill.name, skill.revision ?? READ_ONLY));
  files.delete(SKILL_FILE);
  await input.putFiles(context, new Map([...files].map(([path, content]) => [`${folder}/${path}`, content])));
  return folder;
}
