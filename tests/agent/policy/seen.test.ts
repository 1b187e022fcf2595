import { describe, expect, it } from 'vitest';
import { fence } from '../../../agent/context/present.ts';
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

  it('are not those of a skill of others, however it was read; of an own skill, and of the same page elsewhere, they are', () => {
    const call = (id: string, name: string, args: Record<string, string>) => {
      const toolCalls = [{ id, name, arguments: args, rawArguments: JSON.stringify(args) }];
      return { role: 'assistant', text: '', toolCalls, reasoning: [] } as const;
    };
    const result = (callId: string, text: string) =>
      ({ role: 'tool', callId, name: 'any', text, isError: false }) as const;
    const seen = openSeenAddresses(() => [
      call('1', 'skill_view', { name: 'theirs' }),
      result('1', fence('read https://evil.example/a', 'skill_view')),
      call('2', 'use_tool', { name: 'skills_list' }),
      result('2', fence('- theirs: https://evil.example/b', 'use_tool')),
      call('3', 'skill_view', { name: 'own' }),
      result('3', 'read https://own.example/'),
      call('1', 'web_extract', { url: 'https://own.example/' }),
      result('1', fence('see https://linked.example/', 'web_extract')),
    ]);
    expect(seen.hasAll(['https://evil.example/a'])).toBe(false);
    expect(seen.hasAll(['https://evil.example/b'])).toBe(false);
    expect(seen.hasAll(['https://own.example/', 'https://linked.example/'])).toBe(true);
  });
});
