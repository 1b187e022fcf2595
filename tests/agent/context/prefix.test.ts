// What providers cache is the beginning of a request. Within a session it only grows, but for the moments when history is compressed.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { setTodos } from '../../../data/work/todos.ts';
import type { ModelRequest } from '../../../agent/providers/types.ts';
import { buildAnthropicRequest } from '../../../agent/providers/anthropic/request.ts';
import {
  makeAgent,
  makeCall,
  makeScriptedModel,
  makeTestTool,
  openHome,
  type Home,
  type Scripted,
} from '../fixture.ts';
import { counted, isSummaryRequest, lastAsked, makePlayer, saidIn } from './long-conversation.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

const TURNS = 30;
const tool = makeTestTool('look', { execute: async () => ({ text: `result ${'abc '.repeat(300)}` }) });

/** System, tools and what was said, as one text; the state that goes last is not part of it. */
function prefixOf(request: ModelRequest): string {
  const said = saidIn(request).map((message) => JSON.stringify(message));
  return [JSON.stringify(request.system), JSON.stringify(request.tools), ...said].join('\n');
}

async function play(contextTokens: number): Promise<readonly ModelRequest[]> {
  let turn = 0;
  const one: Scripted = (request) => {
    if (isSummaryRequest(request)) return { text: 'They worked.' };
    const last = saidIn(request).at(-1);
    // Each provider figure is another one: what is learnt of them must not move a word.
    const share = 0.7 + (turn % 5) * 0.05;
    if (last?.role === 'user') return counted(request, { text: 'Looking.', toolCalls: [makeCall('look')] }, share);
    return counted(request, { text: `Done with ${lastAsked(request)}` }, share);
  };
  const model = makeScriptedModel(Array.from({ length: TURNS * 5 }, () => one));
  const agent = makeAgent(home, model, {
    tools: [tool],
    settings: { modelLimits: { scripted: { contextTokens } } },
  });
  const player = makePlayer(home, agent);
  for (turn = 1; turn <= TURNS; turn++) {
    // What is to do changes all the time, and stands behind everything.
    await setTodos(home.db, home.scope, home.session.id, [{ id: '1', content: `step ${turn}`, status: 'pending' }]);
    await player.say(`Question ${turn}: ${'what about this and that? '.repeat(turn === 7 ? 400 : 5)}`);
  }
  return model.requests;
}

it('each request begins with the one before, over thirty turns with tools', async () => {
  const requests = await play(400_000);
  expect(requests).toHaveLength(TURNS * 2);
  for (const [index, request] of requests.entries()) {
    const before = requests[index - 1];
    if (before) expect(prefixOf(request).startsWith(prefixOf(before))).toBe(true);
    expect(JSON.stringify(request.messages.at(-1))).toContain(`step ${Math.floor(index / 2) + 1}`);
  }
});

it('changes its beginning only where history was compressed, and seldom', async () => {
  const requests = await play(24_000);
  const breaks = requests.filter((request, index) => {
    const before = requests.slice(0, index).findLast((one) => !isSummaryRequest(one));
    return before && !isSummaryRequest(request) && !prefixOf(request).startsWith(prefixOf(before));
  });
  expect(breaks.length).toBeGreaterThan(0);
  expect(breaks.length).toBeLessThanOrEqual(TURNS / 5);
});

it('puts the last breakpoint of explicit caches before the state', async () => {
  const requests = await play(400_000);
  const request = requests.at(-1);
  if (!request) throw new Error('no request');
  const { messages } = buildAnthropicRequest(request, 'anthropic');
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  expect(JSON.stringify(blocks.at(-1))).toContain('[State of this conversation');
  expect(blocks.at(-1)).not.toHaveProperty('cache_control');
  expect(blocks.at(-2)).toHaveProperty('cache_control');
});
