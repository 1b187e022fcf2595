// Changing parts of files: one piece of text for another, or a patch over several files.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import { defineTool, type Tool, type ToolResult } from '../tool.ts';
import type { FileAccess, FileToolsDeps } from './access.ts';
import { commitChanges, readOld, type ChangeDeps, type OldFile, type PlannedChange } from './change.ts';
import { lineAt } from './edit/lines.ts';
import { replaceText, type ReplaceOutcome } from './edit/replace.ts';
import { applyHunks, parsePatch, type FilePatch } from './edit/v4a.ts';
import type { FilePath } from './paths.ts';
import type { SeenFiles } from './seen.ts';

const parameters = z.strictObject({
  mode: z.enum(['replace', 'patch']).optional(),
  path: z.string().optional(),
  old_string: z.string().optional(),
  new_string: z.string().optional(),
  replace_all: z.boolean().optional(),
  patch: z.string().optional(),
});
type PatchArgs = z.infer<typeof parameters>;

export function makePatchTool(deps: FileToolsDeps, access: FileAccess, seen: SeenFiles): Tool {
  return defineTool({
    name: 'patch',
    description:
      'Changes parts of files. replace: old_string, found in one place, becomes new_string. ' +
      'patch: "*** Begin Patch", "*** Update|Add|Delete File: path", "@@ line before", lines with " ", "-", "+"; all or nothing.',
    parameters,
    effect: 'reversible',
    origin: 'agent',
    toolset: 'files',
    summarize: (args) => `changing ${preview(pathsOf(args).join(', '), 80) || 'files'}`,
    assess(args, at) {
      const paths = pathsOf(args);
      // Names no file: it is told what is wrong and changes nothing.
      if (paths.length === 0) return { effect: 'pure', touches: [] };
      return access.assess(args, paths, { at, verb: 'write' });
    },
    execute: (args, context) =>
      access.use(context, (files) => {
        const change = { files, seen, checkpoints: deps.checkpoints, context };
        const find = (given: string) => files.find(given, access.judged(args, given));
        return isPatch(args) ? runPatch(change, find, args) : runReplace(change, find, args);
      }),
  });
}

type FindFile = (given: string) => Promise<FilePath>;

function isPatch(args: PatchArgs): boolean {
  return (args.mode ?? (args.patch === undefined ? 'replace' : 'patch')) === 'patch';
}

function pathsOf(args: PatchArgs): readonly string[] {
  if (!isPatch(args)) return args.path === undefined ? [] : [args.path];
  const parsed = parsePatch(args.patch ?? '');
  if (!parsed.ok) return [];
  return parsed.files.flatMap((file) =>
    file.kind === 'update' && file.moveTo !== undefined ? [file.path, file.moveTo] : [file.path],
  );
}

async function runReplace(change: ChangeDeps, find: FindFile, args: PatchArgs): Promise<ToolResult> {
  const { path, old_string: old, new_string: next } = args;
  if (path === undefined || old === undefined || next === undefined)
    return failed('Mode replace needs path, old_string and new_string.');
  const file = await find(path);
  const before = await readText(change, file);
  const outcome = replaceText(before.text, { old, next, all: args.replace_all ?? false });
  if (!outcome.ok) return failed(explainReplace(outcome, { file, text: before.text, old }));
  if (outcome.text === before.text) return failed(`${file.shown} has this content already.`);
  const report = await commitChanges(change, [{ file, old: before.old, text: outcome.text }]);
  const how = outcome.how === undefined ? '' : ` (${outcome.how})`;
  const places = outcome.at.length > 1 ? `${outcome.at.length} places from line` : 'Line';
  const changedAt = [before.old.stat.ctimeMs];
  return { text: `${report.join('\n')} ${places} ${outcome.at[0] ?? 1}${how}.`, changedAt };
}

async function readText(change: ChangeDeps, file: FilePath): Promise<{ old: OldFile; text: string }> {
  const old = await readOld(change, file);
  if (!old) throw new AppError('not_found', `There is no file ${file.shown}. Nothing was changed.`);
  if (!old.decoded) throw new AppError('bad_input', `${file.shown} is no text. Nothing was changed.`);
  return { old, text: old.decoded.text };
}

function explainReplace(
  outcome: Extract<ReplaceOutcome, { ok: false }>,
  { file, text, old }: { file: FilePath; text: string; old: string },
): string {
  switch (outcome.problem) {
    case 'empty':
      return 'old_string is empty. To make a file use write_file.';
    case 'same':
      return 'old_string and new_string are the same.';
    case 'ambiguous':
      return `old_string is in several places of ${file.shown}: lines ${outcome.at.join(', ')}. Quote more lines around it, or set replace_all.`;
    case 'not-found':
      return `old_string is not in ${file.shown}.${nearest(text, old)} Read it again and quote it as it is.`;
  }
}

/** Where the first line of what was looked for stands, if it does. */
function nearest(text: string, old: string): string {
  const first = old
    .split('\n')
    .find((line) => line.trim().length > 3)
    ?.trim();
  const at = first === undefined ? -1 : text.indexOf(first);
  return at < 0 ? '' : ` Its first line is at line ${lineAt(text, at)}, but what follows is different.`;
}

function failed(why: string): ToolResult {
  return { text: `${why} Nothing was changed.`, isError: true };
}

/** The files of a patch as they will be, by where they really are. */
type Plan = Map<string, PlannedChange>;

async function runPatch(change: ChangeDeps, find: FindFile, args: PatchArgs): Promise<ToolResult> {
  const parsed = parsePatch(args.patch ?? '');
  if (!parsed.ok) return failed(`The patch is not understood: ${parsed.problem}.`);
  const plan: Plan = new Map();
  let loose = 0;
  for (const patch of parsed.files) {
    const file = await find(patch.path);
    const target = patch.kind === 'update' && patch.moveTo !== undefined ? await find(patch.moveTo) : undefined;
    const step = await planFile(change, plan, { patch, file, target });
    if (typeof step === 'string') return failed(`${file.shown}: ${step}.`);
    loose += step.loose;
  }
  const changes = [...plan.values()].filter(isChange);
  if (changes.length === 0) return failed('The files have this content already.');
  const report = await commitChanges(change, changes);
  const note = loose === 0 ? '' : `\n${loose} changes were found with spaces and punctuation left aside.`;
  // What is moved or kept of words of others stays theirs.
  const changedAt = [...plan.values()].flatMap(({ old }) => (old ? [old.stat.ctimeMs] : []));
  return { text: report.join('\n') + note, changedAt };
}

function isChange({ text, old }: PlannedChange): boolean {
  return text === undefined ? old !== undefined : text !== old?.decoded?.text;
}

/** Adds what `patch` does to the plan; what is wrong with it as a string. */
async function planFile(
  change: ChangeDeps,
  plan: Plan,
  { patch, file, target }: { patch: FilePatch; file: FilePath; target: FilePath | undefined },
): Promise<{ loose: number } | string> {
  const known = plan.get(file.real) ?? { file, old: await readOld(change, file), text: undefined };
  const current = plan.has(file.real) ? known.text : known.old?.decoded?.text;
  const exists = plan.has(file.real) ? known.text !== undefined : known.old !== undefined;
  switch (patch.kind) {
    case 'add':
      if (exists) return 'it is there already; update it instead';
      plan.set(file.real, { ...known, text: patch.text });
      return { loose: 0 };
    case 'delete':
      if (!exists) return 'there is no such file';
      plan.set(file.real, { ...known, text: undefined });
      return { loose: 0 };
    case 'update': {
      if (current === undefined) return exists ? 'it is no text' : 'there is no such file';
      const applied = applyHunks(current, patch.hunks);
      if (!applied.ok) return applied.problem;
      if (target === undefined || target.real === file.real) {
        plan.set(file.real, { ...known, text: applied.text });
        return { loose: applied.loose };
      }
      const there = plan.get(target.real) ?? { file: target, old: await readOld(change, target), text: undefined };
      if (plan.has(target.real) ? there.text !== undefined : there.old !== undefined)
        return `${target.shown} is there already`;
      plan.set(file.real, { ...known, text: undefined });
      plan.set(target.real, { ...there, text: applied.text, mode: known.old?.stat.mode });
      return { loose: applied.loose };
    }
  }
}
