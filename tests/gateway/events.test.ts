// What the agent waits for enters its conversation by the same rows as a message.
import { afterEach, describe, expect, it } from 'vitest';
import { listTimeline } from '../../data/process/timeline.ts';
import { currentSession } from '../../data/sessions.ts';
import { personScope } from '../../data/scope.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { answer, openTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open() {
  const fake = makeFakePlatform();
  const turns: string[][] = [];
  const release = Promise.withResolvers<void>();
  const opened = await openTestGateway({
    platforms: [fake],
    settings: { queueMode: 'interrupt' },
    async run(turn) {
      turns.push(turn.inputs.map((input) => `${input.origin}: ${input.text}`));
      if (turn.inputs.some((input) => input.text === 'long work')) await release.promise;
      return answer(turn, `saw ${turn.inputs[0]?.text}`);
    },
  });
  gateway = opened;
  const person = await opened.pair(fake, 'ann');
  await fake.say('hello');
  await opened.settle();
  const session = await currentSession(opened.db, personScope(person.id));
  if (!session) throw new Error('no session');
  const event = (key: string, origin: 'agent' | 'foreign' = 'agent') => ({
    address: fake.address(),
    person: person.id,
    session: session.id,
    key,
    text: `job ${key} is over`,
    origin,
  });
  return { fake, turns, release, opened, event };
}

describe('an event', () => {
  it('begins a turn once, whose words it holds is known, and its answer goes to the chat', async () => {
    const { fake, turns, opened, event } = await open();
    await opened.core.actions.notify(event('1', 'foreign'));
    await opened.core.actions.notify(event('1', 'foreign'));
    await opened.settle();
    expect(turns.slice(1)).toEqual([['foreign: job 1 is over']]);
    expect(fake.texts()).toEqual(['saw hello', 'saw job 1 is over']);
    const { platform, account, chat } = fake.address();
    const lines = await listTimeline(opened.db, { platform, account, chat }, { limit: 10 });
    expect(lines.map(({ direction, kind, text }) => [direction, kind, text])).toContainEqual([
      'out',
      'notice',
      'job 1 is over',
    ]);
  });

  it('waits for the turn that runs, whatever the chat does with messages', async () => {
    const { fake, turns, release, opened, event } = await open();
    await fake.say('long work');
    await opened.settle();
    await opened.core.actions.notify(event('2'));
    await opened.settle();
    expect(fake.texts()).toEqual(['saw hello']);
    release.resolve();
    await opened.settle();
    expect(turns.slice(1)).toEqual([['owner: long work'], ['agent: job 2 is over']]);
    expect(fake.texts()).toEqual(['saw hello', 'saw long work', 'saw job 2 is over']);
  });
});
