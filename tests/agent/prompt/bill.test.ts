import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { estimateRequest } from '../../../agent/context/tokens.ts';
import { addRule } from '../../../data/policy/rules.ts';
import {
  addHistory,
  DM,
  makeAgent,
  makeAgentTurn,
  makeInput,
  makeReply,
  makeScriptedModel,
  openHome,
  startTurn,
  type Home,
} from '../fixture.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

it('says what the next request takes, part by part, and corrects it by what a model counted', async () => {
  const workspace = path.join(home.dir, 'w');
  await mkdir(workspace);
  await writeFile(path.join(workspace, 'AGENTS.md'), 'Be brief. '.repeat(50));
  for (let n = 1; n <= 4; n++)
    await addHistory(home, [
      { role: 'user', author: 'Ann', text: `question ${n} ${'word '.repeat(200)}`, origin: 'owner' },
      { role: 'assistant', author: '', text: `answer ${n}`, origin: 'agent' },
    ]);
  await addRule(home.db, home.scope, { words: 'never send money', verdict: 'deny', spec: '[{}]' });
  const model = makeScriptedModel([
    { text: 'A summary of what was said.' },
    (request) =>
      makeReply({
        text: 'ok',
        usage: { input: estimateRequest(request) * 2, output: 1, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      }),
  ]);
  const agent = makeAgent(home, model, { settings: { workspaceOf: () => workspace } });
  const signal = new AbortController().signal;
  await agent.compress(home.scope, home.session.id, {}, signal);
  const question = {
    scope: home.scope,
    session: home.session.id,
    role: 'owner',
    address: DM,
    model: undefined,
    personality: undefined,
  } as const;
  const bill = await agent.describeContext(question);
  expect(bill.parts.map(({ part }) => part)).toEqual([
    'system',
    'workspace files',
    'memory',
    'tools',
    'summary',
    'history',
    'state',
  ]);
  // Nothing is remembered here.
  for (const { part, tokens } of bill.parts) expect([part, tokens > 0]).toEqual([part, part !== 'memory']);
  expect(bill.models).toMatchObject([
    { name: 'script/scripted', windowTokens: 65_536, answerTokens: 1_000, isMeasured: false },
  ]);

  await agent.run(makeAgentTurn(home, await startTurn(home), { inputs: [makeInput('hi')] }), signal);
  const [, request] = model.requests;
  if (!request) throw new Error('no request');
  const total = bill.parts.reduce((sum, { tokens }) => sum + tokens, 0);
  expect(Math.abs(estimateRequest(request) - total)).toBeLessThan(30);
  const after = await agent.describeContext(question);
  expect(after.models[0]?.isMeasured).toBe(true);
  expect(after.models[0]?.usedTokens).toBe(Math.ceil(total * 2.1));
});

it('tells of what does not fit, and of a model that is not there', async () => {
  const agent = makeAgent(home, makeScriptedModel([]), {
    settings: { modelLimits: { scripted: { contextTokens: 4_000 } } },
  });
  for (let n = 1; n <= 6; n++)
    await addHistory(home, [
      { role: 'user', author: 'Ann', text: 'word '.repeat(500), origin: 'owner' },
      { role: 'assistant', author: '', text: 'ok', origin: 'agent' },
    ]);
  const question = {
    scope: home.scope,
    session: home.session.id,
    role: 'owner',
    address: DM,
    personality: undefined,
  } as const;
  expect((await agent.describeContext({ ...question, model: undefined })).dropped).toBeGreaterThan(4);
  expect((await agent.describeContext({ ...question, model: 'other' })).models[0]?.name).toBe('script/other');
});
