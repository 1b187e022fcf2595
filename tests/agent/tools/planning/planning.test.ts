// The list of steps, and questions to the person, in turns of the real agent.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { estimateTool } from '../../../../agent/context/tokens.ts';
import { makeClarifyTool } from '../../../../agent/tools/planning/clarify.ts';
import { todoTool } from '../../../../agent/tools/planning/todo.ts';
import type { JsonValue } from '../../../../agent/providers/types.ts';
import type { PersonAnswer, PersonQuestion } from '../../../../data/work/questions.ts';
import { listTodos } from '../../../../data/work/todos.ts';
import { DM, makeCall, openHome, runTurnOnce, type Home } from '../../fixture.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

const item = (id: string, status = 'pending', content = `step ${id}`) => ({ id, content, status });

async function call(tool: typeof todoTool, args: { [key: string]: JsonValue }, turn = {}): Promise<string> {
  const script = [{ toolCalls: [makeCall(tool.name, args)] }, { text: 'done' }];
  const { requests } = await runTurnOnce(home, script, { agent: { tools: [tool] }, turn });
  const result = requests[1]?.messages.findLast(({ role }) => role === 'tool');
  return result?.role === 'tool' ? result.text : '';
}

const plan = (todos: readonly JsonValue[], merge?: boolean) =>
  call(todoTool, { todos: [...todos], ...(merge === undefined ? {} : { merge }) });
const kept = async () =>
  (await listTodos(home.db, home.scope, home.session.id)).map(
    ({ id, content, status }) => `${id} ${content} ${status}`,
  );

describe('todo', () => {
  it('keeps the list of the session; merging changes and adds, else it is the whole list', async () => {
    expect(await plan([item('1', 'in_progress'), item('2')])).toBe('2 items, 2 open.');
    await plan([item('3'), item('1', 'completed', 'step one')], true);
    expect(await kept()).toEqual(['1 step one completed', '2 step 2 pending', '3 step 3 pending']);
    expect(await plan([{ id: '9', content: 'step 9' }])).toBe('1 items, 1 open.');
    expect(await kept()).toEqual(['9 step 9 pending']);
    expect(await plan([])).toBe('The list is empty.');
  });

  it('refuses what cannot be told apart or grows without end, and advises one step at a time', async () => {
    expect(await plan([item('1', 'in_progress'), item('2', 'in_progress')])).toContain('better one at a time');
    expect(await plan([item('1'), item('1')])).toContain('Two items have the id "1"');
    const many = Array.from({ length: 49 }, (_, n) => item(`n${n}`));
    expect(await plan(many, true)).toContain('at most 50');
    expect(await plan([...many, item('a'), item('b')])).toContain('Wrong arguments');
    expect(await plan([item('1', 'blocked')])).toContain('Wrong arguments');
    expect(await kept()).toHaveLength(2);
  });

  it('costs little in each request', () => {
    expect(estimateTool(todoTool.schema)).toBeLessThanOrEqual(170);
  });
});

describe('clarify', () => {
  function makeTool(answer: PersonAnswer) {
    const asked: PersonQuestion[] = [];
    const tool = makeClarifyTool({
      async askPerson(question) {
        asked.push(question);
        return answer;
      },
    });
    return { tool, asked };
  }
  const answered = (...values: string[]): PersonAnswer => ({
    state: 'answered',
    values: { answer: values },
    origin: 'owner',
  });

  it('asks in the chat of the turn, and gives what was said', async () => {
    const { tool, asked } = makeTool(answered('Red', 'Blue'));
    expect(await call(tool, { question: 'Which?', choices: ['Red', 'Blue'], multi: true })).toBe('Red, Blue');
    expect(asked).toEqual([
      {
        scope: home.scope,
        turn: expect.any(String),
        address: DM,
        key: expect.stringMatching(/^[0-9a-f]{40}$/),
        fields: [{ name: 'answer', text: 'Which?', choices: ['Red', 'Blue'], multi: true }],
        ttlMs: 1_800_000,
      },
    ]);
  });

  it('says what silence and a refusal mean', async () => {
    expect(await call(makeTool({ state: 'expired' }).tool, { question: 'x' })).toContain(
      'No answer came within 30 minutes',
    );
    expect(await call(makeTool({ state: 'declined' }).tool, { question: 'x' })).toContain('does not want to answer');
  });

  it('words that are only passed on are marked as such', async () => {
    const { tool } = makeTool({ state: 'answered', values: { answer: ['do it'] }, origin: 'foreign' });
    expect(await call(tool, { question: 'x' })).toBe('<untrusted from="clarify">\ndo it\n</untrusted>');
  });

  it('takes a few choices that differ', async () => {
    const { tool, asked } = makeTool(answered('x'));
    for (const choices of [['a', 'a'], ['a', 'b', 'c', 'd', 'e', 'f', 'g'], ['x'.repeat(61)]])
      expect(await call(tool, { question: 'x', choices })).toContain('Wrong arguments');
    expect(asked).toEqual([]);
  });

  it('is not for workers, nor where nobody can be asked', async () => {
    const { tool, asked } = makeTool(answered('x'));
    const worker = { task: 't', name: 'w', root: 'r', depth: 1, tools: undefined, tainted: false };
    expect(await call(tool, { question: 'x' }, { worker })).toContain('There is no tool "clarify"');
    expect(await call(makeClarifyTool({}), { question: 'x' })).toContain('There is no tool "clarify"');
    expect(asked).toEqual([]);
  });
});
