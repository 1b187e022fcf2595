// /rules and /agents: what holds is kept in rows, of this person alone.
import { beforeEach, describe, expect, test } from 'vitest';
import { changeMemory } from '../../../data/memory/changes.ts';
import { listLatestMemories } from '../../../data/memory/entries.ts';
import type { Person } from '../../../data/process/people.ts';
import { addTask, listTasks } from '../../../data/work/tasks.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

describe('/rules', () => {
  test('are added in words, listed and taken back', async () => {
    expect((await bench.run(ada, dm(ada), '/rules')).text).toContain('no standing rules');
    expect((await bench.run(ada, dm(ada), '/rules add ask before deleting mail')).text).toContain('I will ask before');
    expect((await bench.run(ada, dm(ada), '/rules never send money')).text).toContain('I will not make');
    const { text } = await bench.run(ada, dm(ada), '/rules');
    expect(text).toContain('1. Ask: “ask before deleting mail”\n2. Never: “never send money”');
    await bench.run(ada, dm(ada), '/rules remove 1');
    expect((await bench.run(ada, dm(ada), '/rules')).text).toContain('1. Never');
    for (const wrong of ['2', '0', '-1', 'x', ''])
      await expect(bench.run(ada, dm(ada), `/rules remove ${wrong}`)).rejects.toMatchObject({ code: 'not_found' });
    await expect(bench.run(ada, dm(ada), '/rules add')).rejects.toMatchObject({ code: 'bad_input' });
  });

  test('of others are not seen, and in a group only their maker takes them back', async () => {
    await bench.run(ada, dm(ada), '/rules add ask before deleting mail');
    expect((await bench.run(bob, dm(bob), '/rules')).text).toContain('no standing rules');
    await bench.run(ada, group(), '/rules add never post pictures');
    expect((await bench.run(bob, group(), '/rules')).text).toContain('never post pictures');
    await expect(bench.run(bob, group(), '/rules remove 1')).rejects.toMatchObject({ code: 'not_allowed' });
    expect((await bench.run(ada, group(), '/rules')).text).toContain('never post pictures');
  });
});

describe('/undo and /rollback', () => {
  test('put back files and memory of the turns, and say so', async () => {
    const first = await bench.exchange(ada, dm(ada), 'write a');
    const second = await bench.exchange(ada, dm(ada), 'write b');
    const { scope } = await bench.route(ada, dm(ada));
    const batch = { author: 'agent', origin: 'agent', turn: second, title: 'x' } as const;
    await changeMemory(bench.db, scope, batch, (edit) =>
      edit.add({ target: 'memory', place: 'core', state: 'active', text: 'wrote b' }),
    );
    bench.agent.changed.set(first, ['/w/a']).set(second, ['/w/b']);
    const { text } = await bench.run(ada, dm(ada), '/undo');
    expect(text).toContain('Files are as before: /w/b. 1 change of memory taken back.');
    expect(await listLatestMemories(bench.db, scope, 5)).toEqual([]);
    expect((await bench.run(ada, dm(ada), '/rollback')).text).toContain('1. ');
    await expect(bench.run(ada, dm(ada), '/rollback 2')).rejects.toMatchObject({ code: 'bad_input' });
    expect((await bench.run(ada, dm(ada), '/rollback 1')).text).toBe('Files are as before: /w/a.');
    await expect(bench.run(ada, dm(ada), '/rollback')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('/agents', () => {
  async function begin(person: Person, name: string) {
    const turn = await bench.exchange(person, dm(person), 'go');
    const { scope, session } = await bench.route(person, dm(person));
    const place = { root: turn, parent: undefined, session: session.id, turn, address: dm(person), depth: 1 };
    const more = { preset: 'general', goal: `work of ${name}`, spec: '{}', background: true };
    return { scope, task: await addTask(bench.db, scope, { ...place, ...more, key: name, name }) };
  }

  test('lists, tells and stops', async () => {
    expect((await bench.run(ada, dm(ada), '/agents')).text).toContain('no workers');
    const { task, scope } = await begin(ada, 'reader');
    const { text, buttons } = await bench.run(ada, dm(ada), '/agents');
    expect(text).toMatch(/reader\*\* waiting/);
    expect(buttons?.flat().map(({ data }) => data)).toEqual([`/agents stop ${task.id}`]);
    expect((await bench.run(ada, dm(ada), `/agents tell ${task.id} look left`)).text).toContain('next step');
    const [row] = await bench.db.query.selectFrom('tasks').select('steering').execute();
    expect(row?.steering).toBe('["look left"]');
    await bench.run(ada, dm(ada), `/agents stop ${task.id}`);
    expect(bench.agent.stopped).toEqual([task.id]);
    expect(await listTasks(bench.db, scope, { limit: 5 })).toHaveLength(1);
    await expect(bench.run(ada, dm(ada), '/agents fly away')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of others are neither seen nor stopped', async () => {
    const { task } = await begin(ada, 'secret');
    expect((await bench.run(bob, dm(bob), '/agents')).text).not.toContain('secret');
    for (const verb of ['stop', 'show', 'tell'])
      await expect(bench.run(bob, dm(bob), `/agents ${verb} ${task.id} x`)).rejects.toMatchObject({
        code: 'not_found',
      });
    expect(bench.agent.stopped).toEqual([]);
  });
});
