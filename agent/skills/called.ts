// A message that calls skills by name holds their texts behind the person's words. Those texts are nobody's own words: they say nothing about
// the person who called.

/** As agent/skills/invoke.ts words it; the texts of the skills follow. */
const CALLED = /(?:^|\n\n)\[Called with the skills? ([a-z0-9._, -]+?)\.(?:\]| Read [^\]\n]*\])/;

export interface CalledSkills {
  /** What the person said themselves. */
  words: string;
  /** Names of the skills that were called with it. */
  skills: readonly string[];
}

export function readCalled(text: string): CalledSkills {
  const called = CALLED.exec(text);
  if (!called) return { words: text, skills: [] };
  return { words: text.slice(0, called.index), skills: (called[1] ?? '').split(', ') };
}
