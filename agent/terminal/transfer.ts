// Files to and from a machine, by the same way as commands go, byte for byte: what a command may not see there, a transfer does not see
// either.
import { posix } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { ExecRequest, ExecResult } from './machine.ts';
import { complaint } from './output.ts';
import { scriptWith } from './quote.ts';

const NO_FILE = 44;
const TOO_LARGE = 45;
const IS_FOLDER = 46;
const MAX_COMPLAINT_BYTES = 64 * 1024;

/**
 * $1 path, $2 its folder, $3 count of bytes. Beside the file first, then in its place: nobody reads half of it, and a connection that breaks on the way
 * leaves the old file. The mode of a file that was there stays: first in the words of GNU and busybox, then in those of BSD.
 */
const PUT = String.raw`
[ ! -d "$1" ] || exit ${IS_FOLDER}
mkdir -p -- "$2" && t=$(mktemp "$2/.herald.XXXXXX") || exit 1
trap 'rm -f -- "$t"' EXIT
cat > "$t" && [ "$(wc -c < "$t")" -eq "$3" ] || exit 1
mode=$(printf %o $((0666 & ~0$(umask))))
if [ -f "$1" ]; then kept=$(stat -c %a -- "$1" 2>/dev/null || stat -f %Lp -- "$1" 2>/dev/null) && mode=$kept; fi
chmod "$mode" "$t" && mv -f -- "$t" "$1"
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

/** Machine.put by means of exec. Rejects with AppError `bad_input` for a folder or a relative path, `not_allowed`, `disk_full`. */
export async function putByExec(exec: Exec, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const script = scriptWith(PUT, [absolutePath(path), posix.dirname(path), String(bytes.length)]);
  const { code, output } = await collect(exec, { script, stdin: bytes, signal }, MAX_COMPLAINT_BYTES);
  if (code === IS_FOLDER) throw folderError(path);
  if (code !== 0) throw writeError(path, output.toString('utf8'));
}

/** Machine.get by means of exec. Rejects with AppError `not_found`, `too_large`, `bad_input` for a folder, `not_allowed` for what cannot be read. */
export async function getByExec(exec: Exec, path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
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

function folderError(path: string): AppError {
  return new AppError('bad_input', `${path} is a folder on the machine, not a file.`);
}

function noFileError(path: string): AppError {
  return new AppError('not_found', `There is no file ${path} on the machine.`);
}

function tooLargeError(path: string, maxBytes: number): AppError {
  return new AppError('too_large', `The file ${path} is larger than ${maxBytes} bytes. Read a part of it instead.`);
}

function writeError(path: string, output: string): AppError {
  const isFull = /No space left|Disk quota exceeded/i.test(output);
  return new AppError(
    isFull ? 'disk_full' : 'not_allowed',
    `The file ${path} could not be written on the machine: ${complaint(output)}. What stood there before is unchanged.`,
    { retryable: isFull },
  );
}

/** Relative paths would mean something else with every login shell and working folder. */
function absolutePath(path: string): string {
  if (path.startsWith('/')) return path;
  throw new AppError('bad_input', `The path ${path} is not absolute. Write it from / on.`);
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
