// A machine under test with its shell, as the contract of terminals uses it.
import { describe, expect } from 'vitest';
import type { Backend, Machine, MachineLimits } from '../../agent/terminal/machine.ts';
import { openShell, type RunRequest, type RunResult, type Shell } from '../../agent/terminal/shell.ts';
import { systemClock } from '../../shared/clock.ts';

export interface TerminalUnderTest {
  backend: Backend;
  /** For MachineRequest.workspace; an empty folder. */
  workspace: string;
  limits?: MachineLimits;
  close(): Promise<void>;
}

export interface TerminalContract {
  open(): Promise<TerminalUnderTest>;
  /** Why it cannot run here: shown as a skipped test. */
  skip?: string | undefined;
  /** Why what the scripts do on their own need not be tried here: who else runs them in the same shell. Shown with the cases. */
  skipScripts?: string;
  /** Why a hundred megabytes need not pass here. Shown with the case. */
  skipHeavy?: string;
  /** Milliseconds that one exec may take more than here: machines far away. Default 0. */
  slowMs?: number;
}

const KEY = 'contract-1';
export const never = new AbortController().signal;

export interface Rig {
  open(): Promise<void>;
  close(): Promise<void>;
  machine(): Machine;
  /** A machine object like that of a restarted gateway: the same key, nothing remembered. */
  reopen(): Promise<Machine>;
  run(command: string, extra?: Partial<RunRequest>): Promise<RunResult>;
  slowMs: number;
  skipScripts: string | undefined;
  skipHeavy: string | undefined;
}

/** With this variable, for a longer run, every machine does everything. */
const isFull = process.env['HERALD_TEST_FULL'] === '1';

/** Cases that are left out where there is a reason to. */
export function describeUnless(reason: string | undefined, title: string, cases: () => void): void {
  describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, cases);
}

export function makeRig({ open, slowMs = 0, skip, skipScripts, skipHeavy }: TerminalContract): Rig {
  // Within a suite that is skipped as a whole, vitest never ends what is skipped once more.
  const isWhole = isFull || skip !== undefined;
  let subject: TerminalUnderTest | undefined;
  let machine: Machine | undefined;
  let shell: Shell | undefined;
  const request = (under: TerminalUnderTest) => ({
    key: KEY,
    workspace: under.workspace,
    limits: under.limits ?? {},
    signal: never,
  });
  return {
    slowMs,
    skipScripts: isWhole ? undefined : skipScripts,
    skipHeavy: isWhole ? undefined : skipHeavy,
    async open() {
      subject = await open();
      machine = await subject.backend.open(request(subject));
      shell = openShell(machine, { clock: systemClock });
    },
    async close() {
      await machine?.destroy();
      await machine?.destroy();
      await machine?.close();
      await subject?.close();
    },
    machine() {
      if (machine === undefined) throw new Error('not open');
      return machine;
    },
    reopen() {
      if (subject === undefined) throw new Error('not open');
      return subject.backend.open(request(subject));
    },
    run(command, extra) {
      if (shell === undefined) throw new Error('not open');
      return shell.run({ command, timeoutMs: 15_000 + slowMs, signal: never, ...extra });
    },
  };
}

/** Output that the command must have printed, or the whole result in the failure. */
export async function output(rig: Rig, command: string, extra?: Partial<RunRequest>): Promise<string> {
  const result = await rig.run(command, extra);
  expect(result).toMatchObject({ code: 0, ended: 'exit' });
  return result.output;
}
