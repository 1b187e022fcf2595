// Where results go: several chats, groups, all of them, a second place when the first fails, and crashes in the middle.
import fs from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { addIdentity } from '../../../data/process/people.ts';
import { accountId, chatId, userId } from '../../../shared/ids.ts';
import { openJobBench, type JobBench } from './job-bench.ts';
import { makeScriptedVoice, settleAll } from '../../support/voice/scripted.ts';

let bench: JobBench;
afterEach(async () => bench.close());

/** The same person on the second platform, and in a group there. */
async function joinOther(): Promise<void> {
  const { gateway, other, scope } = bench;
  const identity = { platform: 'other', account: accountId('bot'), user: userId('ann'), name: 'Ann' };
  await addIdentity(gateway.db, { ...identity, person: scope.person });
  await other.say('hello');
  await other.say('hello all', { chat: chatId('team'), chatKind: 'group', chatTitle: 'The Team' });
  await gateway.settle();
}

const found = (chat?: string) => bench.other.texts(chat).filter((text) => text.includes('a result')).length;
const here = () => bench.platform.texts().filter((text) => text.includes('a result')).length;

describe('a result', () => {
  it('goes to each of several chats once, to all of them, to a group by its title', async () => {
    bench = await openJobBench();
    await joinOther();
    await bench.create({ name: 'both', deliver: 'origin,fake,other' });
    await bench.pass();
    expect([here(), found()]).toEqual([1, 1]);
    await bench.create({ name: 'all', deliver: 'all' });
    await bench.pass();
    expect([here(), found()]).toEqual([2, 2]);
    await bench.create({ name: 'group', deliver: '#the team' });
    await bench.pass();
    expect([here(), found(), found('team')]).toEqual([2, 2, 1]);
    expect((await bench.runs()).map(({ delivery }) => delivery)).toEqual(['sent', 'sent', 'sent']);
  });

  it('that its chat does not take goes to the fall-back, and has arrived then', async () => {
    bench = await openJobBench();
    await joinOther();
    await bench.create({ deliver: 'fake', fallback: 'other' });
    bench.platform.failures.push({
      result: { ok: false, code: 'forbidden', reached: 'no', cause: new Error('blocked') },
      arrives: false,
    });
    await bench.pass();
    await bench.pass(1_000);
    expect([here(), found()]).toEqual([0, 1]);
    expect(await bench.runs()).toMatchObject([{ state: 'done', delivery: 'sent' }]);
  });

  it('whose only chat is gone when it ends goes where the person was last', async () => {
    bench = await openJobBench();
    await joinOther();
    await bench.create({ deliver: 'other' });
    await bench.platform.say('hello again');
    bench.acts.handlers.set('say', async () => {
      await bench.gateway.db.query.deleteFrom('identities').where('platform', '=', 'other').execute();
      return { text: 'a result' };
    });
    await bench.pass();
    expect([here(), found()]).toEqual([1, 0]);
    expect(await bench.runs()).toMatchObject([{ state: 'done', delivery: 'sent' }]);
  });

  it('is said aloud too where a chat wants all of it so; the text is what counts as delivered', async () => {
    const voice = makeScriptedVoice();
    bench = await openJobBench(undefined, voice.engines);
    await bench.platform.say('/voice tts');
    await settleAll(bench.gateway);
    bench.acts.handlers.set('say', async () => ({ text: 'Good morning' }));
    await bench.create();
    await bench.pass();
    await settleAll(bench.gateway);
    const said = bench.platform.sent.slice(-2);
    expect(said.map(({ text, files }) => [text, files.map(({ kind }) => kind)])).toEqual([
      ['report\n\nGood morning', []],
      ['', ['voice']],
    ]);
    expect(fs.readFileSync(said[1]?.files[0]?.path ?? '', 'utf8')).toBe('voice: Good morning.');
    expect(await bench.runs()).toMatchObject([{ state: 'done', delivery: 'sent' }]);
  });

  it('brings its files along', async () => {
    bench = await openJobBench();
    const file = { kind: 'document', path: 'media/x.txt', name: 'x.txt', mime: 'text/plain', bytes: 3 } as const;
    bench.acts.handlers.set('say', async () => ({ text: 'a result', files: [file] }));
    await bench.create();
    await bench.pass();
    expect(bench.platform.sent.flatMap(({ files }) => files.map(({ name }) => name))).toEqual(['x.txt']);
  });
});

describe('killed while it is sent to the second of two chats', () => {
  it.each([
    ['has not arrived', false],
    ['has arrived', true],
  ])(
    'what %s there is not sent again by itself: the first has it once, the doubt is told with a button',
    async (...of) => {
      const [, arrives] = of;
      bench = await openJobBench();
      await joinOther();
      await bench.create({ deliver: 'fake,other' });
      bench.acts.stall = { arrives, begun: 0 };
      await bench.pass();
      expect([bench.acts.stall.begun, here(), found()]).toEqual([1, 1, arrives ? 1 : 0]);
      const { scope, acts } = bench;
      acts.stall = undefined;
      bench = await openJobBench({ ...(await bench.crash()), scope, acts });
      await bench.pass();
      expect([here(), bench.other.texts().length]).toEqual([0, 1]);
      expect(bench.other.sent[0]).toMatchObject({
        text: expect.stringContaining('I cannot tell whether this message reached you'),
        buttons: [{ label: 'Send again' }],
      });
      expect(await bench.runs()).toMatchObject([{ state: 'done', delivery: 'uncertain', attempts: 1 }]);
    },
  );
});
