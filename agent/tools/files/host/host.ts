// Where the file tools act: the machine that Herald runs on (local.ts), or the one that commands run on (remote.ts). Paths are absolute and
// have been resolved and judged before (paths.ts); a host opens what it is told, follows no link that appeared meanwhile, and takes
// ordinary files only.
import type { RealPath } from '../paths.ts';

export interface FileStat {
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Bytes. */
  size: number;
  /** Bytes on the disk; far below `size` for files with holes. */
  allocated: number;
  /** Milliseconds since the Unix epoch. */
  mtimeMs: number;
  /** When anything of it last changed; unlike `mtimeMs` nobody can set it. Undefined: it cannot be told here. */
  ctimeMs?: number | undefined;
  /** Permission bits. */
  mode: number;
}

export interface ListEntry {
  name: string;
  kind: FileStat['kind'];
  size: number;
  /** As of FileStat. */
  ctimeMs?: number | undefined;
}

export interface SearchQuery {
  /** A folder or a file. */
  root: string;
  target: 'content' | 'files';
  /** content: a regular expression. files: a glob, or part of a path. */
  pattern: string;
  /** Only these files. */
  glob: string | undefined;
  /** Lines before and after each hit. */
  context: number;
  /** Hits to collect, at most; one more is looked for to tell whether there are more. */
  maxHits: number;
  /** Whether a file may be named; others are passed over. */
  mayShow(path: string): boolean;
}

export interface SearchHit {
  /** Absolute. */
  path: string;
  /** Absent for hits of `files`. */
  line?: number;
  text?: string;
  /** True for a line of context. */
  isContext?: boolean;
}

export interface SearchOutcome {
  hits: readonly SearchHit[];
  hasMore: boolean;
  /** What the model should know: time ran out, or a simpler search was used. */
  notes: readonly string[];
}

export interface FileChange {
  bytes: Uint8Array;
  /** What was there when it was read; undefined: nothing. */
  expected: FileStat | undefined;
  /** Permission bits of a new file. Default: those that new files get. */
  mode?: number | undefined;
}

/** Operations reject with AppError; `cancelled` when `signal` aborts. */
export interface FileHost {
  /** True when other processes of the same user keep nothing from undoing changes: checkpoints see these files. */
  readonly isLocal: boolean;
  /** Follows links; what does not exist is kept as it is named. */
  resolve(path: string, signal: AbortSignal): Promise<RealPath>;
  /** Of the path itself, not of what a link leads to. Undefined: there is nothing. */
  stat(path: string, signal: AbortSignal): Promise<FileStat | undefined>;
  /** The whole file. Rejects with `not_found`, `too_large` (more than `maxBytes`) or `bad_input` (no ordinary file). */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<{ bytes: Uint8Array; stat: FileStat }>;
  /** The first `bytes` of the file. Rejects as `read`. */
  readStart(path: string, bytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * Replaces the file in one step and keeps its permissions; makes its folders. When something else than expected is there, it rejects with
   * `not_allowed` and changes nothing.
   */
  write(path: string, change: FileChange, signal: AbortSignal): Promise<void>;
  /** Removes the file, not a folder. As `write`. */
  remove(path: string, expected: FileStat, signal: AbortSignal): Promise<void>;
  /** Sorted by name; at most `max`. */
  list(path: string, max: number, signal: AbortSignal): Promise<readonly ListEntry[]>;
  search(query: SearchQuery, signal: AbortSignal): Promise<SearchOutcome>;
}

/** Whether `now` is the file that `before` was. */
export function isSameFile(now: FileStat | undefined, before: FileStat | undefined): boolean {
  if (now === undefined || before === undefined) return now === before;
  return now.kind === before.kind && now.size === before.size && now.mtimeMs === before.mtimeMs;
}
