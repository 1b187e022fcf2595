// Scripts in real processes, with tools that the test plays.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ScriptAnswer, ScriptCall } from '../../../agent/code/channel.ts';
import { isFenced, planScript, type Language, type ScriptLimits } from '../../../agent/code/plan.ts';
import { runScript, type ScriptEnd, type ScriptRun } from '../../../agent/code/run.ts';
import { probeSandbox, type Sandbox } from '../../../agent/terminal/local/probe.ts';
import { spawnChild } from '../../../agent/tools/child.ts';
import { systemClock } from '../../../shared/clock.ts';

const SEARCH = '/usr/local/bin:/usr/bin:/bin';

export const NO_SANDBOX: Sandbox = { kind: 'none', detail: 'There is no sandbox here.' };
export const sandbox = await probeSandbox({ platform: process.platform, path: SEARCH });

/** Why scripts cannot run in a sandbox here, or undefined. */
export const fenceProblem = isFenced({ sandbox, arch: process.arch }) ? undefined : `no sandbox: ${sandbox.detail}`;
export const pythonProblem = SEARCH.split(':').some((folder) => fs.existsSync(path.join(folder, 'python3')))
  ? fenceProblem
  : 'python3 is not installed';

export interface ScriptBench {
  workspace: string;
  /** Holds the workspace, and `secret.txt`. */
  data: string;
  run(language: Language, code: string, extra?: RunOptions): Promise<ScriptEnd & { served: ScriptCall[] }>;
  close(): void;
}

export interface RunOptions extends Partial<Pick<ScriptRun, 'timeoutMs' | 'maxCalls' | 'call' | 'signal'>> {
  sandbox?: Sandbox;
  limits?: Partial<ScriptLimits>;
}

/** Tools: `echo` gives its arguments back, `bad` fails, anything else is not known. */
function play({ name, arguments: args }: ScriptCall): ScriptAnswer {
  if (name === 'echo') return { ok: true, text: JSON.stringify(args) };
  return { ok: false, text: name === 'bad' ? 'it went wrong' : `no tool ${name}` };
}

export function openBench(): ScriptBench {
  const data = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-code-')));
  fs.writeFileSync(path.join(data, 'secret.txt'), 'a secret of the host');
  const workspace = path.join(data, 'workspaces', 'one');
  fs.mkdirSync(workspace, { recursive: true });
  return {
    workspace,
    data,
    async run(language, code, extra = {}) {
      const signal = extra.signal ?? new AbortController().signal;
      const served: ScriptCall[] = [];
      const place = {
        sandbox: extra.sandbox ?? sandbox,
        workspace,
        hidden: [data],
        node: process.execPath,
        arch: process.arch,
      };
      const end = await runScript({
        plan: planScript(language, place, { memoryMb: 256, cpuSeconds: 20, ...extra.limits }),
        code,
        names: ['echo', 'bad'],
        timeoutMs: extra.timeoutMs ?? 10_000,
        maxCalls: extra.maxCalls ?? 50,
        clock: systemClock,
        signal,
        spawn: (command, args, options) => spawnChild(command, args, options, signal),
        async call(call, work) {
          served.push(call);
          return extra.call ? extra.call(call, work) : play(call);
        },
      });
      return { ...end, served };
    },
    close: () => fs.rmSync(data, { recursive: true, force: true }),
  };
}
