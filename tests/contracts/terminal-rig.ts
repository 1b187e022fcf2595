// A machine under test with its shell, as the contract of terminals uses it.
import { expect } from 'vitest';
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
}

export function makeRig({ open, slowMs = 0 }: TerminalContract): Rig {
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

