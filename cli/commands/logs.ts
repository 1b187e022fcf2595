// `herald logs`: the last lines of $HERALD_HOME/logs/gateway.log (pino's JSON lines), readable, and new ones as they come.
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatLogLine, levelNumber, parseLogLine } from '../log-format.ts';
import { AppError } from '../../shared/errors.ts';

const DEFAULT_LINES = 50;
const POLL_MS = 250;
/** How much of the end of the file is read at a time. */
const BLOCK_BYTES = 256 * 1024;
/** One line longer than this is shown in pieces; the gateway writes none. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

export async function runLogs(context: CliContext, given: Given): Promise<number> {
  const file = path.join(context.home, 'logs', 'gateway.log');
  const least = levelNumber(given.text('level') ?? 'debug');
  const show = (line: string) => {
    const entry = parseLogLine(line);
    if (entry ? entry.level >= least : line.trim() !== '')
      context.out(context.json || !entry ? line : formatLogLine(entry, context.stdout));
  };
  const follow = given.flag('follow');
  const end = await showLast(file, { lines: given.number('lines') ?? DEFAULT_LINES, least, show });
  if (end === undefined && !follow)
    throw new AppError('not_found', `There is no log in ${file} yet. \`herald start\` writes it.`);
  if (follow) await followFile(context, file, end, show);
  return EXIT.ok;
}

/** Where reading goes on: the file (by inode) and the offset behind the last whole line. */
interface Position {
  inode: number;
  offset: number;
}

async function showLast(
  file: string,
  options: { lines: number; least: number; show(line: string): void },
): Promise<Position | undefined> {
  const handle = await openLog(file);
  if (!handle) return undefined;
  try {
    const { size, ino } = await handle.stat();
    const wanted: string[] = [];
    let start = size;
    let head = Buffer.alloc(0);
    let end = size;
    while (start > 0 && wanted.length < options.lines) {
      const from = Math.max(0, start - BLOCK_BYTES);
      const block = Buffer.concat([await readAt(handle, from, start - from), head]);
      const cut = from === 0 ? 0 : block.indexOf(10) + 1;
      const lines = block.subarray(cut).toString('utf8').split('\n');
      const tail = lines.pop() ?? '';
      // A last line without its end is still being written.
      if (start === size) end = size - Buffer.byteLength(tail);
      wanted.unshift(...lines.filter((line) => isWanted(line, options.least)));
      head = block.subarray(0, cut);
      start = from;
      if (head.length > MAX_LINE_BYTES) break;
    }
    if (options.lines > 0) wanted.slice(-options.lines).forEach(options.show);
    return { inode: ino, offset: end };
  } finally {
    await handle.close();
  }
}

function isWanted(line: string, least: number): boolean {
  const entry = parseLogLine(line);
  return entry ? entry.level >= least : line.trim() !== '';
}

/** Until the process is interrupted. Goes on with the new file when the log is rotated or cut. */
async function followFile(
  context: CliContext,
  file: string,
  from: Position | undefined,
  show: (line: string) => void,
): Promise<void> {
  let position = from;
  for (;;) {
    position = await showNew(file, position, show);
    await context.clock.sleep(POLL_MS);
  }
}

async function showNew(
  file: string,
  from: Position | undefined,
  show: (line: string) => void,
): Promise<Position | undefined> {
  const handle = await openLog(file);
  if (!handle) return from;
  try {
    const { size, ino } = await handle.stat();
    let offset = from?.inode === ino && from.offset <= size ? from.offset : 0;
    while (offset < size) {
      const block = await readAt(handle, offset, Math.min(size - offset, MAX_LINE_BYTES));
      const end = block.lastIndexOf(10) + 1;
      if (end === 0 && block.length < MAX_LINE_BYTES) break;
      const used = end === 0 ? block.length : end;
      for (const line of block.subarray(0, used).toString('utf8').split('\n')) if (line !== '') show(line);
      offset += used;
    }
    return { inode: ino, offset };
  } finally {
    await handle.close();
  }
}

async function openLog(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new AppError('not_allowed', `${file} cannot be read.`, { cause });
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
