// Recorded turns gone through again: results come from the record, nothing is executed, and both ways are compared by the same facts.
import { expect, test } from 'vitest';
import { canReplay, factsOf, replayTurn } from '../../../agent/evidence/replay.ts';
import { observeTurn } from '../../../agent/evidence/observe.ts';
import type { ModelReply, ModelRequest } from '../../../agent/providers/types.ts';
import { beginReplay, endReplay, listReplays } from '../../../data/evidence/replays.ts';
import { listTranscript } from '../../../data/messages.ts';
import { AppError } from '../../../shared/errors.ts';
import { systemClock } from '../../../shared/clock.ts';
import { changeOf, skillText } from '../../skills/fixture.ts';
import { makeCall, makeReply } from '../fixture.ts';
import { openScene, type Scene } from './scene.ts';

const SAID = 'Please prepare the weekly sales report';
const FETCH = { name: 'fetch_sales', args: { week: '12' }, result: 'week 12: 4812 units, file /srv/out/w12.csv' };
const ANSWER = 'Week 12 sold 4812 units; the numbers are in /srv/out/w12.csv.';

async function recorded(scene: Scene) {
  const { session } = await scene.play({ said: SAID, calls: [FETCH], answer: ANSWER });
  return listTranscript(scene.db, scene.ann.scope, session.id);
}

const steps = (...replies: Partial<ModelReply>[]) => {
  const asked: Pick<ModelRequest, 'messages' | 'tools'>[] = [];
  return {
    asked,
    ask: async (request: Pick<ModelRequest, 'messages' | 'tools'>) => {
      asked.push(request);
      return makeReply(replies[asked.length - 1] ?? { text: 'nothing' });
    },
  };
};

test('a call of the record gets its result, any other is counted and has none', async () => {
  const scene = await openScene();
  const messages = await recorded(scene);
  const model = steps(
    { toolCalls: [makeCall('fetch_sales', { week: '13' }, 'a'), makeCall('fetch_sales', { week: '12' }, 'b')] },
    { text: ANSWER },
  );
  const signal = new AbortController().signal;
  const way = { messages, tools: [], ask: model.ask, clock: systemClock, signal };
  const run = await replayTurn({ ...way, skill: { name: 'weekly', body: 'Fetch first.' } });
  expect(run).toEqual({ reached: true, steps: 2, tokens: 220, notRecorded: 1 });
  const shown = JSON.stringify(model.asked[1]?.messages);
  expect(shown).toContain('4812 units');
  expect(shown).toContain('Nothing is known of this call');
  expect(JSON.stringify(model.asked[0]?.messages)).toMatch(/skill weekly.*Fetch first\..*weekly sales report/);
});

test('facts are what the answer took from tools; an answer without them has not reached the end', async () => {
  const scene = await openScene();
  const messages = await recorded(scene);
  expect(factsOf(observeTurn(messages))).toEqual(['12', '4812', '/srv/out/w12.csv']);
  expect(canReplay(messages)).toBe(true);
  const without = await scene.play({ said: SAID, calls: [], answer: ANSWER });
  expect(canReplay(await listTranscript(scene.db, scene.ann.scope, without.session.id))).toBe(false);
  const signal = new AbortController().signal;
  const { ask } = steps({ text: 'It sold well.' });
  const run = await replayTurn({ messages, tools: [], skill: undefined, ask, clock: systemClock, signal });
  expect(run).toMatchObject({ reached: false, steps: 1, notRecorded: 0 });
});

test('a broken-off way says nothing: it rejects, and nothing is counted', async () => {
  const scene = await openScene();
  const messages = await recorded(scene);
  const ask = async () => Promise.reject(new AppError('budget_exceeded', 'Enough.'));
  const signal = new AbortController().signal;
  const way = { messages, tools: [], skill: undefined, ask, clock: systemClock, signal };
  await expect(replayTurn(way)).rejects.toMatchObject({ code: 'budget_exceeded' });
});

async function trialOf(scene: Scene): Promise<string> {
  const change = changeOf('weekly', { steps: [{ action: 'create', text: skillText('weekly') }], as: 'trial' });
  return (await scene.library.change(scene.ann.scope, change)).id;
}

test('with a trial, a recorded turn of its kind is gone through twice: metered, with tools of the record, once per turn', async () => {
  const script = [
    { text: 'I do not know.' },
    { toolCalls: [makeCall('fetch_sales', { week: '12' })] },
    { text: ANSWER },
  ];
  const scene = await openScene({ script });
  await recorded(scene);
  const revision = await trialOf(scene);
  await scene.play({ said: SAID, skill: { name: 'weekly', revision } });
  const replays = await listReplays(scene.db, scene.ann.scope, 'weekly');
  expect(replays).toMatchObject([
    { revision, without: { reached: false, steps: 1 }, withSkill: { reached: true, steps: 2, notRecorded: 0 } },
  ]);
  expect(scene.requests.map(({ tools }) => tools.map(({ name }) => name).join())).toEqual(Array(3).fill('fetch_sales'));
  const spent = await scene.db.query.selectFrom('usage').selectAll().where('cause', '=', 'replay').execute();
  expect(spent).toHaveLength(3);
  expect(spent.every((row) => row.turn_id === null && row.state === 'final')).toBe(true);
  await scene.play({ said: SAID, skill: { name: 'weekly', revision } });
  expect(scene.requests).toHaveLength(3);
  const [row] = (await scene.evidence.report(scene.ann.scope)).skills;
  expect(row).toMatchObject({ replays: 1 });
});

test('nothing is gone through again without a trial, with the demo model, above four a day, or for a turn with `/skill-name`', async () => {
  const active = await openScene({ script: [] });
  await recorded(active);
  const change = changeOf('weekly', { steps: [{ action: 'create', text: skillText('weekly') }] });
  const { id } = await active.library.change(active.ann.scope, change);
  await active.play({ said: SAID, skill: { name: 'weekly', revision: id } });
  expect(active.requests).toEqual([]);

  const demo = await openScene({ script: [], isDemo: true });
  await recorded(demo);
  await demo.play({ said: SAID, skill: { name: 'weekly', revision: await trialOf(demo) } });
  expect(demo.requests).toEqual([]);

  const busy = await openScene({ script: [] });
  await recorded(busy);
  const revision = await trialOf(busy);
  const run = { reached: false, steps: 1, tokens: 1, notRecorded: 0 };
  for (let count = 0; count < 4; count++) {
    const { turn } = await busy.play({ said: 'Book a table at an Italian restaurant' });
    const replay = { skill: 'other', revision: `r${count}`, turn, withSkill: run, without: run };
    expect(await beginReplay(busy.db, busy.ann.scope, replay)).toBe(true);
    expect(await endReplay(busy.db, busy.ann.scope, replay)).toBe(true);
  }
  await busy.play({ said: SAID, skill: { name: 'weekly', revision } });
  expect(busy.requests).toEqual([]);
  await busy.clock.advance(25 * 3_600_000);
  await busy.play({ said: SAID, skill: { name: 'weekly', revision } });
  expect(busy.requests).toHaveLength(2);
});

test('what fails counts for the day and for the revision: a model that breaks for ever does not spend for ever', async () => {
  const broken = Array.from({ length: 40 }, (_, index) =>
    index % 2 === 0
      ? { toolCalls: [makeCall('fetch_sales', { week: '12' })] }
      : new AppError('model_bad_request', 'It broke.', { retryable: false }),
  );
  const scene = await openScene({ script: broken });
  const revision = await trialOf(scene);
  const day = async () => {
    for (let count = 0; count < 7; count++) {
      await recorded(scene);
      await scene.play({ said: SAID, skill: { name: 'weekly', revision } });
    }
    await scene.clock.advance(25 * 3_600_000);
    return scene.requests.length;
  };
  // Two calls each, the second of which fails: four a day, eight in all.
  expect([await day(), await day(), await day(), await day()]).toEqual([8, 16, 16, 16]);
  expect(await listReplays(scene.db, scene.ann.scope, 'weekly')).toEqual([]);
  const [row] = (await scene.evidence.report(scene.ann.scope)).skills;
  expect(row).toMatchObject({ replays: 0 });
});

test('a cap that lets nothing through leaves the turn for another day', async () => {
  const scene = await openScene({
    script: [new AppError('budget_exceeded', 'Enough.'), { text: ANSWER }, { text: ANSWER }],
  });
  await recorded(scene);
  const revision = await trialOf(scene);
  await scene.play({ said: SAID, skill: { name: 'weekly', revision } });
  expect(await listReplays(scene.db, scene.ann.scope, 'weekly')).toEqual([]);
  await scene.play({ said: SAID, skill: { name: 'weekly', revision } });
  expect(await listReplays(scene.db, scene.ann.scope, 'weekly')).toMatchObject([{ revision }]);
});
