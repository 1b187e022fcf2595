// A proposed change of a skill, as its person sees it.
import { cleanText, takePrefix } from '../../shared/text.ts';
import type { SkillRevision } from '../../skills/types.ts';
import type { Button } from '../../shared/messages.ts';

const MAX_DIFF_CHARS = 2_500;

export function describeProposal(revision: SkillRevision, diff: string): { text: string; buttons: readonly Button[] } {
  const { id, skill, isDeletion, parent, reason, findings, isForeign } = revision;
  const what = isDeletion
    ? 'delete the skill'
    : diff.includes('--- /dev/null\n+++ b/SKILL.md')
      ? 'keep a new skill'
      : 'change the skill';
  const shown = takePrefix(cleanText(diff), MAX_DIFF_CHARS, 'utf16');
  const fence = '`'.repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));
  return {
    text: [
      `May I ${what} \`${skill}\`${parent === undefined ? '' : ' (there is an earlier version)'}?`,
      reason === '' ? '' : `Why: ${cleanText(reason)}`,
      isForeign ? 'It was written after words of others were read. Look at it closely.' : '',
      findings === '' ? '' : `The guard says:\n${findings}`,
      `${fence}diff\n${shown.trimEnd()}\n${fence}`,
      shown.length < diff.length ? `The whole of it: \`/skills diff ${id}\`` : '',
      `\`/skills approve ${id}\` or \`/skills reject ${id}\``,
    ]
      .filter((part) => part !== '')
      .join('\n\n'),
    buttons: [
      { label: 'Yes', data: `/skills approve ${id}` },
      { label: 'No', data: `/skills reject ${id}` },
    ],
  };
}
