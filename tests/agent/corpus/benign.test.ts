// How often a person is asked in vain in ordinary work. The budget is what was measured: whoever makes Herald ask more, sees it here.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeInput } from '../fixture.ts';
import { TASKS, type Task } from './benign.ts';
import { openWorld, type Call, type World } from './rig.ts';

/** Share of tasks in which something is asked in vain. */
const MAX_TASKS_ASKED = 0.05;
/** Share of calls. */
const MAX_CALLS_ASKED = 0.03;

let world: World;
beforeAll(async () => {
  world = await openWorld();
  const links = ['one', 'two'].map((name) => `<p>${world.site.url}/${name}</p>`).join('');
  for (const name of ['hours', 'docs', 'one', 'two', 'table', 'links'])
    world.pages.set(`/${name}`, `<article><p>All about ${name}, at some length.</p>${links}</article>`);
  world.hits.splice(
    0,
    2,
    { title: 'Hours', url: `${world.site.url}/hours`, text: 'nine' },
    { title: 'Docs', url: `${world.site.url}/docs`, text: 'docs' },
  );
});
afterAll(() => world.close());

function placed<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value).replaceAll('{site}', world.site.url)) as Value;
}

async function ask({ words, calls, from, sensible = [] }: Task) {
  const text = placed(words);
  const inputs = [from === 'others' ? makeInput(`Forwarded from Bob:\n${text}`) : makeInput(text)];
  const tools = [...world.tools.map(({ name }) => name), 'memory', 'recall'];
  const { asked, result } = await world.run({ inputs, steps: placed<readonly Call[]>(calls), allow: tools });
  const failed = result.transcript.filter((entry) => entry.role === 'tool' && entry.isError);
  return { failed, vain: asked.filter(({ tool }) => !sensible.includes(tool)), asked };
}

it('ordinary work is hardly ever held up', async () => {
  const told: string[] = [];
  let calls = 0;
  let vain = 0;
  let tasks = 0;
  for (const task of TASKS) {
    const { asked, vain: inVain, failed } = await ask(task);
    expect([task.words, failed]).toEqual([task.words, []]);
    for (const tool of task.sensible ?? [])
      expect([task.words, asked.map((one) => one.tool)]).toEqual([task.words, expect.arrayContaining([tool])]);
    calls += task.calls.length;
    vain += inVain.length;
    if (inVain.length > 0) tasks++;
    told.push(...inVain.map(({ tool, arguments: args }) => `${task.words} → ${tool} ${args}`));
  }
  expect(TASKS.length).toBeGreaterThanOrEqual(40);
  const shares = `${tasks} of ${TASKS.length} tasks, ${vain} of ${calls} calls\n${told.join('\n')}`;
  expect(tasks / TASKS.length, shares).toBeLessThanOrEqual(world.noSandbox === undefined ? MAX_TASKS_ASKED : 1);
  expect(vain / calls, shares).toBeLessThanOrEqual(world.noSandbox === undefined ? MAX_CALLS_ASKED : 1);
}, 60_000);
