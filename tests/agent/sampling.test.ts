// Texts that MCP servers have written by the model: which model, what it is told, who pays, and that caps hold.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleText } from '../../agent/auxiliary.ts';
import { makeMeter } from '../../agent/budget/meter.ts';
import type { SamplingRequest } from '../../agent/mcp/ports.ts';
import { callModel } from '../../agent/providers/fallback.ts';
import type { AgentSettings } from '../../agent/settings.ts';
import { changeSession } from '../../data/sessions.ts';
import { systemClock } from '../../shared/clock.ts';
import { turnId } from '../../shared/ids.ts';
import { DM, makeScriptedModel, makeSettings, openHome, type Home } from './fixture.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

function open(extra: Partial<AgentSettings> = {}) {
  const model = makeScriptedModel([{ text: 'a text' }, { text: 'a text' }, { text: 'a text' }], 'p', 'main');
  const settings = () => makeSettings(home.dir, [model.link], extra);
  const meter = makeMeter({ db: home.db, clock: systemClock, random: () => 0.5, callModel, settings });
  const ask = (request: Partial<SamplingRequest> = {}) =>
    sampleText({ db: home.db, meter, settings }, { ...basic(), ...request }, new AbortController().signal);
  return { model, ask };
}

function basic(): SamplingRequest {
  const { scope, session } = home;
  return {
    server: 'shop',
    caller: { scope, session: session.id, turn: turnId('t1'), role: 'owner', address: DM, workspace: '/w' },
    model: undefined,
    system: 'You write one text.',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'a slogan' }] }],
    tools: [],
    maxOutputTokens: 100,
  };
}

test('the model is told what the server said and nothing else; the caller pays', async () => {
  const { model, ask } = open();
  expect(await ask()).toMatchObject({ text: 'a text', toolCalls: [], stop: 'end' });
  expect(model.requests[0]).toMatchObject({
    model: 'main',
    system: [{ text: 'You write one text.', cache: false }],
    messages: basic().messages,
    tools: [],
    maxOutputTokens: 100,
  });
  const usage = await home.db.query.selectFrom('usage').select(['cause', 'turn_id', 'session_id']).execute();
  expect(usage).toEqual([{ cause: 'mcp', turn_id: 't1', session_id: home.session.id }]);
});

test('it is the model of the session, unless the configuration names one for the server', async () => {
  const { model, ask } = open();
  await changeSession(home.db, home.scope, home.session.id, { model: 'chosen' });
  await ask();
  await ask({ model: 'allowed' });
  expect(model.requests.map((request) => request.model)).toEqual(['chosen', 'allowed']);
});

test('a cap that would be passed is not', async () => {
  const { caps } = makeSettings(home.dir, []);
  const { model, ask } = open({ caps: { ...caps, turnTokens: 50 } });
  await expect(ask()).rejects.toMatchObject({ code: 'budget_exceeded' });
  expect(model.requests).toEqual([]);
});
