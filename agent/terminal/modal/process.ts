// One command in a sandbox of Modal: bytes in, bytes out, and no call that goes on when nobody waits any more.
import type { Sandbox } from 'modal';
import { cancelledError } from '../../abort.ts';
import type { ShellResult, ShellRun } from '../remote/script-machine.ts';

/** Of one message to Modal. */
const PIECE_BYTES = 256 * 1024;
const MAX_STDERR_BYTES = 16 * 1024;

/** Rejects with what the kit rejects with, and with AppError `cancelled` at once when `signal` aborts. */
export async function runInSandbox(
  sandbox: Sandbox,
  { boot, payload, onStdout, signal }: ShellRun,
  onBegun: () => void,
): Promise<ShellResult> {
  const running = await sandbox.exec(['sh', '-c', boot], { mode: 'binary' });
  onBegun();
  const output = running.stdout.getReader();
  const errors = running.stderr.getReader();
  let stderr = Buffer.alloc(0);
  const work = Promise.all([
    feed(running.stdin, payload, signal),
    read(output, (chunk) => {
      if (!signal.aborted) onStdout(chunk);
    }),
    read(errors, (chunk) => {
      stderr = Buffer.concat([stderr, chunk]).subarray(-MAX_STDERR_BYTES);
    }),
  ]);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(cancelledError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } catch (error) {
    // Both streams are calls that Modal keeps open.
    void output.cancel().catch(() => undefined);
    void errors.cancel().catch(() => undefined);
    void work.catch(() => undefined);
    throw error;
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
  const text = stderr.toString('utf8');
  // The end mark tells the status; asking for it is one more call, which is repeated for ever while Modal does not answer.
  return { code: text.includes('herald-exit') ? 0 : await running.wait(), stderr: text };
}

async function feed(stdin: WritableStream<Uint8Array>, payload: Uint8Array, signal: AbortSignal): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for (let at = 0; at < payload.length && !signal.aborted; at += PIECE_BYTES)
      await writer.write(payload.subarray(at, at + PIECE_BYTES));
    await writer.close();
  } catch {
    // A command that ends without reading its input is judged by its status.
  }
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  for (let part = await reader.read(); !part.done; part = await reader.read()) onChunk(part.value);
}
