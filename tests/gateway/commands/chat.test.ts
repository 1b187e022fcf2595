// /chat: settings of one chat.
import { beforeEach, describe, expect, test } from 'vitest';
import { getChat } from '../../../data/process/chats.ts';
import type { Person } from '../../../data/process/people.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

const settings = async (at = dm(ada)) => (await getChat(bench.db, at))?.settings;

describe('/chat', () => {
  test('sets, shows and resets what holds here', async () => {
    await bench.run(ada, dm(ada), '/chat model large');
    await bench.run(ada, dm(ada), '/chat prompt Be *brief*.');
    await bench.run(ada, dm(ada), '/chat tools web off');
    await bench.run(ada, dm(ada), '/queue steer');
    expect(await settings()).toEqual({
      model: 'maker/large',
      prompt: 'Be *brief*.',
      disabledTools: ['web'],
      queueMode: 'steer',
    });
    const shown = (await bench.run(ada, dm(ada), '/chat')).text;
    expect(shown).toContain('model: `maker/large`');
    expect(shown).toContain('“Be \\*brief\\*.”');
    expect(shown).toContain('off: `web`');
    await bench.run(ada, dm(ada), '/chat tools web on');
    expect((await settings())?.disabledTools).toEqual([]);
    await bench.run(ada, dm(ada), '/chat reset');
    expect(await settings()).toEqual({ queueMode: 'steer' });
  });

  test('in a group only an owner or admin settles, and everybody may look', async () => {
    const team = group('team');
    await expect(bench.run(bob, team, '/chat mention off')).rejects.toThrow('owner or admin');
    expect((await bench.run(bob, team, '/chat')).text).toContain('mention: as the configuration says');
    await bench.run(ada, team, '/chat mention off');
    expect((await settings(team))?.requireMention).toBe(false);
    await bench.run(ada, team, '/chat mention default');
    expect((await settings(team))?.requireMention).toBeUndefined();
  });

  test.each([
    ['/chat colour red', 'no setting `colour`'],
    ['/chat model gigantic', 'Did you mean small?'],
    ['/chat tools', ''],
    ['/chat tools rm-rf off', 'Name a tool'],
    ['/chat tools web maybe', 'on or off'],
    ['/chat mention off', 'for groups'],
    [`/chat prompt ${'x'.repeat(2_001)}`, '2001 characters'],
  ])('%s', async (line, problem) => {
    const run = bench.run(ada, dm(ada), line);
    await (problem === '' ? expect(run).resolves.toBeDefined() : expect(run).rejects.toThrow(problem));
  });
});
