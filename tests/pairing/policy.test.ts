import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Person } from '../../data/process/people.ts';
import { canUseCommand, decideAccess, hasRole, type AccessPolicy, type AccessRequest } from '../../pairing/policy.ts';
import { chatId, personId, userId } from '../../shared/ids.ts';
import type { Role } from '../../shared/messages.ts';

const closed: AccessPolicy = {
  allowedUsers: [],
  allowAllUsers: false,
  groupPolicy: 'allowlist',
  allowedChats: [],
  requireMention: true,
  unauthorizedDm: 'code',
};
const ann: Person = { id: personId('p1'), name: 'Ann', role: 'member', createdAt: 1 };
const dm = {
  person: undefined,
  chatKind: 'dm',
  chat: chatId('c1'),
  user: userId('u1'),
  addressed: true,
  bot: false,
  verified: true,
} as const;
const group = { ...dm, chatKind: 'group', chat: chatId('g1') } as const;

const decide = (request: Partial<AccessRequest>, policy: Partial<AccessPolicy> = {}) =>
  decideAccess({ ...dm, ...request, policy: { ...closed, ...policy } });

describe('direct messages', () => {
  test('a paired person may talk, somebody unknown gets a code', () => {
    expect(decide({ person: ann })).toEqual({ allowed: true, kind: 'allow' });
    expect(decide({})).toEqual({ allowed: false, kind: 'offer_code', reason: 'unpaired_dm' });
  });

  test('somebody unknown is ignored where the configuration says so', () => {
    expect(decide({}, { unauthorizedDm: 'ignore' })).toEqual({ allowed: false, kind: 'refuse', reason: 'unpaired_dm' });
  });

  test('the allowlist admits by exact id, or by @name without case', () => {
    expect(decide({}, { allowedUsers: ['u1'] }).kind).toBe('admit');
    expect(decide({}, { allowAllUsers: true }).kind).toBe('admit');
    expect(decide({ username: 'Ann' }, { allowedUsers: ['@ann'] }).kind).toBe('admit');
    expect(decide({ username: '@ann' }, { allowedUsers: ['@ANN'] }).kind).toBe('admit');
    expect(decide({}, { allowedUsers: ['U1', 'u11', 'u', ''] }).kind).toBe('offer_code');
    expect(decide({ username: '' }, { allowedUsers: ['@', ''] }).kind).toBe('offer_code');
  });

  test("a user name that looks like an allowed id does not open another's door", () => {
    expect(decide({ user: userId('999'), username: '123456' }, { allowedUsers: ['123456'] }).kind).toBe('offer_code');
  });

  test('a paired person is not admitted a second time', () => {
    expect(decide({ person: ann }, { allowAllUsers: true }).kind).toBe('allow');
  });
});

describe('groups', () => {
  const open = { groupPolicy: 'open' } as const;
  const cases: readonly [string, Partial<AccessRequest>, Partial<AccessPolicy>, object][] = [
    ['not on the list', { person: ann }, {}, { allowed: false, kind: 'refuse', reason: 'group_not_allowed' }],
    ['on the list', { person: ann }, { allowedChats: ['g1'] }, { allowed: true, kind: 'allow' }],
    [
      'another one on the list',
      { person: ann },
      { allowedChats: ['g11', 'G1'] },
      { allowed: false, kind: 'refuse', reason: 'group_not_allowed' },
    ],
    ['open', { person: ann }, open, { allowed: true, kind: 'allow' }],
    [
      'disabled, though listed',
      { person: ann },
      { groupPolicy: 'disabled', allowedChats: ['g1'], allowAllUsers: true },
      { allowed: false, kind: 'refuse', reason: 'group_disabled' },
    ],
    [
      'not addressed',
      { person: ann, addressed: false },
      open,
      { allowed: false, kind: 'refuse', reason: 'not_addressed' },
    ],
    [
      'no mention needed',
      { person: ann, addressed: false },
      { ...open, requireMention: false },
      { allowed: true, kind: 'allow' },
    ],
    ['unknown sender', {}, open, { allowed: false, kind: 'refuse', reason: 'unpaired_group' }],
    ['listed sender', {}, { ...open, allowedUsers: ['u1'] }, { allowed: true, kind: 'admit' }],
    [
      'listed sender, group not listed',
      {},
      { allowedUsers: ['u1'] },
      { allowed: false, kind: 'refuse', reason: 'group_not_allowed' },
    ],
  ];
  test.each(cases)('%s', (_name, request, policy, expected) => {
    expect(decide({ ...group, ...request }, policy)).toEqual(expected);
  });
});

describe('over all requests', () => {
  const request = fc.record({
    person: fc.constantFrom(undefined, ann),
    chatKind: fc.constantFrom('dm' as const, 'group' as const),
    chat: fc.constantFrom('g1', 'g2').map(chatId),
    user: fc.constantFrom('u1', 'u2').map(userId),
    username: fc.constantFrom(undefined, 'ann', '@Bob'),
    addressed: fc.boolean(),
    bot: fc.boolean(),
    verified: fc.boolean(),
    policy: fc.record({
      allowedUsers: fc.subarray(['u1', '@bob']),
      allowAllUsers: fc.boolean(),
      groupPolicy: fc.constantFrom('allowlist' as const, 'open' as const, 'disabled' as const),
      allowedChats: fc.subarray(['g1']),
      requireMention: fc.boolean(),
      unauthorizedDm: fc.constantFrom('code' as const, 'ignore' as const),
    }),
  });
  const isListed = (r: AccessRequest) =>
    r.policy.allowAllUsers ||
    r.policy.allowedUsers.includes(r.user) ||
    (r.username === '@Bob' && r.policy.allowedUsers.includes('@bob'));

  test('nobody is let in who is neither paired nor listed; bots never; codes in DMs only', () => {
    fc.assert(
      fc.property(request, (r) => {
        const decision = decideAccess(r);
        if (decision.kind === 'allow') expect(r.person).toBeDefined();
        if (decision.kind === 'admit') expect(r.person === undefined && isListed(r)).toBe(true);
        if (r.bot) expect(decision).toEqual({ allowed: false, kind: 'refuse', reason: 'bot' });
        if (!r.verified) expect(decision.allowed || decision.kind === 'offer_code').toBe(false);
        if (decision.kind === 'offer_code')
          expect([r.chatKind, r.person, isListed(r)]).toEqual(['dm', undefined, false]);
        if (decision.allowed && r.chatKind === 'group') {
          expect(r.policy.groupPolicy).not.toBe('disabled');
          expect(r.policy.groupPolicy === 'open' || r.policy.allowedChats.includes(r.chat)).toBe(true);
          expect(r.addressed || !r.policy.requireMention).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('roles', () => {
  const order: readonly Role[] = ['guest', 'member', 'admin', 'owner'];
  test('owner stands above admin, admin above member, member above guest', () => {
    for (const [i, role] of order.entries())
      for (const [j, least] of order.entries()) {
        expect(hasRole(role, least)).toBe(i >= j);
        expect(canUseCommand(role, least)).toEqual(i >= j ? { allowed: true } : { allowed: false, reason: 'role' });
      }
  });
});
