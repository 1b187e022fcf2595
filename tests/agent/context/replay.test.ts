// Conversations of more than a hundred turns, with a model that summarizes badly or not at all: what counts must reach the model anyhow.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addRule } from '../../../data/policy/rules.ts';
import { listHistory, listTranscript } from '../../../data/messages.ts';
import { searchMessages } from '../../../data/search.ts';
import { openResult } from '../../../data/work/results.ts';
import { setTodos } from '../../../data/work/todos.ts';
import { AppError } from '../../../shared/errors.ts';
import { estimateRequest } from '../../../agent/context/tokens.ts';
import type { ModelReply, ModelRequest } from '../../../agent/providers/types.ts';
import {
  makeAgent,
  makeCall,
  makeScriptedModel,
  makeTestTool,
  openHome,
  textOf,
  type Home,
  type Scripted,
} from '../fixture.ts';
import { arePaired, counted, isSummaryRequest, lastAsked, makePlayer } from './long-conversation.ts';

const WINDOW = 16_000;
const TURNS = 110;

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

const look = makeTestTool('look', {
  execute: async () => ({ text: `found it at line ${'x y z '.repeat(500)}` }),
});
const task = (n: number) =>
  `Please repair /srv/app/module-${n}.ts for ticket APP-${1_000 + n}: the limit must be ${n * 7 + 100} EUR, tell ops-${n}@example.org when it is done.`;

/** Looks once per task, then answers; summaries come from `summarize`. */
function scripted(summarize: (request: ModelRequest) => Partial<ModelReply> | AppError) {
  const one: Scripted = (request) => {
    if (isSummaryRequest(request)) return summarize(request);
    const isFirst = request.messages.findLast((message) => message.role !== 'user')?.role !== 'tool';
    const asked = lastAsked(request);
    const hasLooked = !isFirst || !asked.startsWith('Please repair');
    return counted(
      request,
      hasLooked
        ? { text: `Worked on it. ${'I changed what was wrong. '.repeat(10)}` }
        : { toolCalls: [makeCall('look')] },
    );
  };
  return makeScriptedModel(Array.from({ length: TURNS * 6 }, () => one));
}

async function play(summarize: Parameters<typeof scripted>[0], tasks = TURNS) {
  const model = scripted(summarize);
  const agent = makeAgent(home, model, {
    tools: [look],
    settings: { modelLimits: { scripted: { contextTokens: WINDOW } } },
  });
  const player = makePlayer(home, agent);
  await addRule(home.db, home.scope, { words: 'never delete /srv/data', verdict: 'deny', spec: '[{}]' });
  await setTodos(home.db, home.scope, home.session.id, [
    { id: '1', content: 'write the release notes of 4.2.1', status: 'in_progress' },
    { id: '2', content: 'ask Eve', status: 'completed' },
  ]);
  for (let n = 1; n <= tasks; n++) await player.say(task(n));
  for (let n = 1; n <= 6; n++) await player.say('go on');
  return { requests: model.requests, agent };
}

describe.each([
  ['forgets everything', () => ({ text: '## Goal\nNothing much was said.' })],
  ['fails each time', () => new AppError('model_auth', 'no')],
])('more than a hundred turns with a model for summaries that %s', (_, summarize) => {
  it('keep the latest task word for word, rules, open todos and names; calls stay whole and within the window', async () => {
    const { requests } = await play(summarize);
    const turns = requests.filter((request) => !isSummaryRequest(request));
    expect(turns.length).toBeGreaterThan(TURNS);
    for (const request of turns) {
      expect(arePaired(request.messages)).toBe(true);
      expect(estimateRequest(request) * 0.85).toBeLessThan(WINDOW);
      expect(textOf(request)).toContain('never: never delete /srv/data');
      expect(textOf(request)).toContain('[>] write the release notes of 4.2.1');
    }
    const last = turns.at(-1);
    if (!last) throw new Error('no request');
    expect(lastAsked(last)).toBe('go on');
    const seen = textOf(last);
    // The task stands as it was said, although "go on" was said six times since.
    expect(seen.includes(task(TURNS)) || seen.includes(JSON.stringify(task(TURNS)))).toBe(true);
    for (const n of [TURNS - 1, TURNS - 5, TURNS - 8]) {
      expect(seen).toContain(`/srv/app/module-${n}.ts`);
      expect(seen).toContain(`APP-${1_000 + n}`);
      expect(seen).toContain(`${n * 7 + 100} EUR`);
      expect(seen).toContain(`ops-${n}@example.org`);
    }
  });
});

it('asks for few summaries, gives the earlier one along, and leaves a failing model alone for a while', async () => {
  const summaries: string[] = [];
  const { requests } = await play((request) => {
    summaries.push(textOf(request));
    return { text: `SUMMARY ${summaries.length}` };
  });
  expect(summaries.length).toBeGreaterThan(2);
  expect(summaries.length).toBeLessThan(TURNS / 3);
  for (const [index, text] of summaries.entries())
    if (index > 0) expect(text.startsWith(`Earlier summary:\nSUMMARY ${index}`)).toBe(true);
  const rows = await listHistory(home.db, home.scope, home.session.id);
  expect(rows.filter((row) => row.role === 'summary')).toHaveLength(1);
  expect(requests.length).toBeLessThan(TURNS * 4);
});

it('keeps originals: words are found by search, results of tools by their id', async () => {
  await play(() => ({ text: 'S' }), 30);
  const hits = await searchMessages(home.db, home.scope, { query: 'APP-1003', limit: 5 });
  expect(hits.map((hit) => hit.text)).toContain(task(3));
  const stored = await listTranscript(home.db, home.scope, home.session.id);
  const tool = stored.find((row) => row.role === 'tool');
  const again = await openResult(home.db, home.scope, `m${tool?.id ?? 0}`);
  expect(again?.text).toBe(tool?.text);
  expect(again?.text.length).toBeGreaterThan(2_000);
});
