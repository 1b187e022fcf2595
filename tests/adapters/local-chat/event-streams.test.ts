// Event streams of local chats: what a client that comes back gets, and what a slow one may pile up.
import { describe, expect, it } from 'vitest';
import { EventStreams, eventChunk, type Opening } from '../../../adapters/local-chat/event-streams.ts';
import { chatId } from '../../../shared/ids.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const chat = chatId('chat-1');
const other = chatId('chat-2');

/** An opening that tells how it was asked. */
const openingOf =
  (lines: readonly string[]): Opening =>
  async ({ resumed, id }) => [...(resumed ? [] : lines), eventChunk('state', { resumed }, id)];

interface Listener {
  text(): string;
  /** Data of the events with this name, so far. */
  events(name: string): unknown[];
  lastId(): string;
  ended: Promise<void>;
  cancel(): Promise<void>;
}

function listen(streams: EventStreams, at = chat, after?: string, opening = openingOf([])): Listener {
  const stream = streams.subscribe(at, after, opening);
  if (stream === 'full') throw new Error('full');
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  const ended = (async () => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      text += decoder.decode(piece.value, { stream: true });
  })();
  return {
    text: () => text,
    events: (name) =>
      text
        .split('\n\n')
        .filter((block) => block.includes(`event: ${name}\n`))
        .map((block): unknown => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null')),
    lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '',
    ended,
    cancel: () => reader.cancel(),
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const open = (run = 'run1') => {
  const clock = makeFakeClock();
  return { clock, streams: new EventStreams(clock, run) };
};

describe('resuming', () => {
  it('gives exactly what was missed, then goes on', async () => {
    const { streams } = open();
    const first = listen(streams);
    await settle();
    streams.entry(chat, 1, false);
    await settle();
    const last = first.lastId();
    await first.cancel();
    streams.entry(chat, 2, false);
    streams.entry(other, 99, false);
    streams.entry(chat, 3, false);
    const second = listen(streams, chat, last, openingOf([eventChunk('entry', 'all')]));
    await settle();
    streams.entry(chat, 4, false);
    await settle();
    expect(second.events('entry')).toEqual([2, 3, 4]);
    expect(second.events('state')).toEqual([{ resumed: true }]);
  });

  it('works from the id of the state when no line has come yet', async () => {
    const { streams } = open();
    const first = listen(streams);
    await settle();
    await first.cancel();
    streams.entry(chat, 1, false);
    const second = listen(streams, chat, first.lastId(), openingOf([eventChunk('entry', 'all')]));
    await settle();
    expect(second.events('entry')).toEqual([1]);
  });

  it.each([
    ['another run', 'run0-1'],
    ['nonsense', 'x'],
    ['an id of the future', 'run1-99'],
    ['nothing', undefined],
  ])('starts with the latest lines after %s', async (_, after) => {
    const { streams } = open();
    const listener = listen(streams, chat, after, openingOf([eventChunk('entry', 'all')]));
    await settle();
    expect(listener.events('entry')).toEqual(['all']);
    expect(listener.events('state')).toEqual([{ resumed: false }]);
  });

  it('starts with the latest lines when too much was missed', async () => {
    const { streams } = open();
    const first = listen(streams);
    await settle();
    await first.cancel();
    for (let i = 0; i < 250; i++) streams.entry(chat, i, false);
    const second = listen(streams, chat, first.lastId(), openingOf([eventChunk('entry', 'all')]));
    await settle();
    expect(second.events('entry')).toEqual(['all']);
  });

  it('keeps live events behind the opening, however long that takes', async () => {
    const { streams } = open();
    const release = Promise.withResolvers<void>();
    const listener = listen(streams, chat, undefined, async () => {
      await release.promise;
      return [eventChunk('entry', 'old'), eventChunk('state', {})];
    });
    streams.entry(chat, 'live', false);
    await settle();
    expect(listener.events('entry')).toEqual([]);
    release.resolve();
    await settle();
    expect(listener.events('entry')).toEqual(['old', 'live']);
  });

  it('ends the stream when the opening fails', async () => {
    const { streams } = open();
    const listener = listen(streams, chat, undefined, () => Promise.reject(new Error('no database')));
    await listener.ended;
    expect(listener.text()).not.toContain('no database');
  });
});

describe('drafts', () => {
  const draft = (key: string, text: string) => ({ key, text, tools: [] });

  it('show to those who come later, and end with the line that they became', async () => {
    const { streams } = open();
    const first = listen(streams);
    await settle();
    streams.draft(chat, draft('t1', 'The an'));
    const second = listen(streams);
    await settle();
    expect(second.events('draft')).toEqual([draft('t1', 'The an')]);
    streams.entry(chat, 'The answer', true);
    await settle();
    for (const listener of [first, second]) expect(listener.events('draft-end')).toEqual([{ key: 't1' }]);
    const third = listen(streams);
    await settle();
    expect(third.events('draft')).toEqual([]);
  });

  it('give way to the draft of the next turn, and end by themselves when nobody renews them', async () => {
    const { streams, clock } = open();
    const listener = listen(streams);
    await settle();
    streams.draft(chat, draft('t1', 'a'));
    streams.draft(chat, draft('t2', 'b'));
    await clock.advance(100_000);
    streams.typing(chat, { ttlMs: 5_000 });
    await clock.advance(100_000);
    expect(listener.events('draft-end')).toEqual([{ key: 't1' }]);
    await clock.advance(30_000);
    expect(listener.events('draft-end')).toEqual([{ key: 't1' }, { key: 't2' }]);
  });
});

describe('bounds', () => {
  it('sends a sign of life every 15 s', async () => {
    const { streams, clock } = open();
    const listener = listen(streams);
    await clock.advance(45_500);
    await settle();
    expect(listener.text().match(/^: still here$/gm)).toHaveLength(3);
    await listener.cancel();
    expect(clock.pending()).toBe(0);
  });

  it('cuts a client that does not read, and forgets drafts for it first', async () => {
    const { streams } = open();
    const stream = streams.subscribe(chat, undefined, openingOf([]));
    if (stream === 'full') throw new Error('full');
    await settle();
    const text = 'x'.repeat(100_000);
    for (let i = 0; i < 500; i++) streams.draft(chat, { key: 't1', text, tools: [] });
    for (let i = 0; i < 70; i++) streams.entry(chat, text, false);
    expect(streams.subscribe(chat, undefined, openingOf([]))).not.toBe('full');
    for (let i = 0; i < 30; i++) streams.entry(chat, text, false);
    let bytes = 0;
    for await (const piece of stream) bytes += piece.byteLength;
    // What had been accepted before the cut can be read, and it is bounded.
    expect(bytes).toBeGreaterThan(7_000_000);
    expect(bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  it('takes ten listeners for one chat, two hundred for all', async () => {
    const { streams } = open();
    const opened = Array.from({ length: 10 }, () => listen(streams));
    expect(streams.subscribe(chat, undefined, openingOf([]))).toBe('full');
    await opened[0]?.cancel();
    listen(streams);
    for (let i = 0; i < 190; i++) listen(streams, chatId(`many-${i}`));
    expect(streams.subscribe(other, undefined, openingOf([]))).toBe('full');
  });

  it('forgets chats that nobody listens to, except the latest hundred', async () => {
    const { streams } = open();
    for (let i = 0; i < 150; i++) await listen(streams, chatId(`c${i}`)).cancel();
    expect(streams.follows(chatId('c149'))).toBe(true);
    expect(streams.follows(chatId('c0'))).toBe(false);
  });

  it('ends all streams and timers when closed', async () => {
    const { streams, clock } = open();
    const listeners = [listen(streams), listen(streams, other)];
    await settle();
    streams.draft(chat, { key: 't1', text: 'x', tools: [] });
    streams.close();
    await Promise.all(listeners.map((listener) => listener.ended));
    expect(clock.pending()).toBe(0);
  });
});
