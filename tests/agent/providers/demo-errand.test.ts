import { expect, it } from 'vitest';
import { nextErrandStep } from '../../../agent/providers/demo-errand.ts';
import type { ModelMessage, ModelRequest } from '../../../agent/providers/types.ts';

const tools = ['read_file', 'write_file', 'skill_view'].map((name) => ({ name, description: '', parameters: {} }));
const said = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const state = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }], isState: true });
const requestOf = (messages: readonly ModelMessage[], names = tools): ModelRequest => ({
  model: 'demo',
  system: [],
  messages,
  tools: names,
  maxOutputTokens: 100,
  cacheKey: 's',
});

/** Follows it to its answer; what it called, and what it said. */
function follow(opening: readonly ModelMessage[], results: Readonly<Record<string, string>> = {}) {
  const messages = [...opening];
  const called: string[] = [];
  for (let steps = 0; steps < 10; steps++) {
    const step = nextErrandStep(requestOf(messages));
    if (!step) return { called, answer: undefined };
    if ('text' in step) return { called, answer: step.text };
    const about = step.args['path'] ?? step.args['name'];
    called.push(`${step.tool} ${typeof about === 'string' ? about : ''}`);
    messages.push({
      role: 'tool',
      callId: `c${steps}`,
      name: step.tool,
      text: results[step.tool] ?? 'ok',
      isError: false,
    });
  }
  throw new Error('it does not end');
}

it('looks around, writes a list and reads it back', () => {
  const { called, answer } = follow([said('Please make a packing list for New York')]);
  const file = 'packing-new-york.md';
  expect(called).toEqual([
    'read_file packing-template.md',
    `read_file ${file}`,
    `write_file ${file}`,
    `read_file ${file}`,
  ]);
  expect(answer).toContain('4 steps');
});

it('takes the steps that a skill of the index names, and says so', () => {
  const index = state('Skills:\n- pack: How to make a packing list\n- other: Something else');
  const text = '# Skill pack\n\n1. Call write_file with `x.md`\n2. Call read_file with `x.md`\n';
  const { called, answer } = follow([said('make a packing list for Rome'), index], { skill_view: text });
  expect(called).toEqual(['skill_view pack', 'write_file packing-rome.md', 'read_file packing-rome.md']);
  expect(answer).toContain('I followed the skill `pack`: 2 steps.');
});

it('leaves everything else to the rest of the demo model', () => {
  expect(nextErrandStep(requestOf([said('search packing list for Rome')]))).toBeUndefined();
  expect(nextErrandStep(requestOf([said('make a packing list for Rome')], tools.slice(0, 1)))).toBeUndefined();
  expect(nextErrandStep(requestOf([said('make a packing list for Rome'), said('hello')]))).toBeUndefined();
});
