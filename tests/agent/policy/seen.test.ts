import { describe, expect, it } from 'vitest';
import { openSeenAddresses } from '../../../agent/policy/seen.ts';

describe('seen addresses', () => {
  it('are those of people and tools, with or without the punctuation around them; never those of the model', () => {
    const seen = openSeenAddresses(() => [
      {
        role: 'user',
        content: [{ type: 'text', text: 'read https://a.example/x?y=1, please (and http://b.example/).' }],
      },
      { role: 'assistant', text: 'https://made-up.example/', toolCalls: [], reasoning: [] },
      { role: 'tool', callId: '1', name: 't', text: '[page](https://c.example/p_(1))', isError: false },
    ]);
    expect(seen.hasAll(['https://a.example/x?y=1'])).toBe(true);
    expect(seen.hasAll(['https://A.example/x?y=1#part', 'http://b.example'])).toBe(true);
    expect(seen.hasAll(['https://c.example/p_(1)'])).toBe(true);
    expect(seen.hasAll(['https://made-up.example/'])).toBe(false);
    expect(seen.hasAll(['https://a.example/x?y=1&secret=2'])).toBe(false);
    expect(seen.hasAll(['https://a.example/x?y=1', 'https://d.example/'])).toBe(false);
    expect(seen.hasAll(['no address'])).toBe(false);
    seen.note('later: https://d.example/');
    expect(seen.hasAll(['https://d.example/'])).toBe(true);
  });
});
