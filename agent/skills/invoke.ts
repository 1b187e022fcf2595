// "/plan the move" calls the skill plan; "/plan /web-research the move" calls both; a bundle is a name for several.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Db } from '../../data/db.ts';
import { noteSkillLoad } from '../../data/learning/skill-marks.ts';
import { SKILL_NAME } from '../../skills/format.ts';
import type { OpenedLibrary } from '../../skills/library.ts';
import type { OpenSkill } from '../../skills/types.ts';
import { AppError } from '../../shared/errors.ts';
import type { SkillPlace } from './port.ts';
import { skillText } from './text.ts';
import { whyOff, type SkillSurroundingsInput } from './visible.ts';

const MAX_STACKED = 5;
/** More is loaded by the model itself: a message must stay a message. */
const MAX_INLINE_CHARS = 20_000;
const NAME = /^[/!]([a-z0-9][a-z0-9._-]{0,63})(?:@[a-z0-9_.-]{1,64})?(?=\s|$)\s*/i;

const bundleSchema = z.looseObject({
  name: z.string().max(200).optional(),
  description: z.string().max(1024).optional(),
  skills: z.array(z.string().regex(SKILL_NAME)).min(1).max(MAX_STACKED),
  instruction: z.string().max(20_000).optional(),
});

export interface InvokeInput extends SkillSurroundingsInput {
  db: Db;
  library: Pick<OpenedLibrary, 'find'>;
  /** Folder of bundles: <slug>.yaml. */
  bundles: string;
}

/** See SkillsPort. */
export async function invokeSkills(input: InvokeInput, at: SkillPlace, text: string): Promise<string | undefined> {
  const called = new Map<string, OpenSkill>();
  const instructions: string[] = [];
  let rest = text.trim();
  while (called.size < MAX_STACKED) {
    const found = NAME.exec(rest);
    const name = found?.[1]?.toLowerCase();
    if (!found || name === undefined) break;
    const skill = await callable(input, at, name);
    const bundle = skill ? undefined : await readBundle(input, name);
    if (!skill && !bundle) break;
    if (skill) called.set(skill.name, skill);
    if (bundle) {
      for (const one of bundle.skills) called.set(one, await needed(input, at, { name: one, bundle: name }));
      if (bundle.instruction !== undefined) instructions.push(bundle.instruction.trim());
    }
    rest = rest.slice(found[0].length);
  }
  if (called.size === 0) return undefined;
  for (const skill of called.values()) {
    const { name, revision } = skill;
    if (isInline(skill))
      await noteSkillLoad(input.db, at.scope, { session: at.session, skill: name, revision, turn: undefined });
  }
  return messageOf([...called.values()], { words: rest.trim(), instructions, input });
}

async function callable(input: InvokeInput, at: SkillPlace, name: string): Promise<OpenSkill | undefined> {
  // Telegram and its kin have no "-" in commands.
  for (const one of new Set([name, name.replaceAll('_', '-')])) {
    if (whyOff(one, input.settings(), { platform: at.address.platform, chatSkills: at.chatSkills }) !== undefined)
      continue;
    const skill = await input.library.find(at.scope, one, at.session);
    if (skill && skill.frontMatter['user-invocable'] !== false) return skill;
  }
  return undefined;
}

async function needed(
  input: InvokeInput,
  at: SkillPlace,
  { name, bundle }: { name: string; bundle: string },
): Promise<OpenSkill> {
  const skill = await callable(input, at, name);
  if (skill) return skill;
  throw new AppError(
    'not_found',
    `The bundle ${bundle} names the skill ${name}, which is not here. Nothing was asked.`,
  );
}

async function readBundle({ bundles }: InvokeInput, name: string): Promise<z.infer<typeof bundleSchema> | undefined> {
  const file = path.join(bundles, `${name}.yaml`);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { parse } = await import('yaml');
  try {
    return bundleSchema.parse(parse(text, { maxAliasCount: 20 }));
  } catch (error) {
    throw new AppError(
      'bad_input',
      `${file} is no bundle: it needs skills (a list of up to ${MAX_STACKED} names) and may have name, description and instruction. Nothing was asked.`,
      { cause: error },
    );
  }
}

/** Words of others never come in as the person's own: the model reads them itself, as what they are. */
function isInline({ origin, body }: OpenSkill): boolean {
  return origin !== 'foreign' && body.length <= MAX_INLINE_CHARS;
}

function messageOf(
  skills: readonly OpenSkill[],
  how: { words: string; instructions: readonly string[]; input: InvokeInput },
): string {
  const names = skills.map(({ name }) => name).join(', ');
  const toLoad = skills.filter((skill) => !isInline(skill)).map(({ name }) => name);
  return [
    how.words === '' ? `Use the skill${skills.length === 1 ? '' : 's'} ${names}.` : how.words,
    ...how.instructions,
    `[Called with the skill${skills.length === 1 ? '' : 's'} ${names}.${toLoad.length === 0 ? '' : ` Read ${toLoad.join(', ')} with skill_view first.`}]`,
    ...skills
      .filter(isInline)
      .map((skill) => skillText(skill, { folder: undefined, hasVariable: how.input.hasVariable })),
  ].join('\n\n');
}
