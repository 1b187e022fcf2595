// Reading files for the model: text with numbered lines, everything else described.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { SessionId } from '../../../shared/ids.ts';
import { preview, takePrefix } from '../../../shared/text.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import type { FileAccess, FileCall, FileToolsDeps, OpenFiles } from './access.ts';
import type { FileStat } from './host/host.ts';
import type { FilePath } from './paths.ts';
import { hashBytes, type SeenFiles } from './seen.ts';
import { decodeText, describeBytes, sizeText, type Encoding } from './text-file.ts';

/** Files above are described, not read. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
const DEFAULT_LINES = 500;
const MAX_LINES = 2_000;
const MAX_LINE_CHARS = 2_000;
/** Below what the dispatcher would cut out of the middle. */
const MAX_TEXT_CHARS = 40_000;
const MAX_ENTRIES = 300;
const START_BYTES = 64 * 1024;
const RESULT_PREFIX = 'result:';

export interface LineRange {
  /** First line, from 1. */
  offset?: number | undefined;
  limit?: number | undefined;
}

export function makeReadTool(deps: FileToolsDeps, access: FileAccess, seen: SeenFiles): Tool {
  return defineTool({
    name: 'read_file',
    description: 'File as numbered lines; a folder as list. result:<id> reads a long tool result.',
    parameters: z.strictObject({
      path: z.string(),
      offset: z.int().min(1).max(10_000_000).optional().describe('First line'),
      limit: z.int().min(1).max(MAX_LINES).optional(),
    }),
    effect: 'pure',
    origin: 'agent',
    toolset: 'files',
    summarize: ({ path }) => `reading ${preview(path, 80)}`,
    assess(args, at) {
      if (isResultPath(args.path)) return { effect: 'pure', touches: [] };
      return access.assess(args, [args.path], { at, verb: 'read' });
    },
    async execute(args, context) {
      if (isResultPath(args.path)) return readResult(deps, args, context);
      return access.use(context, async (files) => {
        const file = await files.find(args.path, access.judged(args, args.path));
        return readOpened({ files, file, seen, session: context.session }, args, context.signal);
      });
    },
  });
}

function isResultPath(path: string): boolean {
  return path.startsWith(RESULT_PREFIX);
}

async function readResult(
  deps: FileToolsDeps,
  args: { path: string } & LineRange,
  context: ToolContext,
): Promise<ToolResult> {
  const id = args.path.slice(RESULT_PREFIX.length);
  const result = await deps.openResult?.(id, context);
  if (!result) return { text: `There is no kept result "${preview(id, 80)}".`, isError: true };
  return { text: numberedLines(result.text, args), origin: result.origin };
}

interface OpenedFile {
  files: OpenFiles;
  file: FilePath;
  seen: SeenFiles;
  session: SessionId;
}

async function readOpened(opened: OpenedFile, range: LineRange, signal: AbortSignal): Promise<ToolResult> {
  const { files, file, seen, session } = opened;
  const found = await describeFile(files, file, signal);
  if (found.kind === 'missing') return { text: found.text, isError: true };
  const origin = file.area === 'outside' ? 'foreign' : 'agent';
  const label: Pick<ToolResult, 'origin' | 'changedAt'> =
    file.area === 'outside' ? { origin } : { origin, changedAt: found.changedAt };
  if (found.kind === 'described') return { text: found.text, ...label };
  seen.remember(session, file.real, found.hash);
  const note = found.encoding === 'utf-8' ? '' : `[encoded as ${found.encoding}]\n`;
  return { text: note + numberedLines(found.text, range), ...label };
}

type ChangeTimes = NonNullable<ToolResult['changedAt']>;

type FoundFile =
  | { kind: 'text'; text: string; encoding: Encoding; hash: string; changedAt: ChangeTimes }
  | { kind: 'described'; text: string; changedAt: ChangeTimes }
  | { kind: 'missing'; text: string };

/** The text of an ordinary file, or words about what it is instead. Rejects with AppError. */
async function describeFile(files: OpenFiles, file: FilePath, signal: AbortSignal): Promise<FoundFile> {
  const { host } = files;
  const stat = await host.stat(file.real, signal);
  if (!stat) return { kind: 'missing', text: `There is no file ${file.shown}.` };
  if (stat.kind === 'folder') return { kind: 'described', ...(await listFolder(files, file, signal)) };
  if (stat.kind !== 'file')
    return { kind: 'missing', text: `${file.shown} is a device, pipe, socket or link: not read.` };
  if (stat.size > MAX_FILE_BYTES) {
    if (stat.allocated < stat.size / 16)
      return { kind: 'missing', text: `${file.shown} is ${sizeText(stat.size)} of holes: not read.` };
    return { kind: 'described', text: await describeLarge(files, { file, stat }, signal), changedAt: [stat.ctimeMs] };
  }
  const { bytes, stat: read } = await host.read(file.real, MAX_FILE_BYTES, signal);
  const changedAt = [read.ctimeMs];
  const decoded = decodeText(bytes);
  if (decoded) return { kind: 'text', ...decoded, hash: hashBytes(bytes), changedAt };
  const text = `${file.shown}: ${describeBytes(bytes)}, ${sizeText(bytes.length)}. No text.`;
  return { kind: 'described', text, changedAt };
}

async function describeLarge(
  { host }: OpenFiles,
  { file, stat }: { file: FilePath; stat: FileStat },
  signal: AbortSignal,
): Promise<string> {
  const start = await host.readStart(file.real, START_BYTES, signal);
  const text = decodeText(start.subarray(0, Math.max(0, start.length - 4)));
  const about = `${file.shown} has ${sizeText(stat.size)}: too large to read whole.`;
  if (!text) return `${about} It is ${describeBytes(start)}.`;
  return `${about} Search it, or cut it with a command. It begins:\n${numberedLines(text.text, { limit: 20 })}`;
}

async function listFolder(
  { host }: OpenFiles,
  file: FilePath,
  signal: AbortSignal,
): Promise<{ text: string; changedAt: ChangeTimes }> {
  const entries = await host.list(file.real, MAX_ENTRIES + 1, signal);
  const shown = entries.slice(0, MAX_ENTRIES);
  const lines = shown.map(({ name: whole, kind, size }) => {
    const name = whole.replace(/[\n\r]/g, '?');
    if (kind === 'folder') return `${name}/`;
    return kind === 'file' && host.isLocal ? `${name} (${sizeText(size)})` : kind === 'link' ? `${name} (link)` : name;
  });
  const more = entries.length > shown.length ? `\n[more than ${MAX_ENTRIES} entries]` : '';
  const changedAt = shown.map(({ ctimeMs }) => ctimeMs);
  if (shown.length === 0) return { text: `${file.shown} is an empty folder.`, changedAt };
  return { text: `${file.shown} is a folder with:\n${lines.join('\n')}${more}`, changedAt };
}

/** The lines of the range with their numbers, and how to go on. */
function numberedLines(text: string, { offset = 1, limit = DEFAULT_LINES }: LineRange): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const total = lines.length;
  if (total === 0) return '[empty]';
  if (offset > total) return `[there are only ${total} lines]`;
  const out: string[] = [];
  let room = MAX_TEXT_CHARS;
  for (const line of lines.slice(offset - 1, offset - 1 + limit)) {
    const shown = `${offset + out.length}|${cutLine(line.replace(/\r$/, ''))}`;
    room -= shown.length + 1;
    if (room < 0 && out.length > 0) break;
    out.push(shown);
  }
  const last = offset + out.length - 1;
  if (last < total) out.push(`[lines ${offset}–${last} of ${total}; go on with offset ${last + 1}]`);
  return out.join('\n');
}

function cutLine(line: string): string {
  if (line.length <= MAX_LINE_CHARS) return line;
  const start = takePrefix(line, MAX_LINE_CHARS, 'utf16');
  return `${start}[… ${line.length - start.length} more characters]`;
}

/** Text of a file that a person refers to in a message, by the rules of `read_file`. */
export interface FileRange {
  /** As the model knows it. */
  path: string;
  /** Numbered lines, or what the file is. */
  text: string;
  origin: 'agent' | 'foreign';
}

/**
 * Reads a part of a file of the workspace; nothing outside of it. Rejects with AppError: `not_found`, `not_allowed` for secrets and for
 * what is not in the workspace, `bad_input`.
 */
export function readFileRange(
  access: FileAccess,
  call: FileCall,
  request: { path: string } & LineRange,
): Promise<FileRange> {
  return access.use(call, async (files) => {
    const file = await files.find(request.path, undefined);
    const found = await describeFile(files, file, call.signal);
    if (found.kind === 'missing') throw new AppError('not_found', found.text);
    const text = found.kind === 'text' ? numberedLines(found.text, request) : found.text;
    return { path: file.shown, text, origin: 'agent' };
  });
}
