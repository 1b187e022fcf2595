// Arguments for ripgrep and the reading of what it prints: https://docs.rs/grep-printer, `JSON` (read 2026-11-21).
import { z } from 'zod';
import type { SearchHit, SearchQuery } from './host.ts';

const MAX_FILE_SIZE = '8M';
const MAX_LINE_CHARS = 500;
/** A line of its output that is longer, such as of a minified file, is passed over. */
const MAX_OUTPUT_LINE_BYTES = 1024 * 1024;

/** Kept out of the search already; what is shown is judged path by path besides. */
const SECRET_GLOBS = [
  '!**/.git/**',
  '!**/.env',
  '!**/.env.*',
  '!**/.ssh/**',
  '!**/.aws/**',
  '!**/.gnupg/**',
  '!**/*.pem',
];

/** What stands before `--`, the pattern and the root. No configuration, no links, all but ignored files. */
export function ripgrepOptions(query: Pick<SearchQuery, 'target' | 'glob' | 'context'>): readonly string[] {
  const globs = [...(query.glob === undefined ? [] : [query.glob]), ...SECRET_GLOBS].flatMap((glob) => [
    '--glob',
    glob,
  ]);
  const common = ['--no-config', '--hidden', '--no-require-git', '--no-ignore-global', '--no-follow', '--no-messages'];
  if (query.target === 'files') return [...common, ...globs, '--files', '--sort', 'path'];
  return [
    ...common,
    ...globs,
    '--json',
    '--sort',
    'path',
    '--max-filesize',
    MAX_FILE_SIZE,
    '--context',
    String(query.context),
  ];
}

const textSchema = z.union([
  z.looseObject({ text: z.string() }).transform(({ text }) => text),
  // Bytes that are no UTF-8.
  z.looseObject({ bytes: z.base64() }).transform(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1')),
]);
const eventSchema = z.looseObject({
  type: z.enum(['match', 'context']),
  data: z.looseObject({ path: textSchema, lines: textSchema, line_number: z.int().nullable() }),
});

/** One line of `--json`; undefined for what is no hit. */
export function parseEvent(line: string): SearchHit | undefined {
  if (!line.startsWith('{"type":"match"') && !line.startsWith('{"type":"context"')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const event = eventSchema.safeParse(value);
  if (!event.success) return undefined;
  const { path, lines, line_number: number } = event.data.data;
  return {
    path,
    ...(number === null ? {} : { line: number }),
    text: cutLine(lines),
    isContext: event.data.type === 'context',
  };
}

export function cutLine(text: string): string {
  const line = text.replace(/\r?\n$/, '');
  return line.length <= MAX_LINE_CHARS ? line : `${line.slice(0, MAX_LINE_CHARS)}…`;
}

/** Gives whole lines of chunks of output to `onLine`, until that says false. Too long ones are left out. */
export function makeLineReader(onLine: (line: string) => boolean): { push(chunk: Uint8Array): void; end(): void } {
  let rest: Buffer = Buffer.alloc(0);
  let isSkipping = false;
  let isDone = false;
  const take = (line: Buffer) => {
    if (isSkipping) isSkipping = false;
    else if (!isDone && line.length > 0) isDone = !onLine(line.toString('utf8'));
  };
  return {
    push(chunk) {
      if (isDone) return;
      rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let at = rest.indexOf(0x0a); at >= 0 && !isDone; at = rest.indexOf(0x0a, from)) {
        take(rest.subarray(from, at));
        from = at + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > MAX_OUTPUT_LINE_BYTES) {
        rest = Buffer.alloc(0);
        isSkipping = true;
      }
    },
    end() {
      take(rest);
      rest = Buffer.alloc(0);
    },
  };
}

/** Collects hits up to the limit of the query, and one more to know whether there are more. */
export function makeCollector(query: SearchQuery): {
  /** False: enough. */
  add(hit: SearchHit): boolean;
  hits: SearchHit[];
  hasMore(): boolean;
} {
  const hits: SearchHit[] = [];
  let count = 0;
  return {
    hits,
    add(hit) {
      if (!query.mayShow(hit.path)) return true;
      if (hit.isContext !== true) count++;
      if (count > query.maxHits) return false;
      hits.push(hit);
      return true;
    },
    hasMore: () => count > query.maxHits,
  };
}
