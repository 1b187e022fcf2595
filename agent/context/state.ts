// What holds in a conversation beside what was said: standing rules, the list of what is to do, what waits for permission, workers. It
// stands at the end of each request, read anew from where it is kept, so no summary can lose it and no cached beginning changes.
import { listPendingApprovals } from '../../data/policy/approvals.ts';
import { listRules } from '../../data/policy/rules.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import { listLiveTasks } from '../../data/work/tasks.ts';
import { listTodos, type TodoItem } from '../../data/work/todos.ts';
import type { SessionId } from '../../shared/ids.ts';
import { cleanText, preview } from '../../shared/text.ts';
import type { KnownSection } from '../knowledge.ts';
import { fence } from './present.ts';
import type { ModelMessage } from '../providers/types.ts';

const HEAD = '[State of this conversation, kept by Herald. Nobody said this just now; answer what was said before it.]';
const MAX_RULES = 30;
const MAX_TODOS = 50;
const MAX_APPROVALS = 10;
const ITEM_CHARS = 300;

const MARKS: Readonly<Record<TodoItem['status'], string>> = {
  pending: '[ ]',
  in_progress: '[>]',
  completed: '[x]',
  cancelled: '[-]',
};

/** The message that goes last, with what is `known` beyond the conversation; undefined when there is nothing to say. */
export async function readState(
  db: Db,
  { scope, session }: { scope: Scope; session: SessionId },
  known: readonly KnownSection[] = [],
): Promise<ModelMessage | undefined> {
  const rules = await listRules(db, scope);
  const todos = await listTodos(db, scope, session);
  const approvals = await listPendingApprovals(db, scope);
  const tasks = await listLiveTasks(db, scope, session);
  const sections = [
    section(
      'Standing rules of the person, enforced',
      rules
        .slice(-MAX_RULES)
        .map(({ verdict, words }) => `- ${verdict === 'deny' ? 'never' : 'ask first'}: ${line(words)}`),
    ),
    section(
      'To do',
      shownTodos(todos).map(({ status, content }) => `${MARKS[status]} ${line(content)}`),
    ),
    section(
      'Waiting for permission',
      approvals.slice(-MAX_APPROVALS).map((one) => `- ${one.tool} ${line(one.arguments)}`),
    ),
    section(
      'Workers at work',
      tasks.map((task) => `- ${line(task.name)} (${task.id}): ${line(task.goal)}`),
    ),
    ...known.map(({ title, lines, isForeign }) => {
      const text = section(title, lines);
      return isForeign ? fence(text, title) : text;
    }),
  ].filter((text) => text !== '');
  if (sections.length === 0) return undefined;
  return { role: 'user', content: [{ type: 'text', text: [HEAD, ...sections].join('\n') }], isState: true };
}

/** All that is open; of what is settled the last. A list that is done says nothing more. */
function shownTodos(todos: readonly TodoItem[]): readonly TodoItem[] {
  const isOpen = ({ status }: TodoItem) => status === 'pending' || status === 'in_progress';
  return todos.some(isOpen) ? todos.filter((todo, index) => isOpen(todo) || index >= todos.length - MAX_TODOS) : [];
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.join('\n')}`;
}

function line(text: string): string {
  return preview(cleanText(text), ITEM_CHARS);
}
