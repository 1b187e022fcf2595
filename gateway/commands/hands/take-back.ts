// Puts back what turns changed in files, memory and skills, for /undo and /rollback.
import type { TurnId } from '../../../shared/ids.ts';
import { counted, plain } from '../format.ts';
import type { CommandContext } from '../types.ts';

const SHOWN = 20;

/** Newest turn first. What was put back, in words that end with a space; '' for nothing. */
export async function takeBackChanges({ agent, scope }: CommandContext, turns: readonly TurnId[]): Promise<string> {
  const restored = new Set<string>();
  const conflicts: string[] = [];
  const skills = new Set<string>();
  let entries = 0;
  for (const turn of turns) {
    const files = await agent.restoreFiles(scope, turn);
    for (const file of files?.restored ?? []) restored.add(file);
    conflicts.push(...(files?.conflicts ?? []));
    entries += (await agent.memory?.undoTurn(scope, turn)) ?? 0;
    for (const skill of (await agent.skills?.takeBack(scope, turn)) ?? []) skills.add(skill);
  }
  const parts = [
    restored.size === 0 ? '' : `Files are as before: ${names([...restored])}.`,
    conflicts.length === 0
      ? ''
      : `Left alone: ${conflicts
          .slice(0, SHOWN)
          .map((text) => plain(text, 200))
          .join('; ')}.`,
    entries === 0 ? '' : `${counted(entries, 'change')} of memory taken back.`,
    skills.size === 0 ? '' : `Skills are as before: ${names([...skills])}.`,
  ];
  return parts.map((part) => (part === '' ? '' : `${part} `)).join('');
}

function names(files: readonly string[]): string {
  const shown = files.slice(0, SHOWN).map((file) => plain(file, 120));
  const more = files.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
