import { describe, expect, it } from 'vitest';
import { compileRule, widenRule } from '../../../agent/policy/compile-rule.ts';
import { ruleFor } from '../../../agent/policy/rules.ts';
import { AppError } from '../../../shared/errors.ts';
import { makeReply } from '../fixture.ts';

const held = (words: string, tool: string, args: object, touches: readonly ('people' | 'network')[] = ['people']) =>
  ruleFor([compileRule(words)], { tool, arguments: JSON.stringify(args), assessment: { effect: 'once', touches } })
    ?.verdict;

describe('a rule in words', () => {
  it.each([
    ['ask before deleting mail', 'mail_delete', { id: 1 }, 'ask'],
    ['Ask me before you delete any emails', 'terminal', { command: 'rm -r ~/Mail/inbox' }, 'ask'],
    ['ask before deleting mail', 'mail_read', { id: 1 }, undefined],
    ['never send messages to Bob', 'send_message', { to: 'Bob' }, 'deny'],
    ['never send messages to Bob', 'send_message', { to: 'Ann' }, undefined],
    ["don't install anything", 'terminal', { command: 'npm install left-pad' }, 'deny'],
    ['never push without asking', 'terminal', { command: 'git push' }, 'ask'],
    ['do not unlock the door', 'ha_call_service', { service: 'lock.unlock', entity: 'lock.front_door' }, 'deny'],
    ['ask before using the network', 'terminal', { command: 'curl x' }, undefined],
  ])('%j, %s %j: %s', (words, tool, args, verdict) => {
    expect(held(words, tool, args)).toBe(verdict);
  });

  it('may be about what is reached', () => {
    expect(held('ask before using the network', 'terminal', { command: 'curl x' }, ['network'])).toBe('ask');
  });

  it('that holds on to nothing is refused', () => {
    for (const words of ['', 'ask me first please', 'x'.repeat(400)])
      expect(() => compileRule(words)).toThrow(expect.objectContaining({ code: 'bad_input' }));
  });

  it('may be widened by a model, never narrowed', async () => {
    const rule = compileRule('ask before deleting mail');
    const widened = await widenRule(rule, ['mbox'], async () =>
      makeReply({ text: 'Sure: {"specs":[{"tools":["mbox*"],"words":[["expunge"]]},{"tools":[],"words":[]}]}' }),
    );
    expect(widened.specs).toHaveLength(2);
    expect(widened.specs[0]).toEqual(rule.specs[0]);
    for (const text of ['no idea', '{"specs":[{"evil":1}]}', ''])
      expect(await widenRule(rule, [], async () => makeReply({ text }))).toEqual(rule);
    const failing = async () => {
      throw new AppError('budget_exceeded', 'no');
    };
    expect(await widenRule(rule, [], failing)).toEqual(rule);
  });
});
