// What the gateway may do with the memory of a person or group, for commands. Everything stays within the scope.
import type { MemoryBatch, UndoneBatch } from '../../data/memory/changes.ts';
import type { MemoryCounts, MemoryEntry } from '../../data/memory/entries.ts';
import type { ForgetWhat } from '../../data/memory/forget.ts';
import type { MemoryTarget } from '../../data/memory/tables.ts';
import type { Scope } from '../../data/scope.ts';
import type { TurnId } from '../../shared/ids.ts';

export interface MemoryOverview {
  /** Of what is in each prompt, blocked entries included. */
  core: readonly MemoryEntry[];
  /** Such as "67% — 1,474/2,200 chars", of each target. */
  usage: Readonly<Record<MemoryTarget, string>>;
  counts: MemoryCounts;
}

export interface ApprovedMemories {
  kept: readonly MemoryEntry[];
  /** They stay as they are. */
  refused: readonly { entry: MemoryEntry; reason: string }[];
}

export interface ForgottenMemories {
  /** Entries. */
  count: number;
  /** What services outside do about it, in words, one line each; [] when there are none. */
  outside: readonly string[];
}

export interface MemoryPort {
  overview(scope: Scope): Promise<MemoryOverview>;
  /** Best first, what is out of date too; the latest that hold for ''. */
  search(scope: Scope, words: string, limit: number): Promise<readonly MemoryEntry[]>;
  /** Words of others that wait, oldest first. */
  pending(scope: Scope): Promise<readonly MemoryEntry[]>;
  /** What waits becomes memory of the person who approves. Ids that do not wait are passed over. */
  approve(scope: Scope, ids: readonly number[] | 'all'): Promise<ApprovedMemories>;
  /** What is blocked in a file counts from now on: its person has looked at it. Ids that are not blocked are passed over. */
  unblock(scope: Scope, ids: readonly number[]): Promise<readonly MemoryEntry[]>;
  /** Deletes what waits. Returns how many. */
  reject(scope: Scope, ids: readonly number[] | 'all'): Promise<number>;
  /** Newest first. */
  batches(scope: Scope, limit: number): Promise<readonly MemoryBatch[]>;
  /** Takes back one batch, by default the last that holds. Undefined: there is none. */
  undo(scope: Scope, batch?: string): Promise<(UndoneBatch & { title: string }) | undefined>;
  /** Takes back all that a turn and the look back at it changed. Returns how many entries are as before. */
  undoTurn(scope: Scope, turn: TurnId): Promise<number>;
  /** Deletes for good, with all versions, here and as far as they can in services outside. */
  forget(scope: Scope, what: ForgetWhat): Promise<ForgottenMemories>;
}
