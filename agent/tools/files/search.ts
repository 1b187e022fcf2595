// Searching the workspace, or another folder, for text or for files.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import { defineTool, type Tool, type ToolResult } from '../tool.ts';
import type { FileAccess, OpenFiles } from './access.ts';
import type { SearchHit, SearchOutcome } from './host/host.ts';
import { isInWorkspace, secretOf, showPath, type FilePath } from './paths.ts';

const DEFAULT_HITS = 50;
const MAX_HITS = 500;
const MAX_PATTERN_CHARS = 1_000;
const MAX_TEXT_CHARS = 40_000;

const parameters = z.strictObject({
  pattern: z.string().describe('Regex; for files a glob or part of the path'),
  target: z.enum(['content', 'files']).optional(),
  path: z.string().optional(),
  file_glob: z.string().optional(),
  limit: z.int().min(1).max(MAX_HITS).optional(),
  offset: z.int().min(0).max(100_000).optional(),
  context: z.int().min(0).max(20).optional(),
});
type SearchArgs = z.infer<typeof parameters>;

export function makeSearchTool(access: FileAccess): Tool {
  return defineTool({
    name: 'search_files',
    description: 'Finds text in files, or files by name; skips what .gitignore names.',
    parameters,
    effect: 'pure',
    origin: 'agent',
    toolset: 'files',
    summarize: ({ pattern }) => `searching for ${preview(pattern, 60)}`,
    assess: (args, at) => access.assess(args, [args.path ?? '.'], { at, verb: 'read' }),
    async execute(args, context) {
      if (args.pattern === '' || !isShortLine(args.pattern) || !isShortLine(args.file_glob ?? ''))
        return { text: 'Pattern and glob are one short line each. Nothing was searched.', isError: true };
      return access.use(context, async (files) => {
        const given = args.path ?? '.';
        const root = await files.find(given, access.judged(args, given));
        return searchBelow(files, { root, args }, context.signal);
      });
    },
  });
}

async function searchBelow(
  files: OpenFiles,
  { root, args }: { root: FilePath; args: SearchArgs },
  signal: AbortSignal,
): Promise<ToolResult> {
  const stat = await files.host.stat(root.real, signal);
  if (stat?.kind !== 'folder' && stat?.kind !== 'file') {
    // The workspace is made by whoever writes to it first.
    if (root.real === files.place.realWorkspace) return { text: 'Nothing was found: the workspace is empty.' };
    return { text: `There is no folder ${root.shown}.`, isError: true };
  }
  const outcome = await search(files, { root, args }, signal);
  const stats = await Promise.all(
    [...new Set(outcome.hits.map((hit) => hit.path))].map((path) => files.host.stat(path, signal)),
  );
  return { ...showHits(files, { root, args, outcome }), changedAt: stats.map((one) => one?.ctimeMs) };
}

function isShortLine(text: string): boolean {
  return text.length <= MAX_PATTERN_CHARS && !/[\n\r\0]/.test(text);
}

function search(
  { host, place }: OpenFiles,
  { root, args }: { root: FilePath; args: SearchArgs },
  signal: AbortSignal,
): Promise<SearchOutcome> {
  const query = {
    root: root.real,
    target: args.target ?? 'content',
    pattern: args.pattern,
    glob: args.file_glob,
    context: args.target === 'files' ? 0 : (args.context ?? 0),
    maxHits: (args.offset ?? 0) + (args.limit ?? DEFAULT_HITS),
    // A search outside must not tell what other people's workspaces hold, nor the reverse.
    mayShow: (path: string) =>
      secretOf(path, place) === undefined && (root.area === 'outside' || isInWorkspace(path, place)),
  } as const;
  return host.search(query, signal);
}

function showHits(
  { place }: OpenFiles,
  { root, args, outcome }: { root: FilePath; args: SearchArgs; outcome: SearchOutcome },
): ToolResult {
  const origin = root.area === 'outside' ? 'foreign' : 'agent';
  const offset = args.offset ?? 0;
  const notes = outcome.notes.map((note) => `[${note}]`);
  const hits = skipHits(outcome.hits, offset);
  const lines: string[] = [];
  let room = MAX_TEXT_CHARS;
  let shown = 0;
  let file = '';
  for (const hit of hits) {
    const added: string[] = [];
    const name = showPath(hit.path, place);
    if (hit.text === undefined) added.push(name);
    else {
      if (name !== file) added.push(name);
      added.push(`${hit.line ?? '?'}${hit.isContext === true ? '-' : ':'}${hit.text}`);
    }
    room -= added.join('\n').length + 1;
    if (room < 0 && lines.length > 0) break;
    file = name;
    lines.push(...added);
    if (hit.isContext !== true) shown++;
  }
  if (lines.length === 0) lines.push(offset > 0 ? 'Nothing more was found.' : 'Nothing was found.');
  else if (room < 0 || outcome.hasMore) notes.push(`[there is more: go on with offset ${offset + shown}]`);
  return { text: [...lines, ...notes].join('\n'), origin };
}

/** Without the first `count` hits and the context before the next one. */
function skipHits(hits: readonly SearchHit[], count: number): readonly SearchHit[] {
  if (count === 0) return hits;
  let seen = 0;
  const from = hits.findIndex((hit) => hit.isContext !== true && ++seen > count);
  return from < 0 ? [] : hits.slice(from);
}
