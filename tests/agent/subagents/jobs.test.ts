// What a job is told and may use: nothing of its person where it shall know nothing, and neither it nor its workers more than it was given.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAgent } from '../../../agent/agent.ts';
import { DEFAULT_MEMORY } from '../../../agent/memory/config.ts';
import type { AgentJob } from '../../../agent/port.ts';
import { makeProfileSource } from '../../../agent/profile/source.ts';
import type { ModelRequest } from '../../../agent/providers/types.ts';
import { TOOLS } from '../../../agent/tools/registry.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import { changeMemory } from '../../../data/memory/changes.ts';
import { addOwnClaim } from '../../../data/profile/claims.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import {
  DM,
  makeCall,
  makePorts,
  makeScriptedModel,
  makeSettings,
  makeTestTool,
  openHome,
  type Home,
  type Scripted,
} from '../fixture.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

async function run(
  job: Partial<AgentJob>,
  script: readonly Scripted[] = [{ text: 'ok' }],
  more: readonly Tool[] = [],
): Promise<readonly ModelRequest[]> {
  const model = makeScriptedModel(script);
  const settings = makeSettings(home.dir, [model.link], { memory: DEFAULT_MEMORY });
  const agent = openAgent({
    db: home.db,
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    settings: () => settings,
    ports: makePorts(),
    redact: (text) => text,
    sign: (hash) => hash,
    tools: async () => [...TOOLS, ...more],
    knowledge: [makeProfileSource(home.db)],
  });
  const usual: AgentJob = {
    key: 'run.0',
    name: 'news',
    scope: home.scope,
    role: 'owner',
    address: DM,
    prompt: async () => ({ text: 'Which tea shall I order?', origin: 'member' }),
    tools: ['clock', 'memory', 'recall', 'session_search'],
    model: undefined,
    skills: [],
    capMicroUsd: undefined,
  };
  const { state } = (await agent.jobs?.run({ ...usual, ...job }, new AbortController().signal)) ?? {};
  expect(state).toBe('done');
  await agent.close();
  return model.requests;
}

const toolsOf = (request: ModelRequest | undefined) => (request?.tools ?? []).map(({ name }) => name);

describe('what a job knows of its person', () => {
  const known = ['Drinks tea at four', 'The tea of the shop in Graz was stale', 'Prefers trains over planes'];
  beforeEach(async () => {
    const edited = { author: 'agent', origin: 'agent', title: 'x' } as const;
    await changeMemory(home.db, home.scope, edited, async (edit) => {
      await edit.add({ target: 'user', place: 'core', state: 'active', text: known[0] ?? '', approved: false });
      await edit.add({ target: 'memory', place: 'archive', state: 'active', text: known[1] ?? '', approved: false });
    });
    await addOwnClaim(home.db, home.scope, { kind: 'preference', text: known[2] ?? '' });
  });

  it.each([undefined, true])(
    'is all that is remembered, with memory %s: core, archive, model of them',
    async (memory) => {
      const [request] = await run({ memory });
      for (const text of known) expect(JSON.stringify(request)).toContain(text);
    },
  );

  it('is nothing where its memory is off, nor has it tools that would tell', async () => {
    const [request] = await run({ memory: false });
    for (const text of known) expect(JSON.stringify(request)).not.toContain(text);
    expect(JSON.stringify(request)).not.toMatch(/MEMORY|USER PROFILE|About this person/);
    expect(toolsOf(request)).toContain('clock');
    expect(toolsOf(request).filter((name) => ['memory', 'recall', 'session_search'].includes(name))).toEqual([]);
  });
});

describe('what a job may use', () => {
  const seen: (readonly string[])[] = [];
  const isJobs: boolean[] = [];
  const look = makeTestTool('look', {
    execute: async (_args, { calls, tree }) => {
      seen.push(calls.names);
      isJobs.push(tree.isJob === true || tree.within !== undefined);
      return { text: 'seen' };
    },
  });
  const schedule = makeTestTool('schedule', { toolset: 'schedule' });
  beforeEach(() => {
    seen.length = 0;
    isJobs.length = 0;
  });
  const useLook = { toolCalls: [makeCall('look')] };

  it('is what was named: `schedule` only where its person named it', async () => {
    await run({ tools: ['look', 'clock'] }, [useLook, { text: 'ok' }], [look, schedule]);
    await run({ tools: ['look', 'schedule'], key: 'run.1' }, [useLook, { text: 'ok' }], [look, schedule]);
    expect(seen.map((names) => names.includes('schedule'))).toEqual([false, true]);
    expect(isJobs).toEqual([true, true]);
  });

  it('is no more for its workers, nor for theirs, whatever its person may use', async () => {
    const delegate = (id: string) => ({ toolCalls: [makeCall('delegate_task', { tasks: [{ goal: 'go' }] }, id)] });
    const script = [delegate('a'), delegate('b'), useLook, { text: 'below' }, { text: 'worker' }, { text: 'ok' }];
    await run({ tools: ['look', 'delegate_task'] }, script, [look, schedule]);
    expect(seen.map((names) => names.filter((name) => name !== 'board').toSorted())).toEqual([
      ['delegate_task', 'look'],
    ]);
    expect(isJobs).toEqual([true]);
  });
});
