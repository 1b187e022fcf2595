// /retry, /undo, /compress and /save: what they do to the history, and that they touch the own one only.
import { beforeEach, describe, expect, test } from 'vitest';
import { listHistory, undoTurn } from '../../../data/messages.ts';
import type { Person } from '../../../data/process/people.ts';
import type { Address } from '../../../shared/messages.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

async function texts(person: Person, at: Address = dm(person)): Promise<readonly string[]> {
  const { scope, session } = await bench.route(person, at);
  return (await listHistory(bench.db, scope, session.id)).map((message) => message.text);
}

describe('/retry', () => {
  test('takes the last exchange back, tool results included, and asks the same again', async () => {
    await bench.exchange(ada, dm(ada), 'first');
    await bench.exchange(ada, dm(ada), 'second\nline', { tool: { name: 'clock', text: 'noon' } });
    const reply = await bench.run(ada, dm(ada), '/retry');
    expect(reply.ask).toBe('second\nline');
    expect(await texts(ada)).toEqual(['first', 'answer to first']);
  });

  test('carried out again after a crash it asks the same once more and takes nothing else back', async () => {
    await bench.exchange(ada, dm(ada), 'first');
    await bench.exchange(ada, dm(ada), 'second');
    await bench.run(ada, dm(ada), '/retry');
    const again = await bench.runAgain(ada, dm(ada));
    expect(again.ask).toBe('second');
    expect(await texts(ada)).toEqual(['first', 'answer to first']);
  });

  test('cut off between the plan and the change, it finishes what it began', async () => {
    await bench.exchange(ada, dm(ada), 'first');
    const turn = await bench.exchange(ada, dm(ada), 'second');
    await bench.run(ada, dm(ada), '/retry');
    // As if the process had died before this write.
    await bench.db.query.updateTable('messages').set({ state: 'active' }).where('turn_id', '=', turn).execute();
    expect((await bench.runAgain(ada, dm(ada))).ask).toBe('second');
    expect(await texts(ada)).toEqual(['first', 'answer to first']);
  });

  test('a second /retry is a command of its own', async () => {
    await bench.exchange(ada, dm(ada), 'first');
    await bench.exchange(ada, dm(ada), 'second');
    await bench.run(ada, dm(ada), '/retry');
    expect((await bench.run(ada, dm(ada), '/retry')).ask).toBe('first');
    expect(await texts(ada)).toEqual([]);
  });

  test('says that files do not come along', async () => {
    const photo = { kind: 'image', path: '/home/p.jpg', name: 'p.jpg', mime: 'image/jpeg', bytes: 3 } as const;
    await bench.exchange(ada, dm(ada), 'what is this', { files: [photo] });
    expect((await bench.run(ada, dm(ada), '/retry')).text).toContain('files do not come along');
  });

  test('does not lose a message that was only a file', async () => {
    await bench.exchange(ada, dm(ada), '');
    await expect(bench.run(ada, dm(ada), '/retry')).rejects.toMatchObject({ code: 'bad_input' });
    expect(await texts(ada)).toHaveLength(2);
  });

  test('an empty conversation has nothing to ask again', async () => {
    await expect(bench.run(ada, dm(ada), '/retry')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('never reaches the conversation of another person', async () => {
    await bench.exchange(bob, dm(bob), 'of bob');
    await expect(bench.run(ada, dm(ada), '/retry')).rejects.toMatchObject({ code: 'not_found' });
    await expect(bench.run(ada, group(), '/retry')).rejects.toMatchObject({ code: 'not_found' });
    expect(await texts(bob)).toEqual(['of bob', 'answer to of bob']);
  });

  test("does not ask another member's question with the authority of the owner", async () => {
    await bench.exchange(bob, group(), 'delete everything');
    await expect(bench.run(ada, group(), '/retry')).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await texts(ada, group())).toHaveLength(2);
    expect((await bench.run(bob, group(), '/retry')).ask).toBe('delete everything');
  });

  test.each(['foreign', 'agent'] as const)('does not make %s text the words of the person', async (origin) => {
    await bench.exchange(ada, dm(ada), 'from elsewhere', { origin });
    await expect(bench.run(ada, dm(ada), '/retry')).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await texts(ada)).toHaveLength(2);
  });

  test('a guest, whose text never has authority, may ask again', async () => {
    const guest = await bench.person('gus', 'guest');
    await bench.exchange(guest, dm(guest), 'hello', { origin: 'foreign' });
    expect((await bench.run(guest, dm(guest), '/retry')).ask).toBe('hello');
  });
});

describe('/undo', () => {
  beforeEach(async () => {
    for (const said of ['one', 'two', 'three']) await bench.exchange(ada, dm(ada), said);
  });

  test('removes the last exchange and says which', async () => {
    const reply = await bench.run(ada, dm(ada), '/undo');
    expect(reply.text).toContain('Took back 1 exchange');
    expect(reply.text).toContain('“three”');
    expect(reply.ask).toBeUndefined();
    expect(await texts(ada)).toEqual(['one', 'answer to one', 'two', 'answer to two']);
  });

  test('removes the last n, and says when there were fewer', async () => {
    expect((await bench.run(ada, dm(ada), '/undo 2')).text).toMatch(/Took back 2 exchanges[\s\S]*three[\s\S]*two/);
    expect(await texts(ada)).toEqual(['one', 'answer to one']);
    expect((await bench.run(ada, dm(ada), '/undo 5')).text).toContain('There were no more');
    expect(await texts(ada)).toEqual([]);
    await expect(bench.run(ada, dm(ada), '/undo')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('leaves out what was taken back before', async () => {
    const { scope } = await bench.route(ada, dm(ada));
    await undoTurn(bench.db, scope, await bench.exchange(ada, dm(ada), 'four'));
    expect((await bench.run(ada, dm(ada), '/undo')).text).toContain('“three”');
  });

  test.each(['0', '-1', '1.5', 'all', '51', '1e1', '9999'])('refuses /undo %s and changes nothing', async (args) => {
    await expect(bench.run(ada, dm(ada), `/undo ${args}`)).rejects.toMatchObject({ code: 'bad_input' });
    expect(await texts(ada)).toHaveLength(6);
  });

  test('carried out again after a crash it takes back the same and no more', async () => {
    const first = await bench.run(ada, dm(ada), '/undo 2');
    const again = await bench.runAgain(ada, dm(ada));
    expect(again.text).toBe(first.text);
    expect(await texts(ada)).toEqual(['one', 'answer to one']);
  });

  test('never reaches the conversation of another person', async () => {
    await bench.exchange(bob, dm(bob), 'of bob');
    await bench.run(ada, dm(ada), '/undo 50');
    expect(await texts(bob)).toEqual(['of bob', 'answer to of bob']);
  });

  test('in a group members take back their own, the owner anybody’s', async () => {
    await bench.exchange(bob, group(), 'of bob');
    await bench.exchange(ada, group(), 'of ada');
    await expect(bench.run(bob, group(), '/undo')).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(bench.run(bob, group(), '/undo 2')).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await texts(ada, group())).toHaveLength(4);
    expect((await bench.run(ada, group(), '/undo 2')).text).toContain('“of bob”');
    expect(await texts(ada, group())).toEqual([]);
    expect(await texts(ada)).toHaveLength(6);
  });
});

describe('/compress', () => {
  test('asks the agent for this session and says how much was summarized', async () => {
    await bench.exchange(ada, dm(ada), 'one');
    const { session } = await bench.route(ada, dm(ada));
    expect((await bench.run(ada, dm(ada), '/compress')).text).toContain('4 older messages');
    expect(bench.agent.compressed).toEqual([{ session: session.id, focus: undefined }]);
  });

  test('says when there is nothing to do', async () => {
    bench.agent.summarizes = 0;
    expect((await bench.run(ada, dm(ada), '/compress')).text).toContain('nothing to summarize');
  });
});

describe('/save', () => {
  beforeEach(async () => {
    const file = {
      kind: 'document',
      path: '/home/private/plan.pdf',
      name: 'plan.pdf',
      mime: 'application/pdf',
      bytes: 9,
    } as const;
    await bench.exchange(ada, dm(ada), 'look at this', { files: [file] });
    await bench.exchange(ada, dm(ada), 'what time is it', {
      tool: { name: 'clock', text: '```\nnoon' },
      answer: '**Noon**',
    });
    await bench.exchange(ada, dm(ada), 'never mind');
    await bench.run(ada, dm(ada), '/undo');
    await bench.run(ada, dm(ada), '/title ../Ada’s: plan');
    await bench.exchange(bob, dm(bob), 'of bob');
  });

  test('gives markdown of what was said, without what was taken back or other people’s words', async () => {
    const { files } = await bench.run(ada, dm(ada), '/save');
    expect(files).toHaveLength(1);
    expect(files?.[0]).toMatchObject({ name: 'ada-s-plan-2026-11-21.md', mime: 'text/markdown' });
    const text = bench.stored.get('ada-s-plan-2026-11-21.md') ?? '';
    expect(text).toContain('# ../Ada’s: plan');
    expect(text).toMatch(
      /## ada, 2026-11-21 12:00 UTC\n\nwhat time is it\n\n\*\*Tool clock\*\*\n\n````\n```\nnoon\n````/,
    );
    expect(text).toContain('**Noon**');
    expect(text).toContain('(file: plan.pdf)');
    for (const absent of ['never mind', 'of bob', '/home/private']) expect(text).not.toContain(absent);
  });

  test('gives JSON of everything, with what was taken back marked', async () => {
    const { files } = await bench.run(ada, dm(ada), '/save JSON');
    expect(files?.[0]).toMatchObject({ name: 'ada-s-plan-2026-11-21.json', mime: 'application/json' });
    const text = bench.stored.get('ada-s-plan-2026-11-21.json') ?? '';
    const saved = JSON.parse(text) as {
      session: { title: string };
      messages: { text: string; state: string; toolCalls?: unknown; files: unknown[] }[];
    };
    expect(saved.session.title).toBe('../Ada’s: plan');
    expect(saved.messages.map((message) => [message.text, message.state])).toEqual([
      ['look at this', 'active'],
      ['answer to look at this', 'active'],
      ['what time is it', 'active'],
      ['', 'active'],
      ['```\nnoon', 'active'],
      ['**Noon**', 'active'],
      ['never mind', 'undone'],
      ['answer to never mind', 'undone'],
    ]);
    expect(saved.messages[3]?.toolCalls).toEqual([{ id: 'c1', name: 'clock', rawArguments: '{}' }]);
    expect(saved.messages[0]?.files).toEqual([{ name: 'plan.pdf', mime: 'application/pdf', bytes: 9 }]);
    expect(text).not.toContain('/home/private');
    expect(text).not.toContain('of bob');
  });

  test('a group’s file holds the group’s words only', async () => {
    await bench.exchange(ada, group(), 'in the kitchen');
    await bench.run(ada, group(), '/save');
    const [text] = [...bench.stored.values()];
    expect(text).toContain('in the kitchen');
    expect(text).not.toContain('look at this');
  });

  test('long tool results are cut in markdown only', async () => {
    await bench.exchange(ada, dm(ada), 'read', { tool: { name: 'read', text: `${'x'.repeat(5_000)}END` } });
    await bench.run(ada, dm(ada), '/save md');
    await bench.run(ada, dm(ada), '/save json');
    expect(bench.stored.get('ada-s-plan-2026-11-21.md')).not.toContain('END');
    expect(bench.stored.get('ada-s-plan-2026-11-21.json')).toContain('END');
  });

  test('refuses another format, and an empty conversation', async () => {
    await expect(bench.run(ada, dm(ada), '/save pdf')).rejects.toMatchObject({ code: 'bad_input' });
    await bench.run(ada, dm(ada), '/new');
    await expect(bench.run(ada, dm(ada), '/save')).rejects.toMatchObject({ code: 'not_found' });
    expect(bench.stored.size).toBe(0);
  });
});
