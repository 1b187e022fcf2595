// What a command could reach, and which machine is whose.
import type { Scope } from '../../../data/scope.ts';
import type { Checkpoints } from '../../checkpoints/checkpoints.ts';
import type { Terminals } from '../../terminal/terminals.ts';
import type { Isolation } from '../../terminal/machine.ts';
import type { Assessment, ToolContext, Touch } from '../tool.ts';
import { sha256Hex } from '../../../shared/digest.ts';

/** What a command's text says, beside what its machine allows: the policy for commands, given from outside. */
export type AssessCommand = (command: string, at: { cwd: string }) => Pick<Assessment, 'forbidden' | 'risk' | 'grant'>;

export interface TerminalToolOptions {
  terminals: Terminals;
  assessCommand: AssessCommand;
  /** Keeps the files of a workspace on this machine before a command may change them. Default: nothing is kept. */
  checkpoints?: Pick<Checkpoints, 'snapshotTree' | 'settle'> | undefined;
}

/** Runs commands. */
export const TERMINAL_TOOL = 'terminal';

/** Name of the machine of a person or group: the same for ever, and says nothing about them. */
export function machineKey({ space }: Pick<Scope, 'space'>): string {
  return sha256Hex(space, 32);
}

export function terminalAt({ scope, workspace, signal }: ToolContext): {
  key: string;
  workspace: string;
  signal: AbortSignal;
} {
  return { key: machineKey(scope), workspace, signal };
}

export function touchesOf(isolation: Isolation, withNetwork: boolean): readonly Touch[] {
  return ['workspace', ...(isolation.files ? [] : ['machine' as const]), ...(withNetwork ? ['network' as const] : [])];
}
