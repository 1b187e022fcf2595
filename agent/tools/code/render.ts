// What came of a script, as the model reads it.
import type { ScriptEnd } from '../../code/run.ts';
import { plainOutput } from '../terminal/render.ts';

/** `notes`: on what undo will not bring back. */
export function scriptText(end: ScriptEnd & { notes: readonly string[] }): string {
  const { code, stopped, stdout, stderr, calls, cutOff } = end;
  const [out, err] = [plainOutput(stdout), plainOutput(stderr)];
  const notes = [
    ...(stopped === undefined ? [] : [`the script was stopped: ${stopped}`]),
    ...(stopped === undefined && code !== 0 ? [`exit status ${code}`] : []),
    `${calls} ${calls === 1 ? 'call' : 'calls'}`,
    ...(cutOff.length === 0
      ? []
      : [`cut off, and possibly done: ${cutOff.slice(0, 20).join(', ')}; do not simply repeat what changes something`]),
  ];
  return [
    ...(out === '' && err === '' ? ['Nothing was printed.'] : []),
    ...(out === '' ? [] : [out]),
    ...(err === '' ? [] : [`[errors]\n${err}`]),
    `[${notes.join('; ')}]`,
    ...end.notes.map((note) => `(${note})`),
  ].join('\n');
}
