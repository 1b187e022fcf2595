// How a script reaches a machine through a plain byte pipe: the bytes of the script, then those of its standard input. What starts it
// there is a fixed text in which only numbers and checked words vary, so nothing of the script is ever parsed by another shell.
import { randomBytes } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';

/** As ExecRequest says; Linux takes 128 KiB as one argument. */
const MAX_SCRIPT_BYTES = 64 * 1024;

/** Name of the variable that marks what was started for a machine, so that it can be found again where nothing else tells. */
export const MARK_VARIABLE = 'HERALD_MACHINE';

export interface PackedScript {
  /** For `sh -c`. Between single quotes it means the same to every login shell: it holds no quote and no exclamation mark. */
  boot: string;
  /** For its standard input. */
  payload: Uint8Array;
  /** Passes on what the script itself writes: a login shell may have greeted before it. Stateful, for one run. */
  output(onOutput: (chunk: Uint8Array) => void): (chunk: Uint8Array) => void;
  /** Exit status that the machine reported for the script on standard error; undefined when it did not come so far. */
  exitCode(stderr: string): number | undefined;
}

/**
 * `mark`, of [a-z0-9-], is left in the environment of all that the script starts. Standard output carries both outputs of the script in
 * the order in which they come; standard error carries nothing but the end mark, so whatever else stands there is of the client program.
 * The script is a shell process of its own, so `$$` is its id. Throws AppError `bad_input` for a script that no machine takes.
 */
export function packScript(script: string, stdin: Uint8Array | undefined, mark?: string): PackedScript {
  const source = Buffer.from(script, 'utf8');
  if (source.length > MAX_SCRIPT_BYTES || script.includes('\0'))
    throw new AppError('bad_input', 'The script is too long, or holds a NUL character. Nothing was run.');
  // Random, so that nothing that the machine says by chance passes for it.
  const nonce = randomBytes(8).toString('hex');
  const begin = `herald-begin ${nonce}\n`;
  const marked = mark === undefined ? '' : `${MARK_VARIABLE}=${checkedMark(mark)}; export ${MARK_VARIABLE}; `;
  // Without TERM, programs guess; images and login shells differ in it.
  // dd reads single bytes because a shell's or head's buffer would swallow the input that follows. The x keeps trailing newlines.
  const boot =
    `s=$(dd bs=1 count=${source.length} 2>/dev/null; echo x); echo "${begin.trimEnd()}"; exec 3>&2; ` +
    `TERM=dumb; export TERM; ${marked}sh -c "\${s%x}" 2>&1 3>&-; c=$?; echo "herald-exit ${nonce} $c" >&3; exit $c`;
  return {
    boot,
    payload: stdin === undefined ? source : Buffer.concat([source, stdin]),
    output: (onOutput) => skipUntil(Buffer.from(begin), onOutput),
    exitCode(stderr) {
      const found = new RegExp(`herald-exit ${nonce} (\\d{1,3})`).exec(stderr);
      return found === null ? undefined : Number(found[1]);
    },
  };
}

/** Drops all up to and with `mark`, also when it comes in pieces. */
function skipUntil(mark: Buffer, onOutput: (chunk: Uint8Array) => void): (chunk: Uint8Array) => void {
  let held: Buffer | undefined = Buffer.alloc(0);
  return (chunk) => {
    if (held === undefined) return onOutput(chunk);
    held = Buffer.concat([held, chunk]);
    const at = held.indexOf(mark);
    if (at === -1) {
      held = held.subarray(-mark.length);
      return;
    }
    const rest = held.subarray(at + mark.length);
    held = undefined;
    if (rest.length > 0) onOutput(rest);
  };
}

function checkedMark(mark: string): string {
  if (!/^[a-z0-9-]{1,100}$/.test(mark)) throw new Error('marks are of a-z, 0-9 and -');
  return mark;
}
