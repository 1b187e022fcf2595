import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auxiliaryChain, openingChain, routeMessages } from '../../agent/routing.ts';
import type { ModelMessage } from '../../agent/providers/types.ts';
import { AppError } from '../../shared/errors.ts';
import {
  addHistory,
  makeAgent,
  makeAgentTurn,
  makeCall,
  makeInput,
  makeScriptedModel,
  makeSettings,
  openHome,
  startTurn,
  type Home,
} from './fixture.ts';

const main = makeScriptedModel([], 'p', 'main').link;
const spare = makeScriptedModel([], 'p', 'spare').link;
const cheap = makeScriptedModel([], 'p', 'cheap').link;
const eyes = makeScriptedModel([], 'p', 'eyes').link;

const words: ModelMessage = { role: 'user', content: [{ type: 'text', text: 'hi' }] };
const image: ModelMessage = {
  role: 'user',
  content: [
    { type: 'text', text: 'look' },
    { type: 'image', mime: 'image/png', base64: 'AA==' },
  ],
};

function settings(extra: { blind: readonly string[]; vision?: boolean; auxiliary?: boolean }) {
  return makeSettings('/', [main, spare], {
    models: {
      chain: [main, spare],
      demo: false,
      ...(extra.vision && { vision: [eyes] }),
      ...(extra.auxiliary && { auxiliary: [cheap, spare] }),
    },
    modelLimits: Object.fromEntries(extra.blind.map((name) => [name, { vision: false }])),
  });
}

describe('models for what is not said to people', () => {
  it('come before those that answer, each once', () => {
    expect(auxiliaryChain(settings({ blind: [] }))).toEqual([main, spare]);
    expect(auxiliaryChain(settings({ blind: [], auxiliary: true }))).toEqual([cheap, spare, main]);
  });
});

describe('small models', () => {
  const given = { models: { chain: [main, spare], demo: false, small: [cheap] } };
  const size = { chars: 20, files: 0, historyTokens: 100, isFixed: false };

  it('open turns that are short in every respect', () => {
    expect(openingChain(given, [main, spare], size)).toEqual([cheap, main, spare]);
    for (const change of [{ chars: 201 }, { files: 1 }, { historyTokens: 4_001 }, { isFixed: true }])
      expect(openingChain(given, [main, spare], { ...size, ...change })).toEqual([main, spare]);
    expect(openingChain({ models: { chain: [main], demo: false } }, [main], size)).toEqual([main]);
  });
});

describe('images', () => {
  const route = (given: ReturnType<typeof settings>, messages: readonly ModelMessage[]) =>
    routeMessages(given, given.models.chain, messages);

  it('go to the models for them when the first one cannot see', () => {
    expect(route(settings({ blind: [] }), [image]).chain).toEqual([main, spare]);
    expect(route(settings({ blind: ['main'], vision: true }), [words]).chain).toEqual([main, spare]);
    expect(route(settings({ blind: ['main'], vision: true }), [words, image])).toEqual({
      chain: [eyes, spare],
      messages: [words, image],
    });
    expect(route(settings({ blind: ['main', 'spare'], vision: true }), [image]).chain).toEqual([eyes]);
  });

  it('become words when none can see', () => {
    const routed = route(settings({ blind: ['main', 'spare'] }), [words, image]);
    expect(routed.chain).toEqual([main, spare]);
    expect(JSON.stringify(routed.messages)).toContain('[an image, which the model in use cannot see]');
    expect(JSON.stringify(routed.messages)).not.toContain('base64');
  });
});

describe('summaries', () => {
  let home: Home;
  beforeEach(async () => {
    home = await openHome();
  });
  afterEach(() => home.close());

  it('are asked of the cheap model, and of the main one when that fails; usage says which', async () => {
    for (let n = 1; n <= 4; n++)
      await addHistory(home, [
        { role: 'user', author: 'Ann', text: `question ${n}`, origin: 'owner' },
        { role: 'assistant', author: '', text: `answer ${n}`, origin: 'agent' },
      ]);
    const big = makeScriptedModel([{ text: 'by the main model' }], 'p', 'main');
    const small = makeScriptedModel([{ text: 'by the cheap model' }, new AppError('model_auth', 'no')], 'p', 'cheap');
    const agent = makeAgent(home, big, {
      settings: { models: { chain: [big.link], demo: false, auxiliary: [small.link] } },
    });
    const signal = new AbortController().signal;
    await agent.compress(home.scope, home.session.id, { focus: 'the budget' }, signal);
    expect(JSON.stringify(small.requests[0]?.system)).toContain('most detail whatever concerns: the budget');
    await addHistory(home, [{ role: 'user', author: 'Ann', text: 'more', origin: 'owner' }]);
    await agent.compress(home.scope, home.session.id, {}, signal);
    expect(big.requests).toHaveLength(1);
    const usage = await home.db.query.selectFrom('usage').select(['cause', 'model']).orderBy('id').execute();
    expect(usage).toEqual([
      { cause: 'compress', model: 'cheap' },
      { cause: 'compress', model: 'main' },
    ]);
  });
});

describe('a turn with small models', () => {
  let home: Home;
  beforeEach(async () => {
    home = await openHome();
  });
  afterEach(() => home.close());

  it('is answered by them, unless a tool is called: then by the main model, and usage says so', async () => {
    const big = makeScriptedModel([{ text: 'It is late.' }], 'p', 'main');
    const small = makeScriptedModel([{ text: 'Hello!' }, { toolCalls: [makeCall('clock')] }], 'p', 'cheap');
    const agent = makeAgent(home, big, {
      settings: { models: { chain: [big.link], demo: false, small: [small.link] } },
    });
    const signal = new AbortController().signal;
    const ask = async (text: string) =>
      agent.run(makeAgentTurn(home, await startTurn(home), { inputs: [makeInput(text)] }), signal);
    expect((await ask('hi')).text).toBe('Hello!');
    expect((await ask('how late is it?')).text).toBe('It is late.');
    const usage = await home.db.query.selectFrom('usage').select('model').orderBy('id').execute();
    expect(usage.map(({ model }) => model)).toEqual(['cheap', 'cheap', 'main']);
  });
});
