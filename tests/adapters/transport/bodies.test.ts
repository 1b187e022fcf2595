// Bodies of requests and answers: their limit, and the JSON in them.
import { describe, expect, it } from 'vitest';
import { AnswerTooLongError, parseAnswer, parseJson, readText } from '../../../adapters/transport/bodies.ts';

describe('a body', () => {
  it('is read up to its limit, and no further', async () => {
    let isCancelled = false;
    const chunks = ['ab', 'cd', 'ef'].map((text) => new TextEncoder().encode(text));
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(chunks.shift() ?? new Uint8Array(2)),
      cancel: () => {
        isCancelled = true;
      },
    });
    await expect(readText({ body: endless }, 4)).rejects.toBeInstanceOf(AnswerTooLongError);
    expect(isCancelled).toBe(true);
    expect(await readText(new Response('a€'), 4)).toBe('a€');
    expect(await readText(new Response(null), 4)).toBe('');
  });

  it('is JSON or not', () => {
    expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
    expect(parseJson('null')).toBe(null);
    for (const odd of ['', '{', undefined, 7, { a: 1 }]) expect(parseJson(odd)).toBeUndefined();
    expect(parseAnswer('0')).toBe(0);
    expect(() => parseAnswer('<html>a secret</html>')).toThrow(/^The server answered something that is no JSON\.$/);
  });
});
