// skills_list: all skills that there are, or those that fit some words, also the ones that are not shown now, with the reason.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import { rankSkills } from '../../skills/rank.ts';
import { whyNotShown } from '../../skills/visible.ts';
import { defineTool, type Tool } from '../tool.ts';
import type { SkillToolInput } from './ports.ts';

const DEFAULT_LIMIT = 30;

export function makeSkillsListTool(input: SkillToolInput): Tool {
  return defineTool({
    name: 'skills_list',
    description: 'List skills, those that fit the query first, with why some are not offered.',
    parameters: z.strictObject({
      query: z.string().trim().max(200).optional(),
      limit: z.int().min(1).max(200).optional().describe('Default 30'),
    }),
    effect: 'pure',
    origin: 'agent',
    toolset: 'skills',
    isRare: true,
    summarize: ({ query }) => (query ? `looking for skills: ${query}` : 'listing skills'),
    async execute({ query = '', limit = DEFAULT_LIMIT }, { scope, session, address, chatSkills, rareTools, calls }) {
      const tools = [...calls.names, ...rareTools.flatMap(({ name, toolset }) => [name, toolset])];
      const at = { platform: address.platform, chatSkills, tools };
      const ranked = rankSkills(await input.library().list(scope, session), query);
      const fitting = query === '' ? ranked : ranked.filter(({ score }) => score > 0);
      if (fitting.length === 0) return { text: query === '' ? 'There are no skills.' : `No skill fits "${query}".` };
      const shown = fitting.slice(0, limit).map(({ info }) => info);
      const lines = shown.map((skill) => {
        const why = whyNotShown(skill, input, at);
        const marks = [
          skill.source,
          skill.trust === 'community' ? 'not trusted yet' : '',
          skill.isTrial ? 'on trial' : '',
          skill.frozen ? 'frozen' : '',
          skill.pinned ? 'pinned' : '',
          why === undefined ? '' : `not offered: ${why}`,
        ].filter((mark) => mark !== '');
        return `- ${skill.name} (${marks.join('; ')}): ${preview(skill.description, 200)}`;
      });
      const more = fitting.length - shown.length;
      return {
        text: [...lines, ...(more > 0 ? [`… ${more} more; narrow the query`] : [])].join('\n'),
        origin: shown.some(({ trust }) => trust === 'community') ? 'foreign' : 'agent',
      };
    },
  });
}
