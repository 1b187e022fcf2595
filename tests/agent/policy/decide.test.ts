import { describe, expect, it } from 'vitest';
import { decideTool, type ToolQuestion } from '../../../agent/policy/decide.ts';
import type { Touch } from '../../../agent/tools/tool.ts';
import type { Origin } from '../../../shared/messages.ts';

const CLEAN: readonly Origin[] = ['owner', 'member', 'agent'];
const TAINTED: readonly Origin[] = ['owner', 'foreign'];

function makeQuestion(extra: Partial<ToolQuestion> = {}): ToolQuestion {
  return {
    tool: 'x',
    assessment: { effect: 'once', touches: [] },
    role: 'owner',
    origins: new Set(CLEAN),
    chat: 'dm',
    mode: 'manual',
    rule: undefined,
    addressesSeen: false,
    ...extra,
  };
}

type Effect = ToolQuestion['assessment']['effect'];

// role, effect, what it touches, whose words, chat → verdict and its cause
const TABLE: readonly [ToolQuestion['role'], Effect, readonly Touch[], readonly Origin[], 'dm' | 'group', string][] = [
  ['owner', 'pure', [], CLEAN, 'dm', 'allow'],
  ['owner', 'once', ['people'], CLEAN, 'dm', 'allow'],
  ['owner', 'idempotent', ['memory'], CLEAN, 'dm', 'allow'],
  ['owner', 'reversible', ['workspace'], CLEAN, 'dm', 'allow'],
  ['owner', 'once', ['workspace'], CLEAN, 'dm', 'allow'],
  ['owner', 'once', ['workspace', 'network'], CLEAN, 'dm', 'allow'],
  ['owner', 'once', ['workspace', 'machine'], CLEAN, 'dm', 'ask outside'],
  ['owner', 'pure', ['machine'], CLEAN, 'dm', 'ask outside'],
  ['owner', 'pure', [], TAINTED, 'dm', 'allow'],
  ['owner', 'reversible', ['workspace'], TAINTED, 'dm', 'allow'],
  ['owner', 'once', ['workspace'], TAINTED, 'dm', 'allow'],
  ['owner', 'once', ['workspace', 'network'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'pure', ['network'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'once', ['people'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'idempotent', ['memory'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'reversible', ['settings'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'once', ['money'], TAINTED, 'dm', 'ask foreign'],
  ['owner', 'once', ['people'], CLEAN, 'group', 'ask group'],
  ['owner', 'once', ['workspace'], CLEAN, 'group', 'allow'],
  ['owner', 'idempotent', ['memory'], CLEAN, 'group', 'allow'],
  ['admin', 'once', ['machine'], CLEAN, 'dm', 'ask outside'],
  ['member', 'once', ['people'], CLEAN, 'dm', 'allow'],
  ['member', 'once', ['workspace'], CLEAN, 'dm', 'allow'],
  ['member', 'once', ['machine'], CLEAN, 'dm', 'deny'],
  ['member', 'once', ['people'], TAINTED, 'group', 'ask foreign'],
  ['guest', 'pure', [], CLEAN, 'group', 'allow'],
  ['guest', 'pure', [], TAINTED, 'dm', 'allow'],
  ['guest', 'pure', ['machine'], CLEAN, 'dm', 'deny'],
  ['guest', 'idempotent', ['workspace'], CLEAN, 'dm', 'deny'],
  ['guest', 'reversible', ['workspace'], CLEAN, 'dm', 'deny'],
  ['guest', 'once', [], TAINTED, 'group', 'deny'],
];

function shown(question: ToolQuestion): string {
  const verdict = decideTool(question);
  if (verdict.verdict !== 'allow') expect(verdict.reason).not.toBe('');
  return verdict.verdict === 'ask' ? `ask ${verdict.cause}` : verdict.verdict;
}

describe('decideTool', () => {
  it.each(TABLE)('%s, %s, touching %j after %j in a %s: %s', (role, effect, touches, origins, chat, expected) => {
    expect(shown(makeQuestion({ role, assessment: { effect, touches }, origins: new Set(origins), chat }))).toBe(
      expected,
    );
  });

  it('lets a look at what stood in the conversation pass after foreign words, and nothing else with it', () => {
    const tainted = { origins: new Set(TAINTED), addressesSeen: true } as const;
    expect(shown(makeQuestion({ ...tainted, assessment: { effect: 'pure', touches: ['network'] } }))).toBe('allow');
    expect(shown(makeQuestion({ ...tainted, assessment: { effect: 'once', touches: ['network'] } }))).toBe(
      'ask foreign',
    );
    expect(shown(makeQuestion({ ...tainted, assessment: { effect: 'pure', touches: ['network', 'people'] } }))).toBe(
      'ask foreign',
    );
  });

  it('asks about danger, whatever else is free, unless asking is off', () => {
    const assessment = { effect: 'once', touches: ['workspace'], risk: 'It deletes a folder.' } as const;
    expect(decideTool(makeQuestion({ assessment }))).toEqual({
      verdict: 'ask',
      cause: 'risk',
      reason: 'It deletes a folder.',
    });
    expect(shown(makeQuestion({ assessment, mode: 'smart' }))).toBe('ask risk');
    expect(shown(makeQuestion({ assessment, mode: 'off' }))).toBe('allow');
  });

  it('with asking off still denies what is never done, keeps rules, and asks after foreign words', () => {
    const off = { mode: 'off' } as const;
    const machine = { effect: 'once', touches: ['machine'] } as const;
    expect(shown(makeQuestion({ ...off, assessment: machine }))).toBe('allow');
    expect(shown(makeQuestion({ ...off, assessment: { ...machine, forbidden: 'It destroys a disk.' } }))).toBe('deny');
    expect(shown(makeQuestion({ ...off, assessment: machine, origins: new Set(TAINTED) }))).toBe('ask foreign');
    expect(shown(makeQuestion({ ...off, rule: { verdict: 'ask', words: 'ask first' } }))).toBe('ask rule');
    expect(shown(makeQuestion({ ...off, rule: { verdict: 'deny', words: 'never' } }))).toBe('deny');
  });

  it('is closed for what it does not know', () => {
    // As stored rows of a newer Herald might hold.
    const odd: readonly unknown[] = [
      makeQuestion({ assessment: JSON.parse('{"effect":"unheard-of","touches":[]}') }),
      makeQuestion({ role: JSON.parse('"king"') }),
    ];
    for (const question of odd) expect(decideTool(question as ToolQuestion).verdict).toBe('deny');
  });
});
