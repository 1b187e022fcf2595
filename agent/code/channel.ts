// The channel between Herald and a script: lines of JSON over a pair of sockets that only the two of them have. What comes from the script
// is not trusted: size and shape are checked.
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { JsonValue } from '../providers/types.ts';

/** Of one call: its arguments are to be kept and shown. */
const MAX_LINE_BYTES = 1_048_576;
const NEWLINE = 0x0a;

export interface ScriptCall {
  /** 1 for the first call, then one more each. */
  id: number;
  name: string;
  arguments: { [key: string]: JsonValue };
}

export type ScriptAnswer = { ok: boolean; text: string };

export interface Channel {
  begin(script: { code: string; names: readonly string[] }): void;
  answer(id: number, answer: ScriptAnswer): void;
}

const callSchema: z.ZodType<ScriptCall> = z.object({
  id: z.int().min(1),
  name: z.string().min(1).max(200),
  arguments: z.record(z.string(), z.json()),
});

/** `onFault` is told once, in words for the model, when the script does not keep to the form; nothing is read after that. */
export function openChannel(
  stream: Duplex,
  on: { call(call: ScriptCall): void; fault(problem: string): void },
): Channel {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let last = 0;
  let isOver = false;

  function fail(problem: string): void {
    isOver = true;
    held = [];
    on.fault(problem);
  }

  function takeLine(line: string): void {
    const call = readCall(line);
    if (call?.id !== last + 1) return fail('it wrote nonsense to its channel to Herald');
    last = call.id;
    on.call(call);
  }

  stream.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let at = rest.indexOf(NEWLINE); at >= 0 && !isOver; at = rest.indexOf(NEWLINE)) {
      const line = Buffer.concat([...held, rest.subarray(0, at)]);
      [held, heldBytes] = [[], 0];
      rest = rest.subarray(at + 1);
      if (line.length > MAX_LINE_BYTES) fail(TOO_LARGE);
      else takeLine(line.toString());
    }
    if (isOver || rest.length === 0) return;
    held.push(rest);
    heldBytes += rest.length;
    if (heldBytes > MAX_LINE_BYTES) fail(TOO_LARGE);
  });
  // The script may end at any moment: its exit is what counts.
  stream.on('error', () => {});
  const write = (message: object) => void stream.write(`${JSON.stringify(message)}\n`);
  return { begin: (script) => write(script), answer: (id, answer) => write({ id, ...answer }) };
}

const TOO_LARGE = 'the arguments of a call were larger than 1 MB';

function readCall(line: string): ScriptCall | undefined {
  try {
    return callSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
