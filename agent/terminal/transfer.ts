// Files to and from a machine, by the same way as commands go: what a command may not see there, a transfer does not see either.
import { AppError } from '../../shared/errors.ts';
import type { Machine } from './machine.ts';
import { scriptWith } from './quote.ts';

const NOT_FOUND = 44;
const IS_FOLDER = 45;

/** Beside the file first, then in its place: nobody reads half of it. The permissions of a file that was there stay, as far as `x` goes. */
const PUT = String.raw`
[ -d "$1" ] && exit ${IS_FOLDER}
d=$(dirname -- "$1")
mkdir -p -- "$d" && t=$(mktemp "$d/.herald.XXXXXX") || exit 1
trap 'rm -f -- "$t"' EXIT
mode=666; [ -x "$1" ] && mode=777
cat > "$t" && chmod "$(printf %o $((0$mode & ~0$(umask))))" "$t" && mv -f -- "$t" "$1"
`;

const GET = String.raw`
[ -d "$1" ] && exit ${IS_FOLDER}
[ -f "$1" ] || exit ${NOT_FOUND}
[ -r "$1" ] || exit 1
exec head -c "$2" -- "$1" 2>/dev/null
`;

type Exec = Pick<Machine, 'exec'>;

/** Machine.put by means of exec. Rejects with AppError `bad_input` where the path is a folder, `not_allowed` where it cannot be written. */
export async function putByExec({ exec }: Exec, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const { code } = await exec({ script: scriptWith(PUT, [path]), stdin: bytes, signal });
  if (code !== 0) throw fileProblem(code, path, 'written');
}

/** Machine.get by means of exec. */
export async function getByExec(
  { exec }: Exec,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const { code } = await exec({
    script: scriptWith(GET, [path, String(maxBytes + 1)]),
    onOutput(chunk) {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
    },
    signal,
  });
  if (code !== 0) throw fileProblem(code, path, 'read');
  if (length > maxBytes)
    throw new AppError('too_large', `${path} is larger than ${maxBytes} bytes. It was not fetched.`);
  return Buffer.concat(chunks);
}

function fileProblem(code: number, path: string, verb: 'read' | 'written'): AppError {
  if (code === NOT_FOUND) return new AppError('not_found', `There is no file ${path}.`);
  if (code === IS_FOLDER) return new AppError('bad_input', `${path} is a folder, not a file.`);
  return new AppError('not_allowed', `${path} could not be ${verb} there: no permission, or no space.`);
}
