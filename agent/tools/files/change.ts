// Changing files for the model: what is there is read and compared first, kept for undoing, then replaced; several files change together
// or not at all.
import { AppError } from '../../../shared/errors.ts';
import type { ToolContext } from '../tool.ts';
import type { ChangeKeeper, OpenFiles } from './access.ts';
import { countChanges } from './edit/lines.ts';
import { findSyntaxProblem } from './edit/syntax.ts';
import type { FileStat } from './host/host.ts';
import type { FilePath } from './paths.ts';
import { MAX_FILE_BYTES } from './read.ts';
import { hashBytes, type SeenFiles } from './seen.ts';
import { decodeText, encodeText, type DecodedText } from './text-file.ts';

/** A file as it is before a call changes it. */
export interface OldFile {
  file: FilePath;
  bytes: Uint8Array;
  stat: FileStat;
  /** Undefined: it is no text. */
  decoded: DecodedText | undefined;
}

export interface PlannedChange {
  file: FilePath;
  /** Undefined: it is not there yet. */
  old: OldFile | undefined;
  /** Undefined: it is to be removed. */
  text: string | undefined;
  /** Permission bits of a new file. */
  mode?: number | undefined;
}

export interface ChangeDeps {
  files: OpenFiles;
  seen: SeenFiles;
  checkpoints: ChangeKeeper;
  context: ToolContext;
}

/** What is there now; undefined: nothing. Rejects when the session knows another content of it. */
export async function readOld({ files, seen, context }: ChangeDeps, file: FilePath): Promise<OldFile | undefined> {
  const stat = await files.host.stat(file.real, context.signal);
  const known = seen.lastHash(context.session, file.real);
  if (!stat) {
    if (known === undefined) return undefined;
    seen.forget(context.session, file.real);
    throw new AppError(
      'not_allowed',
      `${file.shown} was removed by somebody else after you read it. Nothing was changed; write it again only if it is still wanted.`,
    );
  }
  if (stat.kind === 'folder') throw new AppError('bad_input', `${file.shown} is a folder. Nothing was changed.`);
  const read = await files.host.read(file.real, MAX_FILE_BYTES, context.signal);
  if (known !== undefined && known !== hashBytes(read.bytes))
    throw new AppError(
      'not_allowed',
      `${file.shown} was changed by somebody else after you read it. Nothing was changed; read it again first.`,
    );
  return { file, ...read, decoded: decodeText(read.bytes) };
}

interface Prepared extends PlannedChange {
  bytes: Buffer | undefined;
}

/** Carries out all changes, or none of them. Returns a line for each, for the model. Rejects with AppError. */
export async function commitChanges(deps: ChangeDeps, changes: readonly PlannedChange[]): Promise<readonly string[]> {
  const { files, checkpoints, context } = deps;
  // Removals last: of a moved file there is one too many for a moment, never none.
  const prepared = changes
    .map(prepare)
    .toSorted((a, b) => Number(a.bytes === undefined) - Number(b.bytes === undefined));
  if (files.host.isLocal)
    for (const { file, bytes } of prepared)
      await checkpoints.keep(
        context.turn,
        context.scope.space,
        file.real,
        bytes === undefined ? null : hashBytes(bytes),
      );
  const done: Prepared[] = [];
  try {
    for (const change of prepared) {
      await carryOut(deps, change);
      done.push(change);
    }
  } catch (error) {
    throw await takeBack(deps, done, error);
  }
  for (const { file, bytes } of prepared) {
    if (bytes === undefined) deps.seen.forget(context.session, file.real);
    else deps.seen.remember(context.session, file.real, hashBytes(bytes));
  }
  return Promise.all(prepared.map((change) => report(change, context)));
}

/** What stands for a secret in results of tools (shared/redact.ts). */
const MASK = '[redacted]';

function prepare(change: PlannedChange): Prepared {
  if (change.text === undefined) return { ...change, bytes: undefined };
  if (change.text.includes(MASK) && change.old?.decoded?.text.includes(MASK) !== true)
    throw new AppError(
      'bad_input',
      `The new ${change.file.shown} holds "${MASK}", which stands for a secret that is not shown. Nothing was changed; ` +
        'change only the other lines, with patch.',
    );
  const { bytes } = encodeText(change.text, change.old?.decoded?.encoding ?? 'utf-8');
  if (bytes.length > MAX_FILE_BYTES)
    throw new AppError('too_large', `${change.file.shown} would have ${bytes.length} bytes. Nothing was changed.`);
  return { ...change, bytes };
}

async function carryOut({ files, context }: ChangeDeps, { file, old, bytes, mode }: Prepared): Promise<void> {
  if (bytes !== undefined) await files.host.write(file.real, { bytes, expected: old?.stat, mode }, context.signal);
  else if (old) await files.host.remove(file.real, old.stat, context.signal);
}

/** Puts back what was changed before a later change failed; the error that says so. */
async function takeBack({ files }: ChangeDeps, done: readonly Prepared[], cause: unknown): Promise<unknown> {
  // The call may have been stopped; what was begun is still put right.
  const { signal } = new AbortController();
  const left: string[] = [];
  for (const { file, old } of done.toReversed()) {
    try {
      const now = await files.host.stat(file.real, signal);
      if (old) await files.host.write(file.real, { bytes: old.bytes, expected: now, mode: old.stat.mode }, signal);
      else if (now) await files.host.remove(file.real, now, signal);
    } catch {
      left.push(file.shown);
    }
  }
  if (done.length === 0) return cause;
  const why = cause instanceof AppError ? cause.publicMessage : 'A file could not be written.';
  const kept = left.length === 0 ? 'No file was changed.' : `These stay changed: ${left.join(', ')}.`;
  return new AppError(cause instanceof AppError ? cause.code : 'internal', `${why} ${kept}`, { cause });
}

async function report({ file, old, text, bytes }: Prepared, context: ToolContext): Promise<string> {
  if (text === undefined || bytes === undefined) return `Removed ${file.shown}.`;
  const { added, removed } = countChanges(old?.decoded?.text ?? '', text);
  const size = old ? `+${added} −${removed} lines` : `new file, ${added} lines`;
  const encoding = encodeText(text, old?.decoded?.encoding ?? 'utf-8').encoding;
  const note =
    encoding === (old?.decoded?.encoding ?? 'utf-8') ? '' : ` It is UTF-8 now: its encoding lacks a character.`;
  const problem = await findSyntaxProblem(file.real, text, context);
  const warning = problem === undefined ? '' : ` It does not parse: ${problem}. The file stays as written.`;
  return `Wrote ${file.shown}: ${size}.${note}${warning}`;
}
