// The text of a skill as the model reads it.
import type { OpenSkill } from '../../skills/types.ts';
import { conditionsOf } from '../../skills/conditions.ts';

const MAX_FILES_SHOWN = 60;

export interface SkillTextOptions {
  /** Where its files are in the workspace; undefined: they are read with skill_view only. */
  folder: string | undefined;
  hasVariable(name: string): boolean;
}

/** Names that skills of several makers use for the folder of their own files. */
const FOLDER_VARIABLES = /\$\{(?:HERALD|HERMES|CLAUDE)_SKILL_DIR\}|\{baseDir\}/g;

export function skillText(skill: OpenSkill, { folder, hasVariable }: SkillTextOptions): string {
  const missing = conditionsOf(skill.frontMatter).environment.filter(
    ({ name, isOptional }) => !isOptional && !hasVariable(name),
  );
  const files = skill.files.slice(0, MAX_FILES_SHOWN).map(({ path }) => path);
  const more = skill.files.length - files.length;
  const notes = [
    missing.length === 0 ? '' : `Not set in Herald's environment: ${missing.map(({ name }) => name).join(', ')}.`,
    files.length === 0
      ? ''
      : `Files (skill_view with path${folder === undefined ? '' : `; for commands they are in ${folder}/`}): ${files.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`,
  ].filter((note) => note !== '');
  const body = folder === undefined ? skill.body : skill.body.replace(FOLDER_VARIABLES, folder);
  return [`# Skill ${skill.name}`, body.trim(), ...notes].join('\n\n');
}

/** Folder of a skill's files, from the workspace on. */
export function skillFolder(name: string): string {
  return `.herald/skills/${name}`;
}
