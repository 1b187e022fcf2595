// Server-sent events, cut into pieces at any byte.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readEvents } from '../../../cli/tui/sse.ts';

async function read(pieces: readonly Uint8Array[]) {
  const events = [];
  let signs = 0;
  async function* body() {
    yield* pieces;
  }
  for await (const event of readEvents(body(), () => signs++)) events.push(event);
  return { events, signs };
}

it('reads events by name and id, and leaves out comments and what is not finished', async () => {
  const text = ': hi\n\nid: 7\nevent: entry\ndata: {"a":1}\n\ndata: one\ndata: two\n\nevent: x\n\ndata: unfinished\n';
  const { events, signs } = await read([Buffer.from(text)]);
  expect(events).toEqual([
    { event: 'entry', data: '{"a":1}', id: '7' },
    { event: 'message', data: 'one\ntwo', id: '7' },
  ]);
  expect(signs).toBe(1);
});

it('does not depend on where the pieces begin, nor on the kind of newline', async () => {
  const bytes = Buffer.from('id: 1\r\nevent: entry\r\ndata: "日本 😀"\r\n\r\ndata: x\n\n');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 20, maxLength: 60 }), async (sizes) => {
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(bytes.subarray(at, (at += size)));
      pieces.push(bytes.subarray(at));
      expect((await read(pieces)).events).toEqual([
        { event: 'entry', data: '"日本 😀"', id: '1' },
        { event: 'message', data: 'x', id: '1' },
      ]);
    }),
  );
});
