// The tool that asks, in turns of the real agent behind the real gateway, with a kill between the question and its answer.
import { afterEach, expect, it } from 'vitest';
import { makeClarifyTool } from '../../agent/tools/planning/clarify.ts';
import type { PersonAnswer, PersonQuestion } from '../../data/work/questions.ts';
import { messageId } from '../../shared/ids.ts';
import { makeAgent, makeCall, makeScriptedModel, type Scripted } from '../agent/fixture.ts';
import { makeFakePlatform, type FakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';

const opened: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

async function open(fake: FakePlatform, script: readonly Scripted[], options: Partial<TestGatewayOptions> = {}) {
  const { promise: ready, resolve } = Promise.withResolvers<TestGateway>();
  const model = makeScriptedModel(script);
  const askPerson = async (question: PersonQuestion, signal: AbortSignal): Promise<PersonAnswer> =>
    (await ready).core.questions.ask(question, signal);
  const gateway = await openTestGateway({
    platforms: [fake],
    settings: { turnTimeoutMs: 3_600_000, debounceMs: 0 },
    async run(turn, signal) {
      const { db, home, clock } = await ready;
      const agent = makeAgent({ db, dir: home }, model, { clock, tools: [makeClarifyTool({ askPerson })] });
      return agent.run(turn, signal);
    },
    ...options,
  });
  opened.push(gateway);
  resolve(gateway);
  return { gateway, requests: model.requests };
}

/** Waits for what is to be shown: the agent reads files of its own, in their own time. */
async function shown(gateway: TestGateway, fake: FakePlatform, texts: readonly unknown[]): Promise<void> {
  const now = () => gateway.settle().then(() => fake.texts());
  await expect.poll(now, { timeout: 5_000 }).toEqual(texts);
}

const ask: Scripted = { toolCalls: [makeCall('clarify', { question: 'Tea or coffee?', choices: ['Tea', 'Coffee'] })] };
/** Says what the tool gave. */
const repeat: Scripted = ({ messages }) => {
  const result = messages.findLast(({ role }) => role === 'tool');
  return { text: `So: ${result?.role === 'tool' ? result.text : ''}` };
};

it('a turn goes on with the answer', async () => {
  const fake = makeFakePlatform();
  const { gateway, requests } = await open(fake, [ask, repeat]);
  await gateway.pair(fake, 'ann');
  await fake.say('make me a drink');
  await shown(gateway, fake, ['Tea or coffee?']);
  expect(requests).toHaveLength(1);
  const data = fake.sent[0]?.buttons[1]?.data ?? '';
  await fake.say('', { kind: 'button', button: { data, message: messageId('s1') } });
  await shown(gateway, fake, ['Tea or coffee?', 'So: Coffee']);
});

it('a kill between question and answer: the model is not asked again, nor is the person', async () => {
  const fake = makeFakePlatform();
  const first = await open(fake, [ask]);
  await first.gateway.pair(fake, 'ann');
  await fake.say('make me a drink');
  await shown(first.gateway, fake, ['Tea or coffee?']);
  opened.pop();
  const home = await first.gateway.crash();
  const second = await open(fake, [repeat], { home, clock: first.gateway.clock });
  await second.gateway.settle();
  expect(second.requests).toEqual([]);
  await fake.say('green tea, please');
  await shown(second.gateway, fake, ['Tea or coffee?', 'So: green tea, please']);
  expect(second.requests).toHaveLength(1);
});

it('silence is told to the model, after half an hour', async () => {
  const fake = makeFakePlatform();
  const { gateway } = await open(fake, [ask, repeat]);
  await gateway.pair(fake, 'ann');
  await fake.say('make me a drink');
  await shown(gateway, fake, ['Tea or coffee?']);
  await gateway.clock.advance(30 * 60_000);
  await shown(gateway, fake, ['Tea or coffee?', expect.stringContaining('So: No answer came within 30 minutes.')]);
});
