import { describe, expect, it } from 'vitest';
import { readRule, ruleFor, ruleSpecSchema, writeSpecs, type Rule } from '../../../agent/policy/rules.ts';

const rule = (words: string, spec: object, verdict: Rule['verdict'] = 'ask'): Rule => ({
  words,
  verdict,
  specs: [ruleSpecSchema.parse(spec)],
});
const call = (tool: string, args: object, touches: readonly 'people'[] = ['people']) => ({
  tool,
  arguments: JSON.stringify(args),
  assessment: { effect: 'once', touches } as const,
});

describe('standing rules', () => {
  const deleting = rule('ask before deleting mail', {
    words: [
      ['delete', 'remove', 'trash'],
      ['mail', 'email'],
    ],
  });

  it('fit a call by its words, in the tool or its arguments, whole or as the beginning of a word', () => {
    expect(ruleFor([deleting], call('mail_delete', { id: 1 }))).toBe(deleting);
    expect(ruleFor([deleting], call('mailbox', { action: 'Removes' }))).toBe(deleting);
    expect(ruleFor([deleting], call('terminal', { command: 'rm\nx; delete all\tEMAIL' }))).toBe(deleting);
    expect(ruleFor([deleting], call('mail_read', { id: 1 }))).toBeUndefined();
    expect(ruleFor([deleting], call('delete', { what: 'blackmailing' }))).toBeUndefined();
  });

  it('fit by tool and by what is reached, all parts together; the strictest counts', () => {
    const never = rule('never post', { tools: ['send_*'], touches: ['people'] }, 'deny');
    const ask = rule('ask before sending', { tools: ['*message'] });
    expect(ruleFor([ask, never], call('send_message', {}))).toBe(never);
    expect(ruleFor([never], call('other', {}))).toBeUndefined();
    expect(ruleFor([ask], call('message_list', {}))).toBeUndefined();
  });

  it('do not hold back what changes and reaches nothing', () => {
    const all = rule('ask about everything', {});
    expect(
      ruleFor([all], { tool: 'clock', arguments: '{}', assessment: { effect: 'pure', touches: [] } }),
    ).toBeUndefined();
    expect(ruleFor([all], call('x', {}))).toBe(all);
  });

  it('hold back everything when their stored form is damaged', () => {
    const damaged = readRule({ words: 'never spend', verdict: 'deny', spec: '{"tools":1' });
    expect(ruleFor([damaged], call('anything', {}))?.words).toContain('damaged');
    const whole = readRule({ words: 'w', verdict: 'ask', spec: writeSpecs(deleting.specs) });
    expect(whole.specs).toEqual(deleting.specs);
  });
});
