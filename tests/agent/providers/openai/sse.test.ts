import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readServerEvents, type ServerEvent } from '../../../../agent/providers/openai/sse.ts';
import { makeFakeClock } from '../../../support/fake-clock.ts';

/** A body of these pieces, and what became of it. `ends` false: it stays open after them. */
function makeBody(pieces: readonly Uint8Array[], ends = true) {
  const state = { cancelled: false, read: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[state.read];
        if (piece) {
          state.read++;
          controller.enqueue(piece);
        } else if (ends) controller.close();
        return piece || ends ? undefined : new Promise(() => undefined);
      },
      cancel: () => void (state.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  return { body, state };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const isDone = ({ data }: ServerEvent) => data === '[DONE]';

async function readAll(body: ReadableStream<Uint8Array>): Promise<readonly ServerEvent[]> {
  const all: ServerEvent[] = [];
  for await (const events of readServerEvents(body, isDone, makeFakeClock())) all.push(...events);
  return all;
}

const event = (data: string, name = ''): ServerEvent => ({ name, data });

describe('readServerEvents', () => {
  it.each<[string, string, readonly ServerEvent[]]>([
    [
      'lines that end with LF, CR LF or CR',
      'data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n',
      ['a', 'b', 'c', 'd'].map((one) => event(one)),
    ],
    ['several lines of data', 'data: a\ndata: b\ndata\n\n', [event('a\nb\n')]],
    [
      'names, comments and unknown fields',
      ': hello\nevent: error\nid: 5\nretry: 1\ndata: x\n\n',
      [event('x', 'error')],
    ],
    ['one space after the colon is no part of it', 'data:a\n\ndata:  b\n\n', [event('a'), event(' b')]],
    ['colons in the data', 'data: {"a":1}\n\n', [event('{"a":1}')]],
    ['blank lines alone', '\n\n\r\n\n', []],
    ['an event that the end cuts off', 'data: a\n\ndata: b', [event('a'), event('b')]],
    ['a CR at the very end', 'data: a\r', [event('a')]],
    ['nothing at all', '', []],
    ['nothing after the last one', 'data: a\n\ndata: [DONE]\n\ndata: late\n\n', [event('a')]],
  ])('%s', async (_, text, expected) => {
    expect(await readAll(makeBody([bytes(text)]).body)).toEqual(expected);
  });

  it('comes to the same events however the body is cut', async () => {
    const text = 'data: Grüß 世界 👩‍👩‍👧\r\n\r\nevent: x\ndata: 1\r\rdata: a\ndata: b\n\n: c\r\ndata: end\r\n\r\n';
    const whole = bytes(text);
    const expected = await readAll(makeBody([whole]).body);
    expect(expected).toHaveLength(4);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 12 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const pieces = places.slice(1).map((end, index) => whole.subarray(places[index], end));
        expect(await readAll(makeBody(pieces).body)).toEqual(expected);
      }),
    );
  });

  it('gives together what came together', async () => {
    const { body } = makeBody([bytes('data: a\n\ndata: b\n\nda'), bytes('ta: c\n\n')]);
    const batches: (readonly ServerEvent[])[] = [];
    for await (const events of readServerEvents(body, isDone, makeFakeClock())) batches.push(events);
    expect(batches).toEqual([[event('a'), event('b')], [event('c')]]);
  });

  it('reads the body to its end after the last event, so that the connection serves again', async () => {
    const { body, state } = makeBody([bytes('data: a\n\ndata: [DONE]\n\n'), bytes('\n'), bytes('\n')]);
    expect(await readAll(body)).toEqual([event('a')]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(state).toEqual({ cancelled: false, read: 3 });
  });

  it('cuts a connection that stays open after the last event', async () => {
    const clock = makeFakeClock();
    const { body, state } = makeBody([bytes('data: [DONE]\n\n')], false);
    for await (const _ of readServerEvents(body, isDone, clock));
    await clock.advance(999);
    expect(state.cancelled).toBe(false);
    await clock.advance(1);
    expect(state.cancelled).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it('cuts the connection when whoever reads has enough', async () => {
    const { body, state } = makeBody([bytes('data: a\n\n')], false);
    for await (const _ of readServerEvents(body, isDone, makeFakeClock())) break;
    expect(state.cancelled).toBe(true);
  });

  it('rejects as the body does', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes('data: a\n\n'));
      },
      pull(controller) {
        controller.error(new TypeError('terminated'));
      },
    });
    await expect(readAll(body)).rejects.toThrow('terminated');
  });
});
