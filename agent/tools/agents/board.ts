// The board that the workers of one task share with whoever began them.
import { z } from 'zod';
import { leaseCell, listCells, putCell, releaseCell, type Cell } from '../../../data/work/board.ts';
import { cleanText } from '../../../shared/text.ts';
import { defineTool, type ToolContext, type ToolResult } from '../tool.ts';

const LEASE_MS = 10 * 60_000;

export const boardTool = defineTool({
  name: 'board',
  description:
    'The board shared by all workers of this task. list: what is there. put: write a cell; `version` must be the one that you read (0 for a new cell), so nothing is overwritten unseen. claim: take a cell as your work for 10 minutes; release: give it back.',
  parameters: z.strictObject({
    action: z.enum(['list', 'put', 'claim', 'release']),
    key: z.string().trim().min(1).max(120).optional().describe('For list: a prefix'),
    type: z.string().trim().min(1).max(40).optional().describe('fact, work, artifact …'),
    value: z.string().max(8_000).optional(),
    version: z.int().min(0).optional(),
  }),
  // A write that is made again finds what it wrote.
  effect: 'idempotent',
  // It ends with its task.
  touches: [],
  origin: 'agent',
  toolset: 'agents',
  isRare: true,
  available: ({ role }) => role !== 'guest',
  summarize: ({ action, key }) => `board: ${action} ${key ?? ''}`.trim(),
  async execute({ action, key, type = 'fact', value, version }, context) {
    const { db, scope, tree } = context;
    if (action === 'list') return listed(await listCells(db, scope, tree.root, key));
    if (key === undefined) return { text: 'Name the cell in `key`.', isError: true };
    switch (action) {
      case 'put':
        if (value === undefined || version === undefined)
          return { text: '`put` needs `value` and the `version` that you read, 0 for a new cell.', isError: true };
        return put(context, { key, type, value, version });
      case 'claim': {
        const isMine = await leaseCell(db, scope, { root: tree.root, key, holder: tree.name, ms: LEASE_MS });
        return isMine
          ? { text: `${key} is yours for 10 minutes.` }
          : { text: `${key} is taken or not there.`, isError: true };
      }
      case 'release': {
        const wasMine = await releaseCell(db, scope, { root: tree.root, key, holder: tree.name });
        return wasMine ? { text: `${key} is free.` } : { text: `${key} was not yours.`, isError: true };
      }
    }
  },
});

async function put(
  { db, scope, tree, tainted }: ToolContext,
  cell: { key: string; type: string; value: string; version: number },
): Promise<ToolResult> {
  const written = await putCell(db, scope, {
    root: tree.root,
    key: cell.key,
    type: cell.type,
    value: cleanText(cell.value),
    expected: cell.version,
    author: tree.name,
    origin: tainted ? 'foreign' : 'agent',
  });
  if (written.ok) return { text: `${cell.key} is at version ${written.cell.version}.` };
  const there = written.cell ? listed([written.cell]) : { text: '' };
  switch (written.reason) {
    case 'changed':
      return {
        ...there,
        text: `Not written: ${written.cell ? 'somebody changed it' : 'it is not there'}. ${there.text}`.trim(),
        isError: true,
      };
    case 'held':
      return { ...there, text: `Not written: somebody else works on it. ${there.text}`, isError: true };
    case 'full':
      return { text: 'Not written: the board is full.', isError: true };
  }
}

function listed(cells: readonly Cell[]): ToolResult {
  if (cells.length === 0) return { text: 'The board is empty.' };
  const lines = cells.map(
    (cell) =>
      `${cell.key} [${cell.type}, version ${cell.version}, by ${cell.author}${cell.holder === undefined ? '' : `, taken by ${cell.holder}`}]: ${cell.value}`,
  );
  return { text: lines.join('\n'), origin: cells.some((cell) => cell.origin === 'foreign') ? 'foreign' : 'agent' };
}
