import { describe, expect, it } from 'vitest';

import { DEMO_FOOTER, makeDemoProvider } from '../../../agent/providers/demo.ts';
import type { ModelMessage, ModelRequest, ToolSchema } from '../../../agent/providers/types.ts';
import { readState } from '../../../agent/context/state.ts';
import { setTodos } from '../../../data/work/todos.ts';
import { openHome } from '../fixture.ts';
import { collect, collectError, makeRequest } from '../../contracts/provider-contract.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const TOOLS: ToolSchema[] = ['clock', 'memory', 'recall', 'session_search'].map((name) => ({
  name,
  description: name,
  parameters: { type: 'object' },
}));

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });

function ask(messages: readonly ModelMessage[], overrides: Partial<ModelRequest> = {}) {
  const request = makeRequest({ messages, tools: TOOLS, ...overrides });
  return collect(makeDemoProvider().stream(request, new AbortController().signal));
}

describe('the demo model', () => {
  it.each([
    ['what time is it?', 'clock', {}],
    ["What's the date today", 'clock', {}],
    ['remember that the train leaves at 9', 'memory', { action: 'add', content: 'the train leaves at 9' }],
    ['Please note: milk, eggs.', 'memory', { action: 'add', content: 'milk, eggs' }],
    ['[Anna] remember the keys', 'memory', { action: 'add', content: 'the keys' }],
    ['what did I note about trains?', 'recall', { query: 'trains' }],
    ['recall train', 'recall', { query: 'train' }],
    ['what did I note?', 'recall', {}],
    ['search holiday', 'session_search', { query: 'holiday' }],
    ['what did we say about the holiday?', 'session_search', { query: 'the holiday' }],
  ])('%s → %s', async (text, name, args) => {
    const { reply } = await ask([user(text)]);
    expect(reply.toolCalls).toMatchObject([{ name, arguments: args, rawArguments: JSON.stringify(args) }]);
    expect(reply.stop).toBe('tool_calls');
    expect(reply.text).toBe('');
  });

  it.each([
    ['remind me in 20 minutes to take the tea out', 'reminder', 'in 20 minutes', 'take the tea out'],
    ['Please remind me tomorrow at 8 to call Ann.', 'reminder', 'tomorrow at 8', 'call Ann'],
    ['remind me to stretch every day at 15:30', 'reminder', 'every day at 15:30', 'stretch'],
    ['remind me about the bins every monday at 7 pm', 'reminder', 'every monday at 7 pm', 'the bins'],
    ['every day at 9 check the news', 'prompt', 'every day at 9', 'check the news'],
    ['Every weekday at 9:30am, look at my mail', 'prompt', 'every weekday at 9:30am', 'look at my mail'],
  ])('plans: %s', async (text, kind, when, what) => {
    const useTool = { name: 'use_tool', description: '', parameters: { type: 'object' } };
    const planned = { action: 'create', kind, when, what };
    const { reply } = await ask([user(text)], { tools: [...TOOLS, useTool] });
    expect(reply.toolCalls).toMatchObject([{ name: 'use_tool', arguments: { name: 'schedule', arguments: planned } }]);
    expect((await ask([user(text)])).reply.text).toContain('`schedule`');
    const result = {
      role: 'tool',
      callId: 'c',
      name: 'use_tool',
      text: 'Made as job ab12: …',
      isError: false,
    } as const;
    expect((await ask([user(text), result])).reply.text).toContain('Planned, as you see above.');
  });

  it.each(['hello', 'help', 'xyzzy plugh', '', 'remember', 'Hey there', 'what time is it?'])(
    'says in every answer what it is: %j',
    async (text) => {
      const { reply } = await ask([user(text)], { tools: [] });
      expect(reply.toolCalls).toEqual([]);
      expect(reply.text.endsWith(`\n\n${DEMO_FOOTER}`)).toBe(true);
    },
  );

  it('offers in help what it has tools for, and admits what is switched off', async () => {
    expect((await ask([user('help')])).reply.text).toContain('"remember …"');
    expect((await ask([user('help')], { tools: [] })).reply.text).not.toContain('"remember …"');
    expect((await ask([user('what time is it?')], { tools: [] })).reply.text).toContain('`clock`');
  });

  it('answers from the results of its calls', async () => {
    const first = await ask([user('what time is it?')]);
    const call = first.reply.toolCalls[0];
    if (!call) throw new Error('no call');
    const messages: ModelMessage[] = [
      user('what time is it?'),
      { role: 'assistant', text: '', toolCalls: [call] },
      { role: 'tool', callId: call.id, name: 'clock', text: 'Saturday at 13:00', isError: false },
    ];
    expect((await ask(messages)).reply.text).toBe(`It is Saturday at 13:00.\n\n${DEMO_FOOTER}`);
    const failed = messages.with(2, {
      role: 'tool',
      callId: call.id,
      name: 'clock',
      text: 'no such zone',
      isError: true,
    });
    expect((await ask(failed)).reply.text).toContain('did not work: no such zone');
    const foreign = {
      role: 'tool' as const,
      callId: call.id,
      name: 'recall',
      text: '<untrusted origin="x">\nmilk\n</untrusted>',
      isError: false,
    };
    expect((await ask(messages.with(2, foreign))).reply.text).toContain('What I remember:\n\nmilk');
  });

  it('answers a message that arrived after the results', async () => {
    const call = { id: 'demo_1', name: 'clock', arguments: {}, rawArguments: '{}' };
    const messages: ModelMessage[] = [
      user('time?'),
      { role: 'assistant', text: '', toolCalls: [call] },
      { role: 'tool', callId: 'demo_1', name: 'clock', text: 'noon', isError: false },
      user('remember tea'),
    ];
    expect((await ask(messages)).reply.toolCalls).toMatchObject([
      { name: 'memory', arguments: { action: 'add', content: 'tea' } },
    ]);
  });

  it('answers the person, not the state of the conversation behind what they said', async () => {
    const dir = await openHome();
    try {
      await setTodos(dir.db, dir.scope, dir.session.id, [{ id: '1', content: 'help', status: 'pending' }]);
      const state = await readState(dir.db, { scope: dir.scope, session: dir.session.id });
      if (!state) throw new Error('no state');
      const { reply } = await ask([user('what time is it?'), state]);
      expect(reply.toolCalls.map(({ name }) => name)).toEqual(['clock']);
    } finally {
      await dir.close();
    }
  });

  it('does the same for the same request, with ids that differ along a conversation', async () => {
    expect((await ask([user('time')])).reply).toEqual((await ask([user('time')])).reply);
    const later = await ask([user('time'), { role: 'assistant', text: 'ok', toolCalls: [] }, user('time')]);
    expect(later.reply.toolCalls[0]?.id).not.toBe((await ask([user('time')])).reply.toolCalls[0]?.id);
  });

  it('repeats what it does not understand, shortened, and says that it sees no images', async () => {
    expect((await ask([user('Ĝi estas bela')])).reply.text).toContain('You said: "Ĝi estas bela"');
    expect((await ask([user('x'.repeat(5_000))])).reply.text.length).toBeLessThan(500);
    const image = { type: 'image' as const, mime: 'image/png', base64: 'AAAA' };
    expect((await ask([{ role: 'user', content: [image] }])).reply.text).toContain('cannot see the image');
  });

  it('pauses before each word when asked to, and can be stopped there', async () => {
    const clock = makeFakeClock();
    const stop = new AbortController();
    const provider = makeDemoProvider({ delayMs: 100, clock });
    let words = 0;
    const counted = (async function* () {
      for await (const event of provider.stream(makeRequest({ messages: [user('hello')] }), stop.signal)) {
        if (event.type === 'text') words += 1;
        yield event;
      }
    })();
    const outcome = collectError(counted);
    await clock.advance(350);
    expect(words).toBe(3);
    stop.abort();
    expect((await outcome).error.code).toBe('cancelled');
    expect(clock.pending()).toBe(0);
  });

  it('estimates tokens at four characters', async () => {
    const short = await ask([user('hello')]);
    const long = await ask([user(`hello ${'x'.repeat(4_000)}`)]);
    expect((long.reply.usage?.input ?? 0) - (short.reply.usage?.input ?? 0)).toBeCloseTo(1_000, -1);
    expect(short.reply.usage?.output).toBe(Math.ceil(short.reply.text.length / 4));
  });
});
