// Getting leave for a call: what is remembered of a person's answers, and what is not.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openPermissions, type PermissionInput, type TurnPolicy } from '../../../agent/policy/permission.ts';
import { ruleSpecSchema } from '../../../agent/policy/rules.ts';
import { openSeenAddresses } from '../../../agent/policy/seen.ts';
import { defineTool, type Assessment } from '../../../agent/tools/tool.ts';
import { decideApproval } from '../../../data/policy/approvals.ts';
import { listGrants, revokeGrant } from '../../../data/policy/grants.ts';
import { listLedger } from '../../../data/process/work/ledger.ts';
import type { Turn } from '../../../data/process/turns.ts';
import type { ApprovalChoice } from '../../../data/schema.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Origin } from '../../../shared/messages.ts';
import { DM, openHome, startTurn, type Home } from '../fixture.ts';

let home: Home;
let turn: Turn;
beforeEach(async () => {
  home = await openHome();
  turn = await startTurn(home);
});
afterEach(() => home.close());

const PUSH = { key: 'git push in /shop', title: '`git push` in /shop', wide: false };
const OUTSIDE: Assessment = { effect: 'once', touches: ['machine'], grant: PUSH };

function makeTool(assessment: Assessment) {
  return defineTool({
    name: 'run',
    description: 'Runs',
    parameters: z.strictObject({ n: z.number() }),
    effect: 'once',
    origin: 'agent',
    toolset: 'test',
    assess: () => assessment,
    summarize: () => 'running',
    execute: async () => ({ text: 'ran' }),
  });
}

function setUp(options: {
  answer?: ApprovalChoice | 'deny' | 'none';
  assessment?: Assessment;
  origins?: readonly Origin[];
  policy?: Partial<TurnPolicy>;
}) {
  const { answer = 'none', assessment = OUTSIDE } = options;
  const asked: string[] = [];
  const input: PermissionInput = {
    policy: { mode: 'manual', rules: [], seen: openSeenAddresses(), sign: (hash) => hash, ...options.policy },
    approvals: {
      async requestApproval(approval) {
        asked.push(approval.why);
        if (answer === 'none') return;
        const decision = answer === 'deny' ? { allow: false, reason: 'no' } : { allow: true, choice: answer };
        await decideApproval(home.db, home.scope, approval.id, decision);
      },
    },
    origins: new Set(options.origins ?? ['owner']),
    approvalTtlMs: 1_000,
    at: {
      db: home.db,
      clock: systemClock,
      scope: home.scope,
      role: 'owner',
      session: home.session.id,
      turn: turn.id,
      address: DM,
      workspace: '/w',
    },
    log: silentLog,
    signal: new AbortController().signal,
  };
  const permissions = openPermissions(input);
  const tool = makeTool(assessment);
  let calls = 0;
  return {
    asked,
    permissions,
    ask(n = 1) {
      const prepared = tool.prepare({ n });
      if (!prepared.ok) throw new Error(prepared.problem);
      return permissions.ask({ key: `t${++calls}.${Math.random()}`, tool, call: prepared.call });
    },
  };
}

const kinds = async () => (await listLedger(home.db, 50)).map(({ kind }) => kind).toReversed();

describe('an answer', () => {
  it('once counts for its one call', async () => {
    const { ask, asked } = setUp({ answer: 'once' });
    expect(await ask()).toMatchObject({ allowed: true });
    expect(await ask()).toMatchObject({ allowed: true });
    expect(asked).toHaveLength(2);
    expect(await listGrants(home.db, home.scope)).toEqual([]);
  });

  it.each(['session', 'always'] as const)(
    '%s counts for calls of the same kind, until it is taken back',
    async (answer) => {
      const { ask, asked } = setUp({ answer });
      await ask(1);
      expect(await ask(2)).toMatchObject({ allowed: true });
      expect(asked).toHaveLength(1);
      const [grant] = await listGrants(home.db, home.scope);
      expect(grant).toMatchObject({
        key: 'git push in /shop',
        uses: 1,
        session: answer === 'session' ? home.session.id : undefined,
      });
      const other = setUp({ assessment: { ...OUTSIDE, grant: { ...PUSH, key: 'git push in /home' } } });
      expect(await other.ask()).toMatchObject({ allowed: false });
      await revokeGrant(home.db, home.scope, grant?.id ?? '');
      await ask(3);
      expect(asked).toHaveLength(2);
    },
  );

  it('no is told with its reason', async () => {
    expect(await setUp({ answer: 'deny' }).ask()).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('said no: no'),
    });
    expect(await kinds()).toEqual(['request', 'decision']);
  });

  it('none in time is a refusal', async () => {
    expect(await setUp({}).ask()).toMatchObject({ allowed: false, reason: expect.stringContaining('did not answer') });
  });
});

describe('after words of others', () => {
  it('a narrow grant counts, a wide one does not and is not offered', async () => {
    const wide = { ...OUTSIDE, grant: { key: 'git *', title: '`git *`', wide: true } };
    await setUp({ answer: 'always' }).ask();
    await setUp({ answer: 'always', assessment: wide }).ask();
    const narrowLater = setUp({ origins: ['foreign'] });
    expect(await narrowLater.ask()).toMatchObject({ allowed: true });
    expect(narrowLater.asked).toEqual([]);
    const wideLater = setUp({ origins: ['foreign'], assessment: wide, answer: 'always' });
    expect(await wideLater.ask()).toMatchObject({ allowed: true });
    expect(wideLater.asked).toHaveLength(1);
    expect(await listGrants(home.db, home.scope)).toHaveLength(2);
  });
});

describe('a standing rule', () => {
  it('asks each time, whatever was allowed before', async () => {
    await setUp({ answer: 'always' }).ask();
    const rule = {
      verdict: 'ask',
      words: 'ask before pushing',
      specs: [ruleSpecSchema.parse({ tools: ['run'] })],
    } as const;
    const ruled = setUp({ answer: 'always', policy: { rules: [rule] } });
    await ruled.ask();
    await ruled.ask();
    expect(ruled.asked).toEqual([expect.stringContaining('ask before pushing'), expect.anything()]);
    expect(await listGrants(home.db, home.scope)).toHaveLength(1);
  });
});

describe('in mode smart', () => {
  it('a model may let danger pass, not what rules or words of others hold back', async () => {
    const judged: string[] = [];
    const policy: Partial<TurnPolicy> = {
      mode: 'smart',
      judge: async ({ arguments: args }) => {
        judged.push(args);
        return true;
      },
    };
    const clean = setUp({ policy });
    expect(await clean.ask()).toMatchObject({ allowed: true });
    expect([clean.asked, judged]).toEqual([[], ['{"n":1}']]);
    expect(await setUp({ policy, origins: ['foreign'] }).ask()).toMatchObject({ allowed: false });
    const rule = { verdict: 'ask', words: 'always ask', specs: [ruleSpecSchema.parse({})] } as const;
    expect(await setUp({ policy: { ...policy, rules: [rule] } }).ask()).toMatchObject({ allowed: false });
    expect(judged).toHaveLength(1);
  });

  it('what the model does not hold for harmless is asked', async () => {
    const doubtful = setUp({ policy: { mode: 'smart', judge: async () => false }, answer: 'once' });
    expect(await doubtful.ask()).toMatchObject({ allowed: true });
    expect(doubtful.asked).toHaveLength(1);
  });
});

describe('the record', () => {
  it('has request, decision, execution and result of what was asked, and how it was allowed without asking', async () => {
    const { ask, permissions } = setUp({ answer: 'always' });
    const permit = await ask();
    if (!permit.allowed || permit.record === undefined) throw new Error('not allowed');
    await permissions.noteResult(permit.record, { text: 'ran', isError: false });
    await ask();
    expect(await kinds()).toEqual(['request', 'decision', 'grant', 'execution', 'result', 'execution']);
    const text = JSON.stringify(await listLedger(home.db, 50));
    expect(text).toContain('"by\\":\\"grant\\"');
    expect(text).not.toContain('git push');
  });

  it('has nothing of what is free', async () => {
    expect(await setUp({ assessment: { effect: 'once', touches: ['workspace'] } }).ask()).toEqual({ allowed: true });
    expect(await kinds()).toEqual([]);
  });
});
