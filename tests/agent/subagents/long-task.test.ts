// A task of 20 steps with workers, killed at every step and taken up by a new process: its transcript is that of an undisturbed run.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import type { ModelReply, ModelRequest, ToolCall } from '../../../agent/providers/types.ts';
import { defineTool } from '../../../agent/tools/tool.ts';
import { listTasks } from '../../../data/work/tasks.ts';
import { listCells } from '../../../data/work/board.ts';
import type { Turn } from '../../../data/process/turns.ts';
import { makeAgent, makeAgentTurn, makeCall, makeScriptedModel, openHome, startTurn, type Home } from '../fixture.ts';

class Killed extends Error {}

let home: Home;
/** Moments of this life at which a step was on disk, and the one at which the process dies. */
const life = { seen: 0, dieAt: Infinity, dead: false };
/** What was done outside, by its key: an idempotent effect may be asked for again, and happens once. */
let effects: Map<string, number>;

beforeEach(async () => {
  effects = new Map();
  home = await openHome({
    observe(when, sql) {
      if (life.dead) throw new Killed('dead');
      if (when !== 'after' || !sql.startsWith('insert into "journal"')) return;
      life.seen += 1;
      if (life.seen !== life.dieAt) return;
      life.dead = true;
      throw new Killed('killed');
    },
  });
});
afterEach(() => home.close());

const store = defineTool({
  name: 'store',
  description: 'Stores a value',
  parameters: z.strictObject({ key: z.string(), value: z.string() }),
  effect: 'idempotent',
  touches: [],
  origin: 'agent',
  toolset: 'test',
  summarize: () => 'storing',
  async execute({ key, value }) {
    if (life.dead) throw new Killed('dead');
    effects.set(key, (effects.get(key) ?? 0) + 1);
    return { text: `${key} = ${value}` };
  },
});

const call = (id: string, name: string, args: Parameters<typeof makeCall>[1]): ToolCall => makeCall(name, args, id);
const stored = (n: number): ToolCall => call(`s${n}`, 'store', { key: `step ${n}`, value: `v${n}` });

const STEPS = 20;
const WORKERS = ['one', 'two', 'three'];

/** What the parent says in step `n`, from 1 on. */
function parentStep(n: number): Partial<ModelReply> {
  if (n > STEPS) return { text: 'All twenty steps are done.' };
  if (n === 5)
    return {
      toolCalls: [call('d5', 'delegate_task', { tasks: WORKERS.map((name) => ({ goal: `part ${name}`, name })) })],
    };
  if (n === 12)
    return { toolCalls: [call('d12', 'delegate_task', { tasks: [{ goal: 'check it all', name: 'checker' }] })] };
  if (n === 8) return { toolCalls: [call('b8', 'board', { action: 'list' }), stored(8)] };
  return { text: n % 4 === 0 ? `Step ${n}.` : '', toolCalls: [stored(n)] };
}

/** A worker writes to the board, stores two values, and answers. */
function workerStep(name: string, n: number): Partial<ModelReply> {
  switch (n) {
    case 1:
      return {
        toolCalls: [call('w1', 'board', { action: 'put', key: `part ${name}`, value: `by ${name}`, version: 0 })],
      };
    case 2:
      return {
        toolCalls: [
          call('w2', 'store', { key: `${name} a`, value: '1' }),
          call('w3', 'store', { key: `${name} b`, value: '2' }),
        ],
      };
    default:
      return { text: `${name} is ready` };
  }
}

function mind(request: ModelRequest): Partial<ModelReply> {
  const n = request.messages.filter((message) => message.role === 'assistant').length + 1;
  const [, name] = /Your name is ([^.]+)\./.exec(request.system.map(({ text }) => text).join('\n')) ?? [];
  return name === undefined ? parentStep(n) : workerStep(name, n);
}

async function live(turn: Turn, dieAt: number, resumed: boolean) {
  Object.assign(life, { seen: 0, dieAt, dead: false });
  const agent = makeAgent(home, makeScriptedModel(Array.from({ length: 200 }, () => mind)), {
    tools: [store],
    settings: { maxIterations: 60 },
  });
  const result = await agent.run(makeAgentTurn(home, turn, { resumed }), new AbortController().signal);
  await agent.close();
  const outcome = { result, died: life.dead, steps: life.seen };
  life.dead = false;
  return outcome;
}

/** What one whole run leaves. */
async function leftBy(turn: Turn) {
  const cells = await listCells(home.db, home.scope, turn.id);
  const tasks = await listTasks(home.db, home.scope, { root: turn.id, limit: 20 });
  return {
    cells: cells.map(({ key, value, version, author }) => ({ key, value, version, author })),
    tasks: tasks
      .map(({ name, state, result }) => ({ name, state, result }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    effects: [...effects.keys()].toSorted(),
  };
}

async function close(turn: Turn): Promise<void> {
  await home.db.query.updateTable('turns').set({ state: 'done' }).where('id', '=', turn.id).execute();
  effects.clear();
}

it('ends as if nothing had happened, wherever it is killed', { timeout: 120_000 }, async () => {
  const whole = await startTurn(home);
  const reference = await live(whole, Infinity, false);
  expect(reference.result).toMatchObject({ end: 'done', text: expect.stringContaining('All twenty steps are done.') });
  const left = await leftBy(whole);
  expect(left.cells).toHaveLength(4);
  expect(left.tasks.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
  await close(whole);
  expect(reference.steps).toBeGreaterThan(70);

  for (let dieAt = 1; dieAt <= reference.steps; dieAt++) {
    const turn = await startTurn(home);
    expect((await live(turn, dieAt, false)).died, `step ${dieAt}`).toBe(true);
    const second = await live(turn, Infinity, true);
    expect(second.result.transcript, `step ${dieAt}`).toEqual(reference.result.transcript);
    expect(second.result.text, `step ${dieAt}`).toBe(reference.result.text);
    expect(await leftBy(turn), `step ${dieAt}`).toEqual(left);
    await close(turn);
  }
});
