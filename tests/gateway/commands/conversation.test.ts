// /new, /title, /sessions, /resume: beginning, naming and finding conversations, each person's own only.
import { beforeEach, describe, expect, test } from 'vitest';
import { getChat, setChat, touchChat } from '../../../data/process/chats.ts';
import type { Person } from '../../../data/process/people.ts';
import { changeSession, createSession, currentSession, listSessions } from '../../../data/sessions.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

const idOf = async (person: Person, at = dm(person)) => (await bench.route(person, at)).session.id;

describe('/new', () => {
  test('begins another conversation with the same model and personality, and keeps the old one', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    const { session: old, scope } = await bench.route(ada, dm(ada));
    await changeSession(bench.db, scope, old.id, { model: 'maker/large', personality: 'pirate' });

    const reply = await bench.run(ada, dm(ada), '/new');

    const { session } = await bench.route(ada, dm(ada));
    expect(session.id).not.toBe(old.id);
    expect(session).toMatchObject({ model: 'maker/large', personality: 'pirate', title: undefined });
    expect(reply.text).toContain(`/resume ${old.id.slice(0, 10)}`);
    await bench.run(ada, dm(ada), /`(\/resume \w+)`/.exec(reply.text)?.[1] ?? '');
    expect((await bench.route(ada, dm(ada))).session.id).toBe(old.id);
    expect(await listSessions(bench.db, scope, 10)).toHaveLength(2);
  });

  test('takes a title', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    const reply = await bench.run(ada, dm(ada), '/new Summer\n trip');
    expect((await bench.route(ada, dm(ada))).session.title).toBe('Summer trip');
    expect(reply.text).toContain('**Summer trip**');
  });

  test('begins even when the title is taken, and says so', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.run(ada, dm(ada), '/title Trip');
    const before = await idOf(ada);
    const reply = await bench.run(ada, dm(ada), '/new Trip');
    expect(await idOf(ada)).not.toBe(before);
    expect(reply.text).toContain('no title yet');
    expect(reply.text).toContain('has that title already');
  });

  test('the way back that it names works', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.run(ada, dm(ada), '/title My `odd` title');
    const old = await idOf(ada);
    const reply = await bench.run(ada, dm(ada), '/new');
    const back = /`+ ?(\/resume .+?)`` goes back/.exec(reply.text)?.[1];
    await bench.run(ada, dm(ada), back ?? '');
    expect(await idOf(ada)).toBe(old);
  });

  test('in a chat with a conversation of its own only this chat changes', async () => {
    const { scope, session: shared } = await bench.route(ada, dm(ada));
    const own = await createSession(bench.db, scope, { detached: true });
    const other = dm(ada, 'raven');
    await touchChat(bench.db, other, '');
    await setChat(bench.db, other, { session: own.id });
    await bench.exchange(ada, other, 'here');

    await bench.run(ada, other, '/new');

    expect(await idOf(ada, other)).not.toBe(own.id);
    expect((await getChat(bench.db, other))?.session).toBe(await idOf(ada, other));
    expect(await idOf(ada)).toBe(shared.id);
  });

  test('carried out again after a crash it begins nothing more', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.run(ada, dm(ada), '/new Trip');
    const begun = await idOf(ada);
    const reply = await bench.runAgain(ada, dm(ada));
    expect(await idOf(ada)).toBe(begun);
    expect(reply.text).toContain('**Trip**');
  });

  test('says that a running answer still arrives', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    bench.gateway.running.add(await idOf(ada));
    expect((await bench.run(ada, dm(ada), '/new')).text).toContain('still arrives');
    expect(bench.gateway.stopped).toEqual([]);
  });

  test('of one person leaves the conversation of another alone', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.exchange(bob, dm(bob), 'hi');
    const bobs = await idOf(bob);
    await bench.run(ada, dm(ada), '/new');
    expect(await idOf(bob)).toBe(bobs);
  });
});

describe('/title', () => {
  test('shows, sets and shows again', async () => {
    expect((await bench.run(ada, dm(ada), '/title')).text).toContain('no title yet');
    await bench.run(ada, dm(ada), '/title  Trip \u202e *2026*');
    expect((await bench.route(ada, dm(ada))).session.title).toBe('Trip *2026*');
    expect((await bench.run(ada, dm(ada), '/title')).text).toContain('**Trip \\*2026\\***');
  });

  test('refuses a title that is too long or taken in the same space, and changes nothing', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.run(ada, dm(ada), '/title Trip');
    await bench.run(ada, dm(ada), '/new');
    await expect(bench.run(ada, dm(ada), '/title Trip')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(bench.run(ada, dm(ada), `/title ${'x'.repeat(81)}`)).rejects.toMatchObject({ code: 'bad_input' });
    expect((await bench.route(ada, dm(ada))).session.title).toBeUndefined();
  });

  test('two persons may use the same title', async () => {
    await bench.run(ada, dm(ada), '/title Trip');
    await bench.run(bob, dm(bob), '/title Trip');
    expect((await bench.route(bob, dm(bob))).session.title).toBe('Trip');
  });
});

describe('/sessions and /resume', () => {
  beforeEach(async () => {
    await bench.exchange(ada, dm(ada), 'book a train to Oslo', { answer: 'Leaves at nine.' });
    await bench.run(ada, dm(ada), '/title Oslo');
    await bench.run(ada, dm(ada), '/new Cooking');
    await bench.exchange(ada, dm(ada), 'how long do eggs boil');
    await bench.exchange(bob, dm(bob), 'my secret is Oslo');
    await bench.run(bob, dm(bob), '/title Secret Oslo');
  });

  test('lists the own conversations, latest first, and marks the present one', async () => {
    const { text, buttons } = await bench.run(ada, dm(ada), '/sessions');
    expect(text.indexOf('Cooking')).toBeLessThan(text.indexOf('Oslo'));
    expect(text).toMatch(/\*\*Cooking\*\* \(here\), 2 messages/);
    expect(text).not.toContain('ecret');
    expect(buttons?.flat().map((button) => button.label)).toEqual(['Oslo']);
  });

  test('searches what was said and titles, in the own space only', async () => {
    const trains = await bench.run(ada, dm(ada), '/sessions train');
    expect(trains.text).toContain('Found in 1 conversation');
    expect(trains.text).toContain('book a train to Oslo');
    expect((await bench.run(ada, dm(ada), '/sessions cook')).text).toContain('Cooking');
    const both = await bench.run(ada, dm(ada), '/sessions Oslo');
    expect(both.text).toContain('Found in 1 conversation');
    expect(both.text).not.toContain('ecret');
    expect((await bench.run(ada, dm(ada), '/sessions secret')).text).toContain('Nothing found');
  });

  test('what was found is shown from where it stands in a long message', async () => {
    await bench.exchange(ada, dm(ada), `${'filler '.repeat(60)}needle in the hay`);
    expect((await bench.run(ada, dm(ada), '/sessions needle')).text).toContain('needle in the hay');
  });

  test('resume by title, by the beginning of one, by id and by short id', async () => {
    const { scope } = await bench.route(ada, dm(ada));
    const listed = await listSessions(bench.db, scope, 10);
    const oslo = listed.find((session) => session.title === 'Oslo');
    const cooking = listed.find((session) => session.title === 'Cooking');
    if (!oslo || !cooking) throw new Error('not listed');
    await bench.run(ada, dm(ada), '/resume oslo');
    expect(await idOf(ada)).toBe(oslo.id);
    await bench.run(ada, dm(ada), '/resume cook');
    expect(await idOf(ada)).toBe(cooking.id);
    await bench.run(ada, dm(ada), `/resume ${oslo.id}`);
    expect(await idOf(ada)).toBe(oslo.id);
    const short = /`(\w{10,})` \*\*Cooking/.exec((await bench.run(ada, dm(ada), '/sessions')).text)?.[1];
    await bench.run(ada, dm(ada), `/resume ${short?.toLowerCase()}`);
    expect(await idOf(ada)).toBe(cooking.id);
  });

  test('reminds of the last exchange', async () => {
    const { text } = await bench.run(ada, dm(ada), '/resume Oslo');
    expect(text).toContain('Back in **Oslo**, 2 messages');
    expect(text).toContain('> ada: book a train to Oslo');
    expect(text).toContain('> I: Leaves at nine.');
  });

  test('without an argument it offers the others as buttons that work', async () => {
    const { text, buttons } = await bench.run(ada, dm(ada), '/resume');
    expect(text).toContain('Oslo');
    const [button] = buttons?.flat() ?? [];
    await bench.run(ada, dm(ada), button?.data ?? '');
    expect((await bench.route(ada, dm(ada))).session.title).toBe('Oslo');
  });

  test('a beginning that several titles have asks which', async () => {
    await bench.run(ada, dm(ada), '/new Oslo again');
    await bench.run(ada, dm(ada), '/new Third');
    const here = await idOf(ada);
    const { text, buttons } = await bench.run(ada, dm(ada), '/resume Osl');
    expect(text).toContain('2 conversations begin like that');
    expect(buttons?.flat()).toHaveLength(2);
    expect(await idOf(ada)).toBe(here);
  });

  test('the present one is said to be here already', async () => {
    expect((await bench.run(ada, dm(ada), '/resume Cooking')).text).toContain('already');
  });

  test("nobody finds another person's conversation, by title or by id", async () => {
    const bobs = await idOf(bob);
    const before = await idOf(ada);
    for (const name of ['Secret Oslo', 'Secret', bobs])
      await expect(bench.run(ada, dm(ada), `/resume ${name}`)).rejects.toMatchObject({ code: 'not_found' });
    expect(await idOf(ada)).toBe(before);
    expect(await idOf(bob)).toBe(bobs);
  });

  test('a group finds neither the private conversations of its members nor the reverse', async () => {
    await bench.exchange(ada, group(), 'what is for dinner');
    await bench.run(ada, group(), '/title Dinner');
    await expect(bench.run(ada, group(), '/resume Oslo')).rejects.toMatchObject({ code: 'not_found' });
    await expect(bench.run(ada, dm(ada), '/resume Dinner')).rejects.toMatchObject({ code: 'not_found' });
    expect((await bench.run(ada, group(), '/sessions')).text).not.toContain('Oslo');
    expect((await bench.run(ada, group(), '/sessions train')).text).toContain('Nothing found');
  });

  test('a chat with a conversation of its own is re-pointed alone', async () => {
    const { scope, session: shared } = await bench.route(ada, dm(ada));
    const other = dm(ada, 'raven');
    const own = await createSession(bench.db, scope, { detached: true });
    await touchChat(bench.db, other, '');
    await setChat(bench.db, other, { session: own.id });
    await bench.run(ada, other, '/resume Oslo');
    expect((await bench.route(ada, other)).session.title).toBe('Oslo');
    expect((await currentSession(bench.db, scope))?.id).toBe(shared.id);
  });
});
