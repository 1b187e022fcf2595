// Files of a machine that is reached by scripts only: they go and come as standard input and output, byte for byte.
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { ExecRequest, ExecResult } from '../machine.ts';
import { scriptWith } from '../quote.ts';

const NO_FILE = 44;
const TOO_LARGE = 45;
const IS_FOLDER = 46;
const MAX_COMPLAINT_BYTES = 64 * 1024;
const MAX_COMPLAINT_CHARS = 300;

/** $1 path, $2 temporary path beside it, $3 folder, $4 count of bytes. */
const PUT = String.raw`
mkdir -p -- "$3" || exit 1
[ ! -d "$1" ] || exit ${IS_FOLDER}
cat > "$2" && [ "$(wc -c < "$2")" -eq "$4" ] || { rm -f -- "$2"; exit 1; }
if [ -f "$1" ]; then mode=$(stat -c %a -- "$1" 2>/dev/null) && chmod "$mode" "$2"; fi
mv -f -- "$2" "$1" || { rm -f -- "$2"; exit 1; }
`;

/** $1 path, $2 most bytes. */
const GET = String.raw`
[ ! -d "$1" ] || exit ${IS_FOLDER}
[ -f "$1" ] || exit ${NO_FILE}
size=$(wc -c < "$1") || exit 1
[ "$size" -le "$2" ] || exit ${TOO_LARGE}
exec cat -- "$1"
`;

type Exec = (request: ExecRequest) => Promise<ExecResult>;

/**
 * Writes beside the file and renames, after the count of bytes was found right: a connection that breaks on the way leaves the old file.
 * The mode of a file that is replaced stays.
 */
export async function putByScript(exec: Exec, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const temporary = `${absolutePath(path)}.${randomBytes(6).toString('hex')}.tmp`;
  const script = scriptWith(PUT, [path, temporary, posix.dirname(path), String(bytes.length)]);
  const { code, output } = await collect(exec, { script, stdin: bytes, signal }, MAX_COMPLAINT_BYTES);
  if (code === IS_FOLDER) throw folderError(path);
  if (code !== 0) throw writeError(path, output.toString('utf8'));
}

/** Rejects with AppError `not_found`, `too_large`, `bad_input` for a folder, `not_allowed` for what cannot be read. */
export async function getByScript(
  exec: Exec,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const script = scriptWith(GET, [absolutePath(path), String(maxBytes)]);
  const { code, output, overflowed } = await collect(exec, { script, signal }, Math.max(maxBytes, MAX_COMPLAINT_BYTES));
  if (code === NO_FILE) throw noFileError(path);
  if (code === IS_FOLDER) throw folderError(path);
  if (code === TOO_LARGE || (code === 0 && (overflowed || output.length > maxBytes)))
    throw tooLargeError(path, maxBytes);
  if (code !== 0)
    throw new AppError(
      'not_allowed',
      `The file ${path} cannot be read on the machine: ${complaint(output.toString())}.`,
    );
  return output;
}

export function folderError(path: string): AppError {
  return new AppError('bad_input', `${path} is a folder on the machine, not a file.`);
}

export function noFileError(path: string): AppError {
  return new AppError('not_found', `There is no file ${path} on the machine.`);
}

export function tooLargeError(path: string, maxBytes: number): AppError {
  return new AppError('too_large', `The file ${path} is larger than ${maxBytes} bytes. Read a part of it instead.`);
}

export function writeError(path: string, output: string): AppError {
  const isFull = /No space left|Disk quota exceeded/i.test(output);
  return new AppError(
    isFull ? 'disk_full' : 'not_allowed',
    `The file ${path} could not be written on the machine: ${complaint(output)}. What stood there before is unchanged.`,
    { retryable: isFull },
  );
}

/** Relative paths would mean something else with every login shell and working folder. */
export function absolutePath(path: string): string {
  if (path.startsWith('/')) return path;
  throw new AppError('bad_input', `The path ${path} is not absolute. Write it from / on.`);
}

/** What a command said, as the end of a sentence. */
export function complaint(output: string): string {
  const line = output.trim().split('\n').at(-1)?.trim().replace(/\.$/, '') ?? '';
  return line === '' ? 'the machine gave no reason' : line.slice(0, MAX_COMPLAINT_CHARS);
}

async function collect(exec: Exec, request: ExecRequest, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { code } = await exec({
    ...request,
    onOutput(chunk) {
      size += chunk.length;
      // One byte more than allowed tells; the rest is let go.
      if (size - chunk.length <= maxBytes) chunks.push(chunk);
    },
  });
  return { code, output: Buffer.concat(chunks), overflowed: size > maxBytes };
}
