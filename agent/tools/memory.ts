// The memory of a person or group, for the agent: keeping, correcting and finding. Both tools see the space of the turn only.
import { z } from 'zod';
import type { MemoryOperation } from '../memory/operations.ts';
import type { Memory } from '../memory/memory.ts';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';
import { defineTool, type Tool, type ToolContext } from './tool.ts';

const MAX_OPERATIONS = 20;
const MAX_FOUND = 50;

const target = z.enum(['memory', 'user']);
const action = z.enum(['add', 'replace', 'remove', 'archive']);
const text = z.string().max(8_000);
const operation = z.strictObject({
  action,
  target: target.optional(),
  content: text.optional(),
  old_text: text.optional(),
});

const parameters = z.strictObject({
  action: action.optional(),
  target: target.optional().describe('user: who the person is; default memory'),
  content: text.optional().describe('One self-contained fact'),
  old_text: text.optional().describe('Unique part of the entry'),
  // Read below: written out here once more, they would cost a hundred tokens in each request.
  operations: z
    .array(z.looseObject({}))
    .max(MAX_OPERATIONS)
    .optional()
    .describe('Several changes with these fields, all or none'),
});
type Args = z.infer<typeof parameters>;

export interface MemoryToolDeps {
  /** Undefined: to be looked at, not to be called. */
  memory: Memory | undefined;
  /** `review`: the look back at a turn. What it adds after text of others waits for approval instead of being asked about. Default agent. */
  author?: 'agent' | 'review';
}

export function makeMemoryTools({ memory, author = 'agent' }: MemoryToolDeps): readonly Tool[] {
  const own = () => {
    if (!memory) throw new AppError('tool_unavailable', 'There is no memory here.');
    return memory;
  };
  const memoryTool = defineTool({
    name: 'memory',
    description:
      'Remember lasting facts and preferences; correct or remove what is no longer so; archive what is seldom needed.',
    parameters,
    effect: 'idempotent',
    touches: author === 'review' ? [] : ['memory'],
    origin: 'agent',
    toolset: 'core',
    available: ({ role }) => role !== 'guest',
    summarize: describeCall,
    async execute(args, context) {
      const { operations, problem } = operationsOf(args);
      if (problem !== undefined) return { text: `${problem} Nothing was changed.`, isError: true };
      if (operations.length === 0) return { text: 'Say an action, or operations. Nothing was changed.', isError: true };
      try {
        return { text: await own().change(context.scope, operations, changeBy(context, author)) };
      } catch (error) {
        if (error instanceof AppError) return { text: error.publicMessage, isError: true };
        throw error;
      }
    },
  });
  const recallTool = defineTool({
    name: 'recall',
    description: 'Search memory, archive included. No query: the latest.',
    parameters: z.strictObject({
      query: z.string().max(500).optional(),
      limit: z.int().min(1).optional(),
    }),
    effect: 'pure',
    origin: 'agent',
    toolset: 'core',
    available: ({ role }) => role !== 'guest',
    summarize: () => 'looking through memory',
    async execute({ query = '', limit = 10 }, { scope }) {
      const found = await own().recall(scope, { text: query, limit: Math.min(limit, MAX_FOUND), withSuperseded: true });
      if (found.length === 0)
        return { text: query.trim() === '' ? 'Nothing is remembered yet.' : `Nothing in memory matches "${query}".` };
      return {
        text: found
          .map((entry) => {
            const state = entry.state === 'superseded' ? ' (no longer so)' : '';
            return `${entry.id} · ${dayText(entry.createdAt)}${state} · ${entry.text}`;
          })
          .join('\n'),
        // What a person approved stays words of others, wherever it is not in the core.
        origin: found.some((entry) => entry.origin === 'foreign') ? 'foreign' : 'agent',
      };
    },
  });
  return [memoryTool, recallTool];
}

/** `problem` is for the model; then none of them is to be carried out. */
function operationsOf(args: Args): { operations: readonly MemoryOperation[]; problem?: string } {
  const { action: only, operations: given = [] } = args;
  const operations: MemoryOperation[] = only === undefined ? [] : [operationOf({ ...args, action: only }, args)];
  for (const [at, raw] of given.entries()) {
    const parsed = operation.safeParse(raw);
    if (!parsed.success) return { operations, problem: `Operation ${at + 1}: ${z.prettifyError(parsed.error)}.` };
    operations.push(operationOf(parsed.data, args));
  }
  return { operations };
}

function operationOf(one: z.infer<typeof operation>, args: Args): MemoryOperation {
  const { action: does, target: where = args.target ?? 'memory', content, old_text: oldText } = one;
  return { action: does, target: where, content, oldText };
}

function changeBy({ tainted, turn, session, idempotencyKey }: ToolContext, author: 'agent' | 'review') {
  return { author, isTainted: tainted, turn, session, batch: idempotencyKey };
}

function describeCall(args: Args): string {
  const [first, ...more] = operationsOf(args).operations;
  if (!first) return 'changing memory';
  const words = preview(first.content ?? first.oldText ?? '', 60);
  return `memory: ${first.action} "${words}"${more.length > 0 ? ` and ${more.length} more` : ''}`;
}

function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
