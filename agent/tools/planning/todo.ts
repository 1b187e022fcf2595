// The list of steps of a session. It is shown to the model in each request (data/work/todos.ts), so it outlives compression and restarts.
import { z } from 'zod';
import { listTodos, setTodos, TODO_STATES, type TodoItem } from '../../../data/work/todos.ts';
import { cleanText } from '../../../shared/text.ts';
import { defineTool } from '../tool.ts';

const MAX_ITEMS = 50;

export const todoTool = defineTool({
  name: 'todo',
  description: 'Your steps, shown to you throughout; one in_progress.',
  parameters: z.strictObject({
    todos: z
      .array(
        z.strictObject({
          id: z.string().trim().min(1).max(40),
          content: z.string().trim().min(1).max(500),
          status: z.enum(TODO_STATES).optional(),
        }),
      )
      .max(MAX_ITEMS),
    merge: z.boolean().optional(),
  }),
  effect: 'idempotent',
  touches: [],
  origin: 'agent',
  toolset: 'planning',
  summarize: ({ todos }) => `planning ${todos.length} steps`,
  async execute({ todos, merge }, { db, scope, session }) {
    const given = todos.map(({ id, content, status = 'pending' }) => ({ id, content: cleanText(content), status }));
    const twice = given.find((item, at) => given.findIndex(({ id }) => id === item.id) !== at);
    if (twice) return { text: `Two items have the id "${twice.id}". The list stays as it was.`, isError: true };
    const items = merge === true ? merged(await listTodos(db, scope, session), given) : given;
    if (items.length > MAX_ITEMS)
      return { text: `A list has at most ${MAX_ITEMS} items. It stays as it was.`, isError: true };
    if (!(await setTodos(db, scope, session, items))) return { text: 'There is no such session.', isError: true };
    return { text: describe(items) };
  },
});

/** In the order that there is; new ones at the end. */
function merged(known: readonly TodoItem[], given: readonly TodoItem[]): readonly TodoItem[] {
  const changed = new Map(given.map((item) => [item.id, item]));
  const ids = new Set(known.map(({ id }) => id));
  return [...known.map((item) => changed.get(item.id) ?? item), ...given.filter(({ id }) => !ids.has(id))];
}

function describe(items: readonly TodoItem[]): string {
  if (items.length === 0) return 'The list is empty.';
  const open = items.filter(({ status }) => status === 'pending' || status === 'in_progress').length;
  const working = items.filter(({ status }) => status === 'in_progress').length;
  const advice = working > 1 ? ` ${working} are in_progress: better one at a time.` : '';
  return `${items.length} items, ${open} open.${advice}`;
}
