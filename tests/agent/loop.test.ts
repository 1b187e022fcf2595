import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../agent/events.ts';
import type { ToolOutcome } from '../../agent/journal.ts';
import { runLoop, type Arrival, type LoopInput, type LoopPorts } from '../../agent/loop.ts';
import type { ModelMessage, ModelReply } from '../../agent/providers/types.ts';
import { systemClock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { inboxId } from '../../shared/ids.ts';
import { makeCall, makeReply, outline } from './fixture.ts';

const OPENING: Arrival = {
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  entries: [
    { role: 'user', input: inboxId('1'), author: 'Ann', text: 'hello', origin: 'owner', steered: false, files: [] },
  ],
};

interface Rig {
  ports: LoopPorts;
  asked: { messages: readonly ModelMessage[]; withTools: boolean }[];
  ran: string[];
  events: AgentEvent[];
  journaled: string[];
}

function makeRig(script: readonly (Partial<ModelReply> | Error)[], extra: Partial<LoopPorts> = {}): Rig {
  const rig: Omit<Rig, 'ports'> = { asked: [], ran: [], events: [], journaled: [] };
  const ports: LoopPorts = {
    async callModel({ messages, withTools }) {
      const next = script[rig.asked.length] ?? { text: '(end of script)' };
      rig.asked.push({ messages, withTools });
      if (next instanceof Error) throw next;
      return makeReply(next);
    },
    async runTool(key, call) {
      rig.ran.push(key);
      return ok(`result of ${call.name}`);
    },
    isParallel: (call) => call.name.startsWith('read'),
    mustAsk: (call) => call.name.startsWith('ask'),
    journal: {
      reply: () => undefined,
      recordReply: async (step) => void rig.journaled.push(`m${step}`),
      tool: () => undefined,
    },
    steer: async () => undefined,
    emit: (event) => void rig.events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
    ...extra,
  };
  return { ...rig, ports };
}

function run(rig: Rig, input: Partial<LoopInput> = {}) {
  return runLoop(rig.ports, { opening: OPENING, maxIterations: 20, maxParallel: 4, ...input });
}

const ok = (text: string): ToolOutcome => ({ text, isError: false, origin: 'agent' });
const lastText = (messages: readonly ModelMessage[]) => JSON.stringify(messages.at(-1));

describe('calls that somebody must allow', () => {
  it('come last, so that the others of the same reply need not wait', async () => {
    const rig = makeRig([
      { toolCalls: [makeCall('ask_first', {}, 'a'), makeCall('send', {}, 'b'), makeCall('read', {}, 'c')] },
      { text: 'done' },
    ]);
    const { transcript } = await run(rig);
    expect(rig.ran).toEqual(['t1.b', 't1.c', 't1.a']);
    // What the model reads stays in its own order.
    expect(transcript.flatMap((entry) => (entry.role === 'tool' ? [entry.callId] : []))).toEqual(['a', 'b', 'c']);
  });
});

describe('answers', () => {
  it('gives the text of a plain reply and records it before it ends', async () => {
    const rig = makeRig([{ text: 'hi' }]);
    const result = await run(rig);
    expect(result).toMatchObject({ end: 'done', text: 'hi' });
    expect(outline(result.transcript)).toEqual(['user: hello', 'assistant: hi']);
    expect(rig.journaled).toEqual(['m1']);
    expect(rig.events.map((event) => event.type)).toEqual(['step']);
  });

  it('runs tools and gives their results to the model, keeping all paragraphs', async () => {
    const rig = makeRig([{ text: 'Let me look.', toolCalls: [makeCall('read', { q: 1 })] }, { text: 'Found.' }]);
    const result = await run(rig);
    expect(result.text).toBe('Let me look.\n\nFound.');
    expect(rig.asked[1]?.messages.map((message) => message.role)).toEqual(['user', 'assistant', 'tool']);
    expect(result.transcript.map((entry) => entry.role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
  });

  it('continues once after a reply cut off at its length limit, and joins the parts', async () => {
    const rig = makeRig([
      { text: 'one two', stop: 'max_tokens' },
      { text: ' three', stop: 'max_tokens' },
      { text: 'never asked' },
    ]);
    const result = await run(rig);
    expect(rig.asked).toHaveLength(2);
    expect(lastText(rig.asked[1]?.messages ?? [])).toContain('cut off');
    expect(outline(result.transcript)).toEqual(['user: hello', 'assistant: one two three']);
    expect(result.text).toContain('one two three');
    expect(result.text).toContain('length limit');
  });

  it('asks again once after an empty reply, then fails honestly', async () => {
    const recovered = makeRig([{ text: ' \n' }, { text: 'here' }]);
    expect(await run(recovered)).toMatchObject({ end: 'done', text: 'here' });
    const lost = await run(makeRig([{ text: '' }, { text: '' }, { text: 'too late' }]));
    expect(lost).toMatchObject({ end: 'failed', error: { code: 'model_protocol' } });
  });

  it('tells a refusal without words as one', async () => {
    const result = await run(makeRig([{ text: '', stop: 'refusal' }]));
    expect(result).toMatchObject({ end: 'failed', error: { code: 'model_refused' } });
  });

  it('keeps what was done when a later model call fails', async () => {
    const rig = makeRig([
      { text: 'Looking.', toolCalls: [makeCall('read')] },
      new AppError('model_auth', 'The key was not accepted.'),
    ]);
    const result = await run(rig);
    expect(result).toMatchObject({ end: 'failed', text: 'Looking.', error: { code: 'model_auth' } });
    expect(result.transcript.map((entry) => entry.role)).toEqual(['user', 'assistant', 'tool']);
  });

  it('never throws, whatever its ports throw', async () => {
    const boom = () => {
      throw new TypeError('boom');
    };
    for (const broken of [
      { callModel: async () => boom() },
      { runTool: async () => boom() },
      { steer: async () => boom() },
      { isParallel: boom },
    ] satisfies Partial<LoopPorts>[]) {
      const result = await run(makeRig([{ toolCalls: [makeCall('read')] }, { text: 'x' }], broken));
      expect(result).toMatchObject({ end: 'failed', error: { code: 'internal' } });
    }
    const shown = await run(makeRig([{ text: 'fine' }], { emit: boom }));
    expect(shown).toMatchObject({ end: 'done', text: 'fine' });
  });

  it('runs no tool of a reply that could not be recorded', async () => {
    const rig = makeRig([{ toolCalls: [makeCall('send')] }]);
    rig.ports.journal.recordReply = async () => {
      throw new Error('disk full');
    };
    expect(await run(rig)).toMatchObject({ end: 'failed' });
    expect(rig.ran).toEqual([]);
  });
});

describe('limits', () => {
  it('asks for an answer without tools at the iteration cap', async () => {
    const rig = makeRig(
      Array.from({ length: 10 }, (_, index) => ({ toolCalls: [makeCall('read', { index })], text: '' })),
    );
    const result = await run(rig, { maxIterations: 4 });
    expect(rig.asked.map((call) => call.withTools)).toEqual([true, true, true, false]);
    expect(lastText(rig.asked[3]?.messages ?? [])).toContain('No more tool calls');
    expect(rig.ran).toHaveLength(3);
    expect(result.end).toBe('done');
    expect(result.text).toContain('more steps than one turn may have');
  });

  it('warns at three identical calls, refuses the fifth, and goes to the answer', async () => {
    const rig = makeRig(Array.from({ length: 20 }, () => ({ toolCalls: [makeCall('read', { b: 1, a: 2 })] })));
    const result = await run(rig);
    const results = result.transcript.filter((entry) => entry.role === 'tool').map((entry) => entry.text);
    expect(rig.ran).toHaveLength(4);
    expect(results[1]).not.toContain('times');
    expect(results[2]).toContain('been made 3 times');
    expect(results[4]).toContain('Not run');
    expect(rig.asked.at(-1)?.withTools).toBe(false);
    expect(rig.asked).toHaveLength(6);
  });

  it('takes arguments in another order for the same call, and different arguments for different calls', async () => {
    const same = makeRig([
      ...['{"a":1,"b":2}', '{"b":2,"a":1}', '{"a":1,"b":2}'].map((raw) => ({
        toolCalls: [{ id: 'x', name: 'read', rawArguments: raw, arguments: { a: 1, b: 2 } }],
      })),
      { text: 'done' },
    ]);
    expect(outline((await run(same)).transcript).at(-2)).toContain('3 times');
    const different = makeRig([
      ...Array.from({ length: 8 }, (_, index) => ({ toolCalls: [makeCall('read', { index })] })),
      { text: 'done' },
    ]);
    expect(outline((await run(different)).transcript).join()).not.toContain('times');
  });

  it('stops a model that fails in the same way with ever new arguments', async () => {
    const rig = makeRig(
      Array.from({ length: 20 }, (_, index) => ({ toolCalls: [makeCall('read', { index })] })),
      { runTool: async () => ({ text: 'no such file', isError: true, origin: 'agent' }) },
    );
    const result = await run(rig);
    const results = result.transcript.filter((entry) => entry.role === 'tool').map((entry) => entry.text);
    expect(results).toHaveLength(5);
    expect(results[2]).toContain('failed in the same way 3 times');
  });
});

describe('tool calls', () => {
  it('runs readers together and effects alone, in order', async () => {
    const log: string[] = [];
    const rig = makeRig(
      [
        {
          toolCalls: ['read1', 'read2', 'send1', 'send2', 'read3'].map((name, index) =>
            makeCall(name, {}, `c${index}`),
          ),
        },
        { text: 'ok' },
      ],
      {
        async runTool(_key, call) {
          log.push(`+${call.name}`);
          await new Promise((resolve) => setTimeout(resolve, call.name === 'read1' ? 20 : 5));
          log.push(`-${call.name}`);
          return ok(call.name);
        },
      },
    );
    const result = await run(rig);
    expect(log).toEqual([
      '+read1',
      '+read2',
      '-read2',
      '-read1',
      '+send1',
      '-send1',
      '+send2',
      '-send2',
      '+read3',
      '-read3',
    ]);
    const order = result.transcript.filter((entry) => entry.role === 'tool').map((entry) => entry.text);
    expect(order).toEqual(['read1', 'read2', 'send1', 'send2', 'read3']);
  });

  it('never runs more at once than allowed', async () => {
    let running = 0;
    let most = 0;
    const rig = makeRig(
      [
        { toolCalls: Array.from({ length: 9 }, (_, index) => makeCall('read', { index }, `c${index}`)) },
        { text: 'ok' },
      ],
      {
        async runTool() {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 3));
          running -= 1;
          return ok('x');
        },
      },
    );
    await run(rig, { maxParallel: 3 });
    expect(most).toBe(3);
  });

  it('keeps calls apart whose ids repeat, within a reply and over replies', async () => {
    const rig = makeRig([
      { toolCalls: [makeCall('read', { a: 1 }, 'same'), makeCall('read', { a: 2 }, 'same')] },
      { toolCalls: [makeCall('read', { a: 3 }, 'same')] },
      { text: 'ok' },
    ]);
    await run(rig);
    expect(rig.ran).toEqual(['t1.same', 't1.same#1', 't2.same']);
  });
});

describe('steering', () => {
  it('gives messages that arrived to the next model call, at their place in the transcript', async () => {
    const arrival: Arrival = {
      messages: [{ role: 'user', content: [{ type: 'text', text: 'also this' }] }],
      entries: [
        {
          role: 'user',
          input: inboxId('2'),
          author: 'Ann',
          text: 'also this',
          origin: 'owner',
          steered: true,
          files: [],
        },
      ],
    };
    const rig = makeRig([{ toolCalls: [makeCall('read')] }, { text: 'both done' }], {
      steer: async (step) => (step === 1 ? arrival : undefined),
    });
    const result = await run(rig);
    expect(outline(result.transcript).slice(2)).toEqual([
      'tool read: result of read',
      'steered: also this',
      'assistant: both done',
    ]);
    expect(lastText(rig.asked[1]?.messages ?? [])).toContain('also this');
    expect(rig.events).toContainEqual({ type: 'steered', count: 1 });
  });
});

describe('stopping', () => {
  const never = () => new Promise<never>(() => undefined);

  it('ends within a second when the model ignores the signal', async () => {
    const controller = new AbortController();
    const rig = makeRig([], { callModel: never, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    const startedAt = performance.now();
    expect(await run(rig)).toMatchObject({ end: 'stopped' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('ends within a second when a tool ignores the signal, and leaves no call without a result', async () => {
    const controller = new AbortController();
    const rig = makeRig([{ toolCalls: [makeCall('send', {}, 'a'), makeCall('send', { n: 2 }, 'b')] }], {
      runTool: never,
      signal: controller.signal,
    });
    rig.ports.journal.tool = (key) => (key === 't1.a' ? { state: 'started', effect: 'once' } : undefined);
    setTimeout(() => controller.abort(), 20);
    const startedAt = performance.now();
    const result = await run(rig);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(result.end).toBe('stopped');
    expect(outline(result.transcript).slice(-2)).toEqual([
      'tool send failed: The turn ended while this was running; whether it took effect is unknown.',
      'tool send failed: Not run: the turn ended before.',
    ]);
    expect(result.calls.map((call) => call.state)).toEqual(['unknown', 'not-run']);
  });

  it('keeps the result of a tool that winds up in time', async () => {
    const controller = new AbortController();
    const rig = makeRig([{ toolCalls: [makeCall('send')] }], {
      signal: controller.signal,
      async runTool() {
        controller.abort();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return ok('sent after all');
      },
    });
    const result = await run(rig);
    expect(result).toMatchObject({ end: 'stopped', calls: [{ state: 'done' }] });
    expect(outline(result.transcript).at(-1)).toBe('tool send: sent after all');
  });

  it('does nothing at all when it was stopped before it began', async () => {
    const rig = makeRig([{ text: 'hi' }], { signal: AbortSignal.abort(new Error('stop')) });
    expect(await run(rig)).toMatchObject({ end: 'stopped' });
    expect(rig.asked).toHaveLength(0);
  });
});

describe('a call that is made again', () => {
  const again = (n: number) => Array.from({ length: n }, (_, i) => ({ toolCalls: [makeCall('read', {}, `r${i}`)] }));

  it('is stopped while its result stays the same', async () => {
    const rig = makeRig([...again(10), { text: 'beyond' }]);
    await run(rig);
    expect(rig.ran).toHaveLength(4);
  });

  it('may be made as long as its result changes', async () => {
    let n = 0;
    const ran: string[] = [];
    const rig = makeRig([...again(10), { text: 'done' }], {
      runTool: async (key) => {
        ran.push(key);
        return ok(`look ${++n}`);
      },
    });
    expect(await run(rig)).toMatchObject({ end: 'done', text: 'done' });
    expect(ran).toHaveLength(10);
  });
});
