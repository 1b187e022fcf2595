import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AgentEvent } from '../../../agent/events.ts';
import type { ToolOutcome, TurnJournal } from '../../../agent/journal.ts';
import { makeDispatcher, type DispatcherInput } from '../../../agent/tools/dispatcher.ts';
import { TOOLS } from '../../../agent/tools/registry.ts';
import { defineTool, type ToolDefinition } from '../../../agent/tools/tool.ts';
import { decideApproval } from '../../../data/policy/approvals.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { Effect } from '../../../data/schema.ts';
import { openSeenAddresses } from '../../../agent/policy/seen.ts';
import { openResult } from '../../../data/work/results.ts';
import { silentLog } from '../../../shared/log.ts';
import { DM, makeCall, makePorts, openHome, startTurn, type Home } from '../fixture.ts';
import type { Turn } from '../../../data/process/turns.ts';

let home: Home;
let turn: Turn;
beforeEach(async () => {
  home = await openHome();
  turn = await startTurn(home);
});
afterEach(() => home.close());

function makeJournal(effect: Effect): TurnJournal & { rows: Map<string, ToolOutcome | 'started'> } {
  const rows = new Map<string, ToolOutcome | 'started'>();
  return {
    rows,
    reply: () => undefined,
    recordReply: async () => undefined,
    tool(key) {
      const row = rows.get(key);
      if (row === undefined) return undefined;
      return row === 'started' ? { state: 'started', effect } : { state: 'done', outcome: row };
    },
    keysWith: (prefix) => [...rows.keys()].filter((key) => key.startsWith(prefix)),
    startTool: async (key) => void rows.set(key, 'started'),
    finishTool: async (key, outcome) => void rows.set(key, outcome),
    steered: () => undefined,
    allSteered: () => [],
  };
}

function setUp(
  definition: Partial<ToolDefinition<{ text?: string | undefined }>>,
  extra: Partial<DispatcherInput> = {},
) {
  const journal = makeJournal(definition.effect ?? 'pure');
  const events: AgentEvent[] = [];
  const ports = makePorts();
  const dispatcher = makeDispatcher({
    tools: [
      defineTool({
        name: 'tool',
        description: 'A tool',
        parameters: z.strictObject({ text: z.string().max(5).optional() }),
        effect: 'pure',
        origin: 'agent',
        toolset: 'test',
        summarize: ({ text }) => `running ${text ?? ''}`,
        execute: async () => ({ text: 'fine' }),
        ...definition,
      }),
    ],
    journal,
    approvals: ports,
    policy: { mode: 'manual', rules: [], seen: openSeenAddresses(), sign: undefined },
    context: {
      ...ports,
      db: home.db,
      clock: systemClock,
      scope: home.scope,
      role: 'owner',
      session: home.session.id,
      turn: turn.id,
      address: DM,
      timezone: 'UTC',
      workspace: '/nowhere',
      tree: { root: turn.id, task: undefined, name: 'Herald', depth: 0 },
    },
    origins: new Set(),
    limits: { timeoutMs: 1_000, maxResultChars: 1_000, approvalTtlMs: 1_000 },
    redact: (text) => text.replaceAll('hunter2', '***'),
    emit: (event) => void events.push(event),
    log: silentLog,
    signal: new AbortController().signal,
    ...extra,
  });
  return { dispatcher, journal, events };
}

describe('a call', () => {
  it('is journaled before it runs and after it, and shown', async () => {
    const order: unknown[] = [];
    const { dispatcher, journal, events } = setUp({
      execute: async () => {
        order.push(journal.rows.get('k'));
        return { text: 'fine' };
      },
    });
    expect(await dispatcher.run('k', makeCall('tool', { text: 'x' }))).toEqual({
      text: 'fine',
      isError: false,
      origin: 'agent',
    });
    expect(order).toEqual(['started']);
    expect(journal.rows.get('k')).toMatchObject({ text: 'fine' });
    expect(events).toEqual([
      { type: 'tool_start', callId: 'call_1', name: 'tool', summary: 'running x' },
      { type: 'tool_end', callId: 'call_1', name: 'tool', ok: true },
    ]);
  });

  it('does not run again when the journal has its result', async () => {
    let runs = 0;
    const { dispatcher, journal, events } = setUp({ execute: async () => ({ text: String(++runs) }) });
    journal.rows.set('k', { text: 'before', isError: false, origin: 'foreign' });
    expect(await dispatcher.run('k', makeCall('tool'))).toMatchObject({ text: 'before' });
    expect(runs).toBe(0);
    expect(events).toEqual([]);
  });

  it.each([
    ['pure', 1],
    ['idempotent', 1],
    ['reversible', 0],
    ['once', 0],
  ] as const)('of effect %s that was begun before a restart runs %i times', async (effect, expected) => {
    let runs = 0;
    const { dispatcher, journal } = setUp({ effect, execute: async () => ({ text: String(++runs) }) });
    journal.rows.set('k', 'started');
    const outcome = await dispatcher.run('k', makeCall('tool'));
    expect(runs).toBe(expected);
    expect(outcome.isError).toBe(expected === 0);
    if (expected === 0) expect(outcome.text).toContain('Whether it took effect is unknown');
    expect(journal.rows.get('k')).toEqual(outcome);
  });

  it('that takes too long is ended', async () => {
    let aborted = false;
    const { dispatcher } = setUp(
      {
        effect: 'once',
        execute: (_args, context) =>
          new Promise(() => {
            context.signal.addEventListener('abort', () => (aborted = true));
          }),
      },
      { limits: { timeoutMs: 30, maxResultChars: 1_000, approvalTtlMs: 0 } },
    );
    const outcome = await dispatcher.run('k', makeCall('tool'));
    expect(outcome).toMatchObject({ isError: true });
    expect(outcome.text).toMatch(/was stopped after 0 s\. Whether it took effect is unknown/);
    expect(aborted).toBe(true);
  });

  it('has its result cleaned, redacted and capped, with head and tail and a marker', async () => {
    const { dispatcher } = setUp({ execute: async () => ({ text: `HEAD\u0000 hunter2 ${'x'.repeat(5_000)} TAIL` }) });
    const { text } = await dispatcher.run('k', makeCall('tool'));
    expect(text.length).toBeLessThanOrEqual(1_000);
    expect(text).toMatch(/^HEAD \*\*\* x/);
    expect(text).toMatch(/TAIL$/);
    expect(text).toMatch(/\d+ of \d+ characters of result:\w+ are left out/);
    const [, id = ''] = /result:(\w+)/.exec(text) ?? [];
    const kept = await openResult(home.db, home.scope, id);
    expect(kept?.text).toBe(`HEAD *** ${'x'.repeat(5_000)} TAIL`);
  });

  it('that throws is told to the model, without secrets', async () => {
    const { dispatcher, events } = setUp({
      execute: async () => {
        throw new Error('bad password hunter2');
      },
    });
    expect(await dispatcher.run('k', makeCall('tool'))).toEqual({
      text: 'tool failed: Error: bad password ***',
      isError: true,
      origin: 'agent',
    });
    expect(events.at(-1)).toMatchObject({ type: 'tool_end', ok: false });
  });

  it('taints the rest of the turn when it brings foreign words', async () => {
    const origins: DispatcherInput['origins'] = new Set();
    const { dispatcher } = setUp({ origin: 'foreign' }, { origins });
    await dispatcher.run('k', makeCall('tool'));
    expect(origins.has('foreign')).toBe(true);
  });

  it('is refused with the issues when its arguments do not fit', async () => {
    const { dispatcher, journal } = setUp({});
    const outcome = await dispatcher.run('k', makeCall('tool', { text: 'too long', other: 1 }));
    expect(outcome).toMatchObject({ isError: true });
    expect(outcome.text).toMatch(/text: .*5 char.*other/s);
    expect(journal.rows.size).toBe(0);
  });

  it('rejects when the turn is cancelled, within the time that a turn has', async () => {
    const controller = new AbortController();
    const { dispatcher } = setUp({ execute: () => new Promise(() => undefined) }, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('why')), 10);
    const startedAt = performance.now();
    await expect(dispatcher.run('k', makeCall('tool'))).rejects.toMatchObject({ code: 'cancelled' });
    expect(performance.now() - startedAt).toBeLessThan(800);
  });

  it('gives up when the journal cannot be written, without running', async () => {
    let runs = 0;
    const { dispatcher, journal } = setUp({ execute: async () => ({ text: String(++runs) }) });
    journal.startTool = async () => {
      throw new Error('disk full');
    };
    await expect(dispatcher.run('k', makeCall('tool'))).rejects.toThrow('disk full');
    expect(runs).toBe(0);
  });
});

describe('an approval', () => {
  const definition = { effect: 'once' as const };

  function setUpAsking(answer: boolean, journal = makeJournal('once')) {
    let asked = 0;
    const approvals = {
      requestApproval: async (approval: { id: string }) => {
        asked += 1;
        await decideApproval(home.db, home.scope, approval.id, { allow: answer });
      },
    };
    const made = setUp(definition, { approvals, journal, origins: new Set(['foreign']) });
    return { ...made, asked: () => asked };
  }

  it('that was given counts for one run of the same arguments', async () => {
    const first = setUpAsking(true);
    expect(await first.dispatcher.run('k', makeCall('tool', { text: 'x' }))).toMatchObject({ text: 'fine' });
    expect(first.asked()).toBe(1);
    // A restart between taking the approval and noting the begin: it has not run, and nobody is asked again.
    const again = setUpAsking(true);
    expect(await again.dispatcher.run('k', makeCall('tool', { text: 'x' }))).toMatchObject({ text: 'fine' });
    expect(again.asked()).toBe(0);
    // Other bytes under the same key are not what was allowed.
    const other = setUpAsking(true);
    expect(await other.dispatcher.run('k', makeCall('tool', { text: 'y' }))).toMatchObject({ isError: true });
  });

  it('that was refused keeps the call from running, also after a restart', async () => {
    const first = setUpAsking(false);
    expect((await first.dispatcher.run('k', makeCall('tool'))).text).toContain('said no');
    const again = setUpAsking(true);
    expect((await again.dispatcher.run('k', makeCall('tool'))).text).toContain('said no');
    expect(again.asked()).toBe(0);
  });

  it('that cannot be asked for keeps the call from running', async () => {
    const approvals = {
      requestApproval: async () => {
        throw new Error('chat is gone');
      },
    };
    const { dispatcher, journal } = setUp(definition, { approvals, origins: new Set(['foreign']) });
    expect((await dispatcher.run('k', makeCall('tool'))).text).toContain('could not be asked');
    expect(journal.rows.get('k')).toMatchObject({ isError: true });
  });

  it('that is waited for ends with the turn', async () => {
    const controller = new AbortController();
    const approvals = { requestApproval: () => new Promise<never>(() => undefined) };
    const { dispatcher } = setUp(definition, {
      approvals,
      origins: new Set(['foreign']),
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 10);
    await expect(dispatcher.run('k', makeCall('tool'))).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('the registry', () => {
  it('has tools with schemas that models can read, and unique names', () => {
    expect(new Set(TOOLS.map((tool) => tool.name)).size).toBe(TOOLS.length);
    for (const { schema } of TOOLS) {
      expect(schema.name).toMatch(/^[a-z][a-z0-9_]{1,63}$/);
      expect(schema.parameters).toMatchObject({ type: 'object' });
      expect(schema.parameters).not.toHaveProperty('$schema');
    }
  });
});
