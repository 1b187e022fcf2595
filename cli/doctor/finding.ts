// What `herald doctor` says: one line per thing that was looked at, and how to mend it.
import type { LockOwner } from '../../data/lock.ts';
import type { CliContext } from '../context.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';

export interface Finding {
  /** What was looked at, such as "database". */
  check: string;
  level: 'ok' | 'warn' | 'fail';
  message: string;
  /** What to do; undefined when nothing is wrong. */
  fix?: string | undefined;
}

/** What the checks share; filled in by the first of them. */
export interface Examination {
  context: CliContext;
  /** Undefined when it cannot be read. */
  loaded: LoadedConfig | undefined;
  /** The process that owns the data, when one does. */
  owner: LockOwner | undefined;
  /** What the running gateway says of itself. */
  status: OperationOutput<'status'> | undefined;
  deep: boolean;
}

/** A check never rejects: what it meets is a finding. */
export type Check = (examination: Examination) => Promise<readonly Finding[]>;

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message };
}

export function warn(check: string, message: string, fix?: string): Finding {
  return { check, level: 'warn', message, fix };
}

export function fail(check: string, message: string, fix: string): Finding {
  return { check, level: 'fail', message, fix };
}
