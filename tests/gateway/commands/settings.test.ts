// /model, /personality and /queue: choices for a conversation or a chat.
import { beforeEach, describe, expect, test } from 'vitest';
import { getChat } from '../../../data/process/chats.ts';
import type { Person } from '../../../data/process/people.ts';
import { AppError } from '../../../shared/errors.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

const sessionOf = async (person: Person, at = dm(person)) => (await bench.route(person, at)).session;
const data = (reply: { buttons?: readonly (readonly { data: string }[])[] }) =>
  (reply.buttons ?? []).flat().map((button) => button.data);

describe('/model', () => {
  test('lists the models with the present one marked, the others as buttons', async () => {
    const reply = await bench.run(ada, dm(ada), '/model');
    expect(reply.text).toContain('In use: `small` (the default)');
    expect(reply.text).toMatch(/`small` \(local\) ← in use\n- `maker\/large` \(cloud\)\n/);
    expect(data(reply)).toEqual(['/model maker/large']);
  });

  test('chooses for this conversation by what the agent makes of the name, and goes back', async () => {
    expect((await bench.run(ada, dm(ada), '/model large')).text).toContain('`maker/large` answers');
    expect((await sessionOf(ada)).model).toBe('maker/large');
    const reply = await bench.run(ada, dm(ada), '/model');
    expect(reply.text).toContain('`maker/large` (chosen for this conversation)');
    expect(reply.text).toMatch(/`maker\/large` \(cloud\) ← in use/);
    expect(data(reply)).toEqual(['/model default', '/model small']);
    expect((await bench.run(ada, dm(ada), '/model default')).text).toContain('default model, `small`');
    expect((await sessionOf(ada)).model).toBeUndefined();
  });

  test('an unknown model changes nothing', async () => {
    await bench.run(ada, dm(ada), '/model large');
    await expect(bench.run(ada, dm(ada), '/model gigantic')).rejects.toThrow('Did you mean small?');
    expect((await sessionOf(ada)).model).toBe('maker/large');
  });

  test('says that a running answer still goes on with the old one', async () => {
    bench.gateway.running.add((await sessionOf(ada)).id);
    expect((await bench.run(ada, dm(ada), '/model large')).text).toContain('from the next answer on');
  });

  test('a list that cannot be had says why, and still what is in use', async () => {
    bench.agent.list = new AppError('model_unreachable', 'The provider does not answer.');
    const reply = await bench.run(ada, dm(ada), '/model');
    expect(reply.text).toContain('In use: `small`');
    expect(reply.text).toContain('The provider does not answer.');
  });

  test('a long list is cut, and a name that no button can carry is only listed', async () => {
    bench.agent.list = Array.from({ length: 40 }, (_, index) => ({
      name: index === 1 ? 'x'.repeat(60) : `model-${index}`,
      provider: 'p',
      current: index === 0,
    }));
    const reply = await bench.run(ada, dm(ada), '/model');
    expect(reply.text).toContain('and 10 more');
    expect(reply.text).toContain('x'.repeat(60));
    for (const command of data(reply)) expect(Buffer.byteLength(command)).toBeLessThanOrEqual(64);
    expect(data(reply)).toContain('/model model-2');
  });

  test('says that the demo is no model', async () => {
    bench.agent.describeModel = () => ({ name: 'demo', provider: 'demo', demo: true });
    expect((await bench.run(ada, dm(ada), '/model')).text).toContain('built-in demo');
  });

  test('of one person is not that of another', async () => {
    await bench.run(ada, dm(ada), '/model large');
    expect((await sessionOf(bob)).model).toBeUndefined();
  });
});

describe('/personality', () => {
  test('lists, chooses without regard to case, and ends', async () => {
    const first = await bench.run(ada, dm(ada), '/personality');
    expect(first.text).toContain('No personality is chosen');
    expect(first.text).toContain('`Butler` — Very \\*polite\\*');
    expect(data(first)).toEqual(['/personality pirate', '/personality Butler']);
    await bench.run(ada, dm(ada), '/personality BUTLER');
    expect((await sessionOf(ada)).personality).toBe('Butler');
    const second = await bench.run(ada, dm(ada), '/personality');
    expect(second.text).toContain('In use: `Butler`');
    expect(data(second)).toEqual(['/personality pirate', '/personality none']);
    await bench.run(ada, dm(ada), '/personality none');
    expect((await sessionOf(ada)).personality).toBeUndefined();
  });

  test('an unknown one is refused with the known ones', async () => {
    await expect(bench.run(ada, dm(ada), '/personality poet')).rejects.toThrow('There are: `pirate`, `Butler`.');
    expect((await sessionOf(ada)).personality).toBeUndefined();
  });

  test('without any configured it says so', async () => {
    bench.agent.personalities = () => [];
    expect((await bench.run(ada, dm(ada), '/personality')).text).toContain('No personalities');
  });
});

describe('/queue', () => {
  const modeOf = async (at = dm(ada)) => (await getChat(bench.db, at))?.settings.queueMode;

  test('explains the modes with the present one marked', async () => {
    const reply = await bench.run(ada, dm(ada), '/queue');
    expect(reply.text).toMatch(/`queue`: .* ← now\n/);
    expect(data(reply)).toEqual(['/queue steer', '/queue collect', '/queue interrupt']);
  });

  test.each(['queue', 'steer', 'collect', 'interrupt'] as const)('keeps %s for this chat', async (mode) => {
    expect((await bench.run(ada, dm(ada), `/queue ${mode.toUpperCase()}`)).text).toContain(`\`${mode}\``);
    expect(await modeOf()).toBe(mode);
    expect((await bench.run(ada, dm(ada), '/queue')).text).toMatch(new RegExp(`\`${mode}\`: .* ← now`));
  });

  test('holds for this chat alone, and default takes it away', async () => {
    await bench.run(ada, dm(ada), '/queue steer');
    await bench.run(ada, group(), '/queue');
    expect(await modeOf(group())).toBeUndefined();
    await bench.run(ada, dm(ada), '/queue default');
    expect(await modeOf()).toBeUndefined();
  });

  test('an unknown mode changes nothing', async () => {
    await bench.run(ada, dm(ada), '/queue steer');
    await expect(bench.run(ada, dm(ada), '/queue later')).rejects.toMatchObject({ code: 'bad_input' });
    expect(await modeOf()).toBe('steer');
  });
});
