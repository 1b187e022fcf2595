// The core memory as the system prompt shows it, and what has changed since.
import type { MemoryEntry } from '../../data/memory/entries.ts';
import type { MemorySnapshot } from '../../data/memory/snapshots.ts';
import type { MemoryTarget } from '../../data/memory/tables.ts';
import type { MemorySettings } from './config.ts';
import { DELIMITER } from './format.ts';
import { limitOf, usedChars } from './operations.ts';
import { scanMemory, whyBlocked } from './scan.ts';

const TARGETS: readonly MemoryTarget[] = ['memory', 'user'];
const RULE = '═'.repeat(46);
const TITLES: Readonly<Record<MemoryTarget, string>> = {
  memory: 'MEMORY (your personal notes)',
  user: 'USER PROFILE (who the user is)',
};
const GROUP_TITLES: Readonly<Record<MemoryTarget, string>> = {
  memory: 'MEMORY (your notes on this group)',
  user: 'GROUP PROFILE (who is in this group)',
};

/** Of each target that has entries, a block; '' for none. */
export function renderCore(
  core: readonly MemoryEntry[],
  { settings, isGroup }: { settings: MemorySettings; isGroup: boolean },
): string {
  const titles = isGroup ? GROUP_TITLES : TITLES;
  return TARGETS.flatMap((target) => {
    const entries = core.filter((entry) => entry.target === target);
    if (entries.length === 0) return [];
    const head = `${titles[target]} [${describeUsage(entries, target, settings)}]`;
    return [[RULE, head, RULE, shownTexts(entries).join(DELIMITER)].join('\n')];
  }).join('\n\n');
}

/** Such as "67% — 1,474/2,200 chars". What is blocked takes no room: it is not in the prompt. */
export function describeUsage(
  entries: readonly Pick<MemoryEntry, 'text' | 'state'>[],
  target: MemoryTarget,
  settings: MemorySettings,
): string {
  const used = usedChars(entries.filter(({ state }) => state !== 'blocked'));
  const limit = limitOf(target, settings);
  return `${Math.floor((used / limit) * 100)}% — ${thousands(used)}/${thousands(limit)} chars`;
}

/** What the model sees of entries. A reason stands there once, however much is blocked for it. */
function shownTexts(entries: readonly MemoryEntry[]): readonly string[] {
  const texts = entries.map((entry) => {
    const reason = whyBlocked(entry);
    return reason === undefined ? entry.text : `[BLOCKED: ${reason}]`;
  });
  return [...new Set(texts)];
}

/** What is in the core now and was not told, and what was told and is not so any more. Entries that were archived still hold. */
export function describeChanges(
  snapshot: MemorySnapshot,
  core: readonly MemoryEntry[],
  now: ReadonlyMap<number, MemoryEntry>,
): readonly string[] {
  const told = new Map(snapshot.entries.map((entry) => [entry.id, entry.text]));
  const gone = snapshot.entries.filter(({ id, text }) => {
    const entry = now.get(id);
    return !entry || entry.state === 'superseded' || entry.text !== text;
  });
  const added = core.filter(({ id, text }) => told.get(id) !== text);
  return [
    // What was blocked was not told, and is not told now that it is gone.
    ...gone.flatMap(({ text }) => (scanMemory(text) ? [] : [`- no longer so: ${indent(text)}`])),
    ...TARGETS.flatMap((target) =>
      shownTexts(added.filter((entry) => entry.target === target)).map(
        (text) => `- new${target === 'user' ? ' (user)' : ''}: ${indent(text)}`,
      ),
    ),
  ];
}

/** A text of several lines within a list. */
export function indent(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

function thousands(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
