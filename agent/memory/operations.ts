// What the agent may do with its memory, one batch at a time: add, replace, remove, archive. What does not fit the core any more goes to the
// archive, the least useful first; nothing is lost.
import type { MemoryEditor } from '../../data/memory/changes.ts';
import type { MemoryEntry } from '../../data/memory/entries.ts';
import type { MemoryTarget } from '../../data/memory/tables.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanText, measureText, preview } from '../../shared/text.ts';
import type { MemorySettings } from './config.ts';
import { DELIMITER } from './format.ts';
import { scanMemory } from './scan.ts';
import { isCovered, isNearDuplicate } from './similar.ts';

export interface MemoryOperation {
  action: 'add' | 'replace' | 'remove' | 'archive';
  target: MemoryTarget;
  content?: string | undefined;
  oldText?: string | undefined;
}

export interface OperationFrame {
  settings: MemorySettings;
  /** Words of others that nobody has approved: what they add waits, what is there stays. */
  isPending: boolean;
  /** A person said that words of others may stay. */
  isApproved: boolean;
}

const MAX_ENTRY_CHARS = 4_000;
const PREVIEW_CHARS = 80;
const MAX_PREVIEWS = 6;

/** What was done, a line each. Throws AppError, and then nothing may stay changed. */
export async function applyOperations(
  edit: MemoryEditor,
  operations: readonly MemoryOperation[],
  frame: OperationFrame,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const fresh = new Set<number>();
  for (const [at, operation] of operations.entries())
    try {
      const done = await applyOne(edit, operation, frame);
      if (done.entry !== undefined) fresh.add(done.entry);
      lines.push(done.line);
    } catch (error) {
      if (!(error instanceof AppError) || operations.length === 1) throw error;
      const message = `Operation ${at + 1} of ${operations.length}: ${error.publicMessage} None of them was carried out.`;
      throw new AppError(error.code, message, { cause: error });
    }
  for (const target of new Set(operations.map((one) => one.target)))
    lines.push(...(await spill(edit, target, frame.settings, fresh)));
  return lines;
}

interface Done {
  line: string;
  /** Entry that the person has just spoken of: it stays in the core longest. */
  entry?: number | undefined;
}

function applyOne(edit: MemoryEditor, operation: MemoryOperation, frame: OperationFrame): Promise<Done> {
  if (frame.isPending && operation.action !== 'add' && operation.action !== 'replace')
    throw new AppError('not_allowed', 'Text of others was read: only the person may take something out of memory.');
  switch (operation.action) {
    case 'add':
      return add(edit, operation, frame);
    case 'replace':
      return replace(edit, operation, frame);
    case 'remove':
    case 'archive':
      return takeOut(edit, operation);
  }
}

async function add(edit: MemoryEditor, operation: MemoryOperation, frame: OperationFrame): Promise<Done> {
  const text = contentOf(operation);
  const { target } = operation;
  const same = await edit.same(text);
  if (frame.isPending) {
    const known = same.find(({ state }) => state === 'pending' || state === 'active');
    if (known) return { line: `It is kept already (${known.id}).` };
    const entry = await edit.add({ target, place: 'archive', state: 'pending', text });
    return { line: `It waits for the person's approval (${entry.id}), since text of others was read.` };
  }
  const known = same.find((entry) => entry.state === 'active' && entry.target === target);
  if (known?.place === 'core') return { line: `It is kept already (${known.id}).`, entry: known.id };
  if (known && fits(text, target, frame.settings)) {
    await edit.change(known.id, { place: 'core' });
    return { line: `It was in the archive and is back in the core (${known.id}).`, entry: known.id };
  }
  if (known) return { line: `It is kept already (${known.id}).` };
  const near = (await edit.core(target)).find((entry) => entry.state === 'active' && isNearDuplicate(entry.text, text));
  if (near && isCovered(text, near.text))
    return { line: `An entry says that already (${near.id}): "${short(near.text)}".`, entry: near.id };
  const entry = await place(edit, { target, text }, frame);
  if (!near) return { line: noted(entry), entry: entry.id };
  await supersede(edit, near, entry);
  return {
    line: `Noted (${entry.id}), in place of what said nearly the same: "${short(near.text)}".`,
    entry: entry.id,
  };
}

async function replace(edit: MemoryEditor, operation: MemoryOperation, frame: OperationFrame): Promise<Done> {
  const text = contentOf(operation);
  const old = await find(edit, operation);
  if (frame.isPending) return add(edit, operation, frame);
  if (old.text === text) return { line: `It says that already (${old.id}).`, entry: old.id };
  const entry = await place(edit, { target: operation.target, text }, frame);
  await supersede(edit, old, entry);
  return { line: `Replaced (${entry.id}): "${short(old.text)}" is no longer so.`, entry: entry.id };
}

async function takeOut(edit: MemoryEditor, operation: MemoryOperation): Promise<Done> {
  const old = await find(edit, operation);
  if (operation.action === 'archive') {
    await edit.change(old.id, { place: 'archive' });
    return { line: `Moved to the archive (${old.id}): "${short(old.text)}".` };
  }
  await edit.change(old.id, { state: 'superseded', place: 'archive' });
  return { line: `Taken out (${old.id}): "${short(old.text)}".` };
}

/** Moves what does not fit to the archive: least used, then oldest, and what was just written last. */
export async function spill(
  edit: MemoryEditor,
  target: MemoryTarget,
  settings: MemorySettings,
  fresh: ReadonlySet<number> = new Set(),
): Promise<readonly string[]> {
  const core = await edit.core(target);
  const moved: MemoryEntry[] = [];
  const active = core.filter(({ state }) => state === 'active');
  let used = usedChars(active);
  const isFresh = ({ id }: MemoryEntry) => Number(fresh.has(id));
  for (const least of active.toSorted((a, b) => isFresh(a) - isFresh(b) || byUse(a, b))) {
    if (used <= limitOf(target, settings)) break;
    await edit.change(least.id, { place: 'archive' });
    moved.push(least);
    used -= measureText(least.text, 'codepoint') + DELIMITER.length;
  }
  if (moved.length === 0) return [];
  const named = moved.slice(0, MAX_PREVIEWS).map(({ text }) => `"${short(text)}"`);
  const more = moved.length > named.length ? ` and ${moved.length - named.length} more` : '';
  return [`To make room, moved to the archive, where it is still found: ${named.join(', ')}${more}.`];
}

function byUse(a: MemoryEntry, b: MemoryEntry): number {
  return a.uses - b.uses || (a.usedAt ?? a.updatedAt) - (b.usedAt ?? b.updatedAt) || a.id - b.id;
}

export function limitOf(target: MemoryTarget, settings: MemorySettings): number {
  return target === 'user' ? settings.userChars : settings.memoryChars;
}

/** Code points that the entries take in the file. */
export function usedChars(entries: readonly Pick<MemoryEntry, 'text'>[]): number {
  return measureText(entries.map(({ text }) => text).join(DELIMITER), 'codepoint');
}

function fits(text: string, target: MemoryTarget, settings: MemorySettings): boolean {
  return measureText(text, 'codepoint') <= limitOf(target, settings);
}

function place(
  edit: MemoryEditor,
  { target, text }: { target: MemoryTarget; text: string },
  { settings, isApproved }: OperationFrame,
): Promise<MemoryEntry> {
  const where = fits(text, target, settings) ? 'core' : 'archive';
  return edit.add({ target, place: where, state: 'active', text, approved: isApproved });
}

function noted({ id, place: where }: MemoryEntry): string {
  return where === 'core' ? `Noted (${id}).` : `Noted (${id}), in the archive: it is too long for the core.`;
}

async function supersede(edit: MemoryEditor, old: MemoryEntry, entry: MemoryEntry): Promise<void> {
  await edit.change(old.id, { state: 'superseded', place: 'archive', replacedBy: entry.id });
}

function contentOf({ content, action }: MemoryOperation): string {
  const raw = content ?? '';
  const found = scanMemory(raw);
  if (found)
    throw new AppError(
      'not_allowed',
      `This cannot be remembered: ${found.reason}. Nothing was changed. Say it in plain words.`,
    );
  // A line with the separator alone would be two entries in the file.
  const text = cleanText(raw)
    .replace(/^[ \t]*§[ \t]*$/gm, '')
    .trim();
  if (text === '') throw new AppError('bad_input', `${action} needs content. Nothing was changed.`);
  if (measureText(text, 'codepoint') > MAX_ENTRY_CHARS)
    throw new AppError(
      'too_large',
      `An entry has at most ${MAX_ENTRY_CHARS} characters. Nothing was changed; make several.`,
    );
  return text;
}

async function find(edit: MemoryEditor, { action, target, oldText }: MemoryOperation): Promise<MemoryEntry> {
  const part = cleanText(oldText ?? '').trim();
  if (part === '')
    throw new AppError('bad_input', `${action} needs old_text, a part of the entry. Nothing was changed.`);
  const core = (await edit.core(target)).filter(({ state }) => state === 'active');
  const exact = core.filter(({ text }) => text.includes(part));
  const loose = core.filter(({ text }) => text.toLowerCase().includes(part.toLowerCase()));
  const archived = async () => (await edit.archived(part, MAX_PREVIEWS + 1)).filter((entry) => entry.target === target);
  const hits = exact.length > 0 ? exact : loose.length > 0 ? loose : await archived();
  const whole = hits.filter(({ text }) => text === part);
  const different = new Set(hits.map(({ text }) => text));
  const found = whole[0] ?? (different.size === 1 ? hits[0] : undefined);
  if (found) return found;
  if (hits.length === 0)
    throw new AppError('not_found', `No entry of "${target}" holds "${short(part)}". Nothing was changed.`);
  const previews = [...different].slice(0, MAX_PREVIEWS).map((text) => `"${short(text)}"`);
  throw new AppError(
    'bad_input',
    `"${short(part)}" stands in ${different.size} entries: ${previews.join(', ')}. Nothing was changed; give more of the one you mean.`,
  );
}

function short(text: string): string {
  return preview(text, PREVIEW_CHARS);
}
