// One script in a sandbox. Daytona hands on the output of a command line by line, as text, through a shell: so what a script writes goes
// packed, one line per piece, and comes out here byte for byte. A broken connection is taken up again where it broke.
import { gunzipSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import type { Sandbox } from '@daytonaio/sdk';
import { AppError } from '../../../shared/errors.ts';
import { quoteShell } from '../quote.ts';
import type { ShellResult, ShellRun } from '../remote/script-machine.ts';
import { explainDaytona } from './errors.ts';

/** What is larger goes up as a file first: as base64, one argument holds at most 128 KiB. */
const MAX_INLINE_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 4;

/**
 * $1 boot, $2 file with the input, or empty, $3 the input as base64. Writes `o` and packed output, at the end `e` and standard error, and `x` and
 * the status. Reads from a pipe as much as there is, so that output comes when it is written.
 */
const RUN = String.raw`
box=$(mktemp -d) || exit 1
trap 'rm -rf "$box"' EXIT
if [ -n "$2" ]; then mv -- "$2" "$box/in"; else printf %s "$3" | base64 -d > "$box/in"; fi || exit 1
mkfifo "$box/out" || exit 1
( cd; exec sh -c "$1" ) < "$box/in" > "$box/out" 2> "$box/err" &
pid=$!
exec 4< "$box/out"
while dd bs=65536 count=1 <&4 > "$box/piece" 2>/dev/null && [ -s "$box/piece" ]; do
  printf 'o%s\n' "$(gzip -c1 < "$box/piece" | base64 | tr -d '\n')"
done
wait "$pid"; code=$?
printf 'e%s\nx%s\n' "$(tail -c 4096 "$box/err" | base64 | tr -d '\n')" "$code"
`;

/** Rejects with AppError. When `signal` aborts, the caller ends waiting and calls `end`. */
export interface Session {
  finished: Promise<ShellResult>;
  /** Takes the session away. What was left running in a session of its own goes on. Never rejects. */
  end(): Promise<void>;
}

export function startSession(sandbox: Sandbox, run: ShellRun): Session {
  const id = `herald-${randomBytes(8).toString('hex')}`;
  return {
    finished: execute(sandbox, id, run),
    async end() {
      await sandbox.process.deleteSession(id).catch(() => undefined);
    },
  };
}

async function execute(
  sandbox: Sandbox,
  id: string,
  { boot, payload, onStdout, signal }: ShellRun,
): Promise<ShellResult> {
  await sandbox.process.createSession(id);
  let file = '';
  let inline = '';
  if (payload.length > MAX_INLINE_BYTES) {
    file = `/tmp/${id}.in`;
    await sandbox.fs.uploadFile(Buffer.from(payload), file);
  } else inline = Buffer.from(payload).toString('base64');
  // Its input is a file: the shell of Daytona keeps that of a command open.
  const command = `sh -c ${quoteShell(RUN)} sh ${[boot, file, inline].map(quoteShell).join(' ')} </dev/null`;
  const { cmdId } = await sandbox.process.executeSessionCommand(id, { command, runAsync: true });
  if (cmdId === undefined) throw new AppError('terminal_unreachable', 'Daytona started a command and did not name it.');
  return follow(sandbox, { id, cmdId, onStdout, signal });
}

interface Following {
  id: string;
  cmdId: string;
  onStdout(chunk: Uint8Array): void;
  signal: AbortSignal;
}

async function follow(sandbox: Sandbox, { id, cmdId, onStdout, signal }: Following): Promise<ShellResult> {
  let seen = 0;
  let stderr = '';
  let code: number | undefined;
  let complaint = '';
  const take = (line: string) => {
    const kind = line[0];
    const rest = line.slice(1).trimEnd();
    if (kind === 'o') onStdout(gunzipSync(Buffer.from(rest, 'base64')));
    else if (kind === 'e') stderr = Buffer.from(rest, 'base64').toString('utf8');
    else if (kind === 'x') code = Number(rest);
  };
  let failure: unknown;
  for (let connection = 0; connection < MAX_CONNECTIONS && code === undefined && !signal.aborted; connection++) {
    // Each connection tells everything from the beginning.
    const lines = splitLines((line, index) => {
      if (index < seen || signal.aborted) return;
      seen = index + 1;
      take(line);
    });
    try {
      await sandbox.process.getSessionCommandLogs(id, cmdId, lines, (text) => {
        complaint = `${complaint}${text}`.slice(-4096);
      });
      failure = undefined;
    } catch (error) {
      failure = error;
    }
  }
  if (code !== undefined) return { code, stderr: `${stderr}${complaint}` };
  throw explainDaytona(
    'broke the connection; the command may go on',
    failure ?? new Error(complaint || 'the output ended early'),
  );
}

/** Feeds whole lines with their number. */
function splitLines(onLine: (line: string, index: number) => void): (text: string) => void {
  let pieces: string[] = [];
  let index = 0;
  return (text) => {
    const parts = text.split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      onLine([...pieces, part].join(''), index++);
      pieces = [];
    }
    if (last !== '') pieces.push(last);
  };
}
