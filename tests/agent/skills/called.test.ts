// What of a message that called skills the person said themselves.
import { expect, test } from 'vitest';
import { readCalled } from '../../../agent/skills/called.ts';

test.each([
  ['plan the move\n\n[Called with the skill plan.]\n\n# Skill plan', 'plan the move', ['plan']],
  ['x\n\n[Called with the skills a.b, c_d. Read c_d with skill_view first.]\n\n# Skill', 'x', ['a.b', 'c_d']],
  ['[Called with the skill plan.]', '', ['plan']],
  ['I wrote [Called with the skill plan.] in a line', 'I wrote [Called with the skill plan.] in a line', []],
  ['no skill at all', 'no skill at all', []],
] as const)('%j', (text, words, skills) => {
  expect(readCalled(text)).toEqual({ words, skills });
});
