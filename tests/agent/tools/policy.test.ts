import { describe, expect, it } from 'vitest';
import { decideTool, type ToolQuestion } from '../../../agent/tools/policy.ts';
import type { Origin } from '../../../shared/messages.ts';

const CLEAN: readonly Origin[] = ['owner', 'member', 'agent'];
const TAINTED: readonly Origin[] = ['owner', 'foreign'];

// role, effect, whose words, chat → verdict
const TABLE: readonly [ToolQuestion['role'], ToolQuestion['effect'], readonly Origin[], 'dm' | 'group', string][] = [
  ['owner', 'pure', CLEAN, 'dm', 'allow'],
  ['owner', 'idempotent', CLEAN, 'dm', 'allow'],
  ['owner', 'reversible', CLEAN, 'dm', 'allow'],
  ['owner', 'once', CLEAN, 'dm', 'allow'],
  ['owner', 'pure', TAINTED, 'dm', 'allow'],
  ['owner', 'idempotent', TAINTED, 'dm', 'ask'],
  ['owner', 'reversible', TAINTED, 'dm', 'ask'],
  ['owner', 'once', TAINTED, 'dm', 'ask'],
  ['owner', 'once', CLEAN, 'group', 'ask'],
  ['owner', 'idempotent', CLEAN, 'group', 'allow'],
  ['admin', 'once', CLEAN, 'dm', 'allow'],
  ['member', 'once', CLEAN, 'dm', 'allow'],
  ['member', 'once', TAINTED, 'group', 'ask'],
  ['guest', 'pure', CLEAN, 'group', 'allow'],
  ['guest', 'pure', TAINTED, 'dm', 'allow'],
  ['guest', 'idempotent', CLEAN, 'dm', 'deny'],
  ['guest', 'reversible', CLEAN, 'dm', 'deny'],
  ['guest', 'once', TAINTED, 'group', 'deny'],
];

describe('decideTool', () => {
  it.each(TABLE)('%s, %s, %j in a %s: %s', (role, effect, origins, chat, verdict) => {
    const decided = decideTool({ tool: 'x', effect, role, origins: new Set(origins), chat });
    expect(decided.verdict).toBe(verdict);
    if (decided.verdict !== 'allow') expect(decided.reason).not.toBe('');
  });

  it('is closed for what it does not know', () => {
    const base: ToolQuestion = { tool: 'x', effect: 'once', role: 'owner', origins: new Set(), chat: 'dm' };
    // As stored rows of a newer Herald might hold.
    const odd: readonly unknown[] = [
      { ...base, effect: 'unheard-of' },
      { ...base, role: 'king' },
    ];
    for (const question of odd) expect(decideTool(question as ToolQuestion).verdict).toBe('deny');
  });
});
