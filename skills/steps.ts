// What steps make of the files of a skill: all of them, or an error and nothing.
import { AppError } from '../shared/errors.ts';
import { checkWritePath, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, SKILL_FILE } from './paths.ts';
import type { SkillStep } from './types.ts';

/** By path, SKILL.md too. Empty: there is none. */
export type SkillFileMap = ReadonlyMap<string, Buffer>;

/** The files after all steps; empty after a deletion. Throws AppError `bad_input` or `not_found` that says which step, and why. */
export function applySteps(name: string, before: SkillFileMap, steps: readonly SkillStep[]): SkillFileMap {
  if (steps.length === 0) throw new AppError('bad_input', 'A change needs at least one step. Nothing was changed.');
  let files = before;
  for (const [index, step] of steps.entries()) {
    try {
      files = applyStep(name, files, step);
    } catch (error) {
      if (!(error instanceof AppError) || steps.length === 1) throw error;
      throw new AppError(error.code, `Step ${index + 1} (${step.action}): ${error.publicMessage} No step was made.`, {
        cause: error,
      });
    }
  }
  checkSizes(files);
  return files;
}

function applyStep(name: string, files: SkillFileMap, step: SkillStep): SkillFileMap {
  const exists = files.has(SKILL_FILE);
  if (step.action === 'create') {
    if (exists)
      throw new AppError('bad_input', `There is a skill ${name} already: patch or edit it, or choose another name.`);
    return new Map([[SKILL_FILE, Buffer.from(step.text)]]);
  }
  if (!exists) throw new AppError('not_found', `There is no skill ${name}; create makes one.`);
  switch (step.action) {
    case 'edit':
      return new Map([...files, [SKILL_FILE, Buffer.from(step.text)]]);
    case 'delete':
      return new Map();
    case 'patch': {
      const path = step.path ?? SKILL_FILE;
      if (path !== SKILL_FILE) checkWritePath(path);
      return new Map([...files, [path, Buffer.from(patched(textOf(files, path), step, path))]]);
    }
    case 'write_file':
      checkWritePath(step.path);
      return new Map([...files, [step.path, Buffer.from(step.text)]]);
    case 'remove_file': {
      checkWritePath(step.path);
      textOf(files, step.path);
      return new Map([...files].filter(([path]) => path !== step.path));
    }
  }
}

function textOf(files: SkillFileMap, path: string): string {
  const content = files.get(path);
  if (!content) throw new AppError('not_found', `The skill has no file ${JSON.stringify(path)}.`);
  return content.toString('utf8');
}

function patched(text: string, step: { old: string; new: string; all?: boolean | undefined }, path: string): string {
  if (step.old === '') throw new AppError('bad_input', 'The text to replace must not be empty.');
  const parts = text.split(step.old);
  const times = parts.length - 1;
  if (times === 0)
    throw new AppError('not_found', `${path} does not hold that text, letter by letter; look at it again.`);
  if (times > 1 && step.all !== true)
    throw new AppError(
      'bad_input',
      `${path} holds that text ${times} times: give more of what is around it, or replace all.`,
    );
  return parts.join(step.new);
}

function checkSizes(files: SkillFileMap): void {
  let total = 0;
  for (const [path, content] of files) {
    total += content.length;
    if (path !== SKILL_FILE && content.length > MAX_FILE_BYTES)
      throw new AppError('too_large', `${path} is larger than 1 MiB. Nothing was changed.`);
  }
  if (files.size > MAX_FILES + 1) throw new AppError('too_large', `A skill has at most ${MAX_FILES} files.`);
  if (total > MAX_TOTAL_BYTES) throw new AppError('too_large', 'A skill has at most 20 MiB. Nothing was changed.');
}
