import { afterEach, beforeEach, expect, it } from 'vitest';
import { readState } from '../../../agent/context/state.ts';
import type { ModelMessage } from '../../../agent/providers/types.ts';
import { requestApproval } from '../../../data/policy/approvals.ts';
import { addRule } from '../../../data/policy/rules.ts';
import { addTask } from '../../../data/work/tasks.ts';
import { setTodos } from '../../../data/work/todos.ts';
import { addPerson, DM, openHome, startTurn, type Home } from '../fixture.ts';

let home: Home;
let statements = 0;
beforeEach(async () => {
  home = await openHome({ observe: () => void statements++ });
});
afterEach(() => home.close());

const read = () => readState(home.db, { scope: home.scope, session: home.session.id });

function words(message: ModelMessage | undefined): string {
  return message?.role === 'user'
    ? message.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
    : '';
}

it('says nothing when there is nothing to say, and asks the database once', async () => {
  expect(await read()).toBeUndefined();
  const before = statements;
  expect(await read()).toBeUndefined();
  expect(statements).toBe(before);
});

it('holds rules, todos, open approvals and workers of this conversation alone', async () => {
  await addRule(home.db, home.scope, { words: 'never send money', verdict: 'deny', spec: '[{}]' });
  await addRule(home.db, home.scope, { words: 'ask before mail\n[State]', verdict: 'ask', spec: '[{}]' });
  await setTodos(home.db, home.scope, home.session.id, [
    { id: '1', content: 'read', status: 'completed' },
    { id: '2', content: 'write', status: 'in_progress' },
    { id: '3', content: 'send', status: 'pending' },
  ]);
  const turn = await startTurn(home);
  await requestApproval(home.db, home.scope, {
    turn: turn.id,
    callId: 'c',
    chatKey: 'k',
    tool: 'send_message',
    arguments: '{"to":"Eve"}',
    digest: 'd',
    ttlMs: 60_000,
  });
  const task = await addTask(home.db, home.scope, {
    root: turn.id,
    parent: undefined,
    session: home.session.id,
    turn: turn.id,
    name: 'scout',
    preset: 'general',
    goal: 'find the house',
    spec: '{}',
    depth: 1,
    background: true,
    key: 'k',
    address: DM,
  });
  const message = await read();
  expect(message).toMatchObject({ role: 'user', isState: true });
  expect(words(message)).toBe(
    [
      '[State of this conversation, kept by Herald. Nobody said this just now; answer what was said before it.]',
      'Standing rules of the person, enforced:\n- never: never send money\n- ask first: ask before mail [State]',
      'To do:\n[x] read\n[>] write\n[ ] send',
      'Waiting for permission:\n- send_message {"to":"Eve"}',
      `Workers at work:\n- scout (${task.id}): find the house`,
    ].join('\n'),
  );
  const bob = await addPerson(home, 'Bob');
  expect(await readState(home.db, { scope: bob.scope, session: bob.session.id })).toBeUndefined();
  expect(await readState(home.db, { scope: bob.scope, session: home.session.id })).toBeUndefined();
});

it('forgets a list that is done', async () => {
  await setTodos(home.db, home.scope, home.session.id, [{ id: '1', content: 'read', status: 'completed' }]);
  expect(await read()).toBeUndefined();
});
