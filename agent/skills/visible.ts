// Which skills are shown where, and why others are not: settings, the chat, the system, the tools of the turn, the environment.
import type { SkillConditions } from '../../skills/conditions.ts';
import { whyHidden } from '../../skills/conditions.ts';
import type { SkillSettings } from '../../skills/config.ts';
import type { SkillInfo } from '../../skills/types.ts';
import type { ChatSkills } from './port.ts';

export interface VisibleAt {
  platform: string;
  chatSkills: ChatSkills | undefined;
  tools: readonly string[];
}

export interface SkillSurroundingsInput {
  settings(): SkillSettings;
  /** As process.platform says it. */
  system: string;
  hasVariable(name: string): boolean;
}

/** Why it is switched off there, by configuration or chat; undefined when it is not. */
export function whyOff(
  name: string,
  { disabled, disabled_by_platform: byPlatform }: SkillSettings,
  at: Pick<VisibleAt, 'platform' | 'chatSkills'>,
): string | undefined {
  if (disabled.includes(name)) return 'off by the configuration (skills.disabled)';
  if (byPlatform[at.platform]?.includes(name)) return 'off on this platform (skills.disabled_by_platform)';
  if (at.chatSkills?.[name] === 'off') return 'off in this chat (/chat skills)';
  return undefined;
}

/** Why it is not in the index there; undefined when it is. */
export function whyNotShown(
  skill: Pick<SkillInfo, 'name' | 'archived'> & { conditions: SkillConditions },
  { settings, system, hasVariable }: SkillSurroundingsInput,
  at: VisibleAt,
): string | undefined {
  const off = whyOff(skill.name, settings(), at);
  if (off !== undefined) return off;
  if (skill.archived) return 'archived';
  return whyHidden(skill.conditions, { system, tools: at.tools, hasVariable });
}
