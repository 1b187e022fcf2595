// Unified diffs between the files of two revisions of a skill.
import { isText } from './guard.ts';
import type { SkillFileMap } from './steps.ts';

/** '' when they are the same. */
export async function diffFiles(before: SkillFileMap, after: SkillFileMap): Promise<string> {
  const { createTwoFilesPatch } = await import('diff');
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return paths
    .flatMap((path) => {
      const old = before.get(path);
      const now = after.get(path);
      if (old && now && old.equals(now)) return [];
      if ((old && !isText(old)) || (now && !isText(now))) return [`Binary file ${path} differs\n`];
      const patch = createTwoFilesPatch(
        old ? `a/${path}` : '/dev/null',
        now ? `b/${path}` : '/dev/null',
        old?.toString('utf8') ?? '',
        now?.toString('utf8') ?? '',
        undefined,
        undefined,
        { context: 3 },
      );
      return [patch.replace(/^=+\n/, '')];
    })
    .join('');
}
