// Output of commands as the model reads it.
import { stripVTControlCharacters } from 'node:util';
import type { JobOutput, JobState } from '../../terminal/jobs.ts';
import type { RunResult } from '../../terminal/shell.ts';

const MAX_LINE_CHARS = 2_000;
const NO_NETWORK =
  /could not resolve|name or service not known|network is unreachable|temporary failure in name resolution|EAI_AGAIN|ENOTFOUND/i;

/** Without terminal sequences; of a line that was written over again and again, what it ended as; endless lines cut. */
export function plainOutput(output: string): string {
  return stripVTControlCharacters(output)
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => {
      const last = line.slice(line.replace(/\r+$/, '').lastIndexOf('\r') + 1).replace(/\r+$/, '');
      return last.length <= MAX_LINE_CHARS
        ? last
        : `${last.slice(0, MAX_LINE_CHARS)}[… ${last.length - MAX_LINE_CHARS} more characters in this line]`;
    })
    .join('\n')
    .trimEnd();
}

/** `hadNetwork`: undefined where it cannot be chosen. */
export function runText(
  result: RunResult,
  at: { workspace: string; timeoutMs: number; hadNetwork: boolean | undefined },
): string {
  const output = plainOutput(result.output);
  const notes = [
    ...(result.moved ? ['the folder of the last call is gone: this ran in the workspace'] : []),
    ...endNotes(result, at.timeoutMs),
    ...(result.cwd === at.workspace ? [] : [`now in ${result.cwd}`]),
    ...(at.hadNetwork === false && result.code !== 0 && NO_NETWORK.test(output)
      ? ['it ran without network: set network: true if it needs one']
      : []),
  ];
  const shown = output === '' ? 'No output.' : output;
  return notes.length === 0 ? shown : `${shown}\n[${notes.join('; ')}]`;
}

function endNotes({ code, ended }: RunResult, timeoutMs: number): string[] {
  switch (ended) {
    case 'timeout':
      return [
        `stopped after ${Math.round(timeoutMs / 1000)} s with all that it had started; use background for longer work`,
      ];
    case 'lost':
      return ['the machine was lost meanwhile: whether it finished is unknown'];
    case 'exit':
      return code === 0 ? [] : [`exit status ${code}`];
  }
}

export function jobLine(job: JobState, now: number): string {
  const age = job.startedAt === undefined ? '' : `, started ${duration(now - job.startedAt)} ago`;
  return `${job.id}: ${stateText(job)}${age}, ${job.printedBytes} bytes of output: ${job.title}`;
}

export function jobText(job: JobOutput): string {
  const output = plainOutput(job.output);
  const dropped = job.droppedBytes > 0 ? `; ${job.droppedBytes} bytes are left out` : '';
  return `${output === '' ? 'No new output.' : output}\n[${job.id}: ${stateText(job)}${dropped}]`;
}

function stateText({ state, code }: JobState): string {
  switch (state) {
    case 'running':
      return 'running';
    case 'exited':
      return `ended with status ${code ?? 0}`;
    case 'lost':
      return 'ended together with its machine';
  }
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
