import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeDisplayFilter } from '../../../../agent/providers/repair/display-filter.ts';
import { splitThinking } from '../../../../agent/providers/repair/reply.ts';

function show(deltas: readonly string[], hasTools = true) {
  const filter = makeDisplayFilter(hasTools);
  let text = '';
  let thinking = '';
  for (const delta of deltas) {
    const shown = filter.push(delta);
    text += shown.text;
    thinking += shown.thinking;
  }
  return { text, thinking, rest: (final: string) => filter.rest(final) };
}

const letters = (text: string) => [...text];

describe('what is shown while a weak model streams', () => {
  it('shows ordinary text as it comes', () => {
    const filter = makeDisplayFilter(true);
    expect(filter.push('Hello')).toEqual({ text: 'Hello', thinking: '' });
    expect(filter.push(' world')).toEqual({ text: ' world', thinking: '' });
  });

  it('shows thinking as thinking, cut anywhere', () => {
    const { text, thinking } = show(letters('<think>let me see</think>\n\nYes.'));
    expect(thinking).toBe('let me see');
    expect(text).toBe('Yes.');
  });

  it.each([
    'Looking.\n<tool_call>{"name":"clock","arguments":{}}</tool_call>',
    'Looking.\n<function=clock></function>',
    'Looking.\n<invoke name="clock"></invoke>',
    'Looking.<|im_end|>',
  ])('holds back %j', (reply) => {
    expect(show(letters(reply)).text.trim()).toBe('Looking.');
  });

  it.each([
    '{"name": "clock", "arguments": {}}',
    '```json\n{"name": "clock", "arguments": {}}\n```',
    '[{"name": "clock"}]',
  ])('holds back a whole call as JSON: %j', (reply) => {
    expect(show(letters(reply)).text).toBe('');
  });

  it('lets other code and JSON through, and everything when there are no tools', () => {
    expect(show(letters('```python\nprint(1)\n```')).text).toContain('print(1)');
    expect(show(letters('{"price": 3}')).text).toBe('{"price": 3}');
    expect(show(letters('Yes.\n<tool_call> is a tag'), false).text).toBe('Yes.\n<tool_call> is a tag');
  });

  it('gives the rest that turned out to be text, and nothing when the text became another', () => {
    const held = show(letters('Write\n<tool_call> in your file.'));
    expect(held.text + held.rest('Write\n<tool_call> in your file.')).toBe('Write\n<tool_call> in your file.');
    expect(held.rest('Something else')).toBe('');
  });

  it('shows in the end what the reply says, however it was cut', () => {
    const pieces = fc.array(
      fc.constantFrom('a', ' ', '\n', '<', '</', 'think>', '<think>', '{', '"name"', '|', '`', '<tool_call>'),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(pieces, (deltas) => {
        const whole = deltas.join('');
        const { text } = splitThinking(whole);
        const shown = show(deltas);
        const rest = shown.rest(text);
        // Either the display leads up to the final text, or it is void and the final text replaces it.
        if (text.startsWith(shown.text)) expect(shown.text + rest).toBe(text);
        else expect(rest).toBe('');
        expect(show(letters(whole)).text.length).toBeLessThanOrEqual(whole.length);
      }),
    );
  });
});
