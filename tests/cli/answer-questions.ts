// A person at a terminal who answers a command's questions.
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { MAIN } from '../support/built.ts';
import { bareEnv } from './run-cli.ts';

/** Prompts in their order, each with what is typed when it is on the screen. */
export type Steps = readonly (readonly [prompt: RegExp, keys: string])[];

/** Runs the command in a terminal and types; resolves when it has ended. */
export async function answerQuestions(
  home: string,
  args: readonly string[],
  steps: Steps,
): Promise<{ code: number; screen: string }> {
  const pty = spawn(process.execPath, [MAIN, ...args], {
    env: bareEnv(home, { TERM: 'xterm', NO_COLOR: '1' }),
    cols: 120,
    rows: 40,
  });
  let screen = '';
  let from = 0;
  let exited: number | undefined;
  const ended = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve((exited = exitCode))));
  pty.onData((data) => (screen += stripVTControlCharacters(data)));
  try {
    for (const [prompt, keys] of steps) {
      for (let waited = 0; !prompt.test(screen.slice(from)); waited += 20) {
        if (waited > 10_000 || exited !== undefined)
          throw new Error(
            `${prompt} did not come; ${exited === undefined ? '' : `exit ${exited}; `}the screen was:\n${screen}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      from = screen.length;
      pty.write(keys);
    }
    return { code: await ended, screen };
  } finally {
    pty.kill('SIGKILL');
  }
}
