// A turn of six steps, killed at every journal write, before and after it, then resumed by a new agent on the same database.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AgentTurn } from '../../agent/port.ts';
import type { ModelMessage, ModelReply } from '../../agent/providers/types.ts';
import { defineTool, type Tool } from '../../agent/tools/tool.ts';
import type { Effect } from '../../data/schema.ts';
import { insertInbox, queueInbox } from '../../data/process/inbox.ts';
import { steerIntoTurn, type Turn } from '../../data/process/turns.ts';
import { messageId, userId } from '../../shared/ids.ts';
import {
  makeAgent,
  makeAgentTurn,
  makeCall,
  makeScriptedModel,
  openHome,
  outline,
  startTurn,
  type Home,
  type ScriptedModel,
} from './fixture.ts';

/** What the model says, by how many times it has spoken in this turn. */
const SCRIPT: readonly Partial<ModelReply>[] = [
  { text: 'Looking.', toolCalls: [makeCall('look', { at: 1 }, 'a'), makeCall('look', { at: 2 }, 'b')] },
  { toolCalls: [makeCall('post', { n: 1 }, 'a')] },
  { toolCalls: [makeCall('keep', { n: 1 }, 'a'), makeCall('post', { n: 2 }, 'b'), makeCall('look', { at: 3 }, 'c')] },
  { toolCalls: [makeCall('post', { n: 3 }, 'a'), makeCall('post', { n: 4 }, 'a')] },
  { toolCalls: [makeCall('nothing-like-it', {}, 'a'), makeCall('look', { at: 4 }, 'z')] },
  { text: 'All done.' },
];

class Killed extends Error {}

interface World {
  home: Home;
  /** Journal writes seen so far in this life, and the moment at which the process dies. */
  life: { seen: number; dieAt: number; dead: boolean };
  executed: Map<string, number>;
}

let world: World;

beforeEach(async () => {
  const life = { seen: 0, dieAt: Infinity, dead: false };
  const home = await openHome({
    observe(_when, sql) {
      if (life.dead) throw new Killed('dead');
      if (!sql.startsWith('insert into "journal"')) return;
      life.seen += 1;
      if (life.seen !== life.dieAt) return;
      life.dead = true;
      throw new Killed('killed');
    },
  });
  world = { home, life, executed: new Map() };
});

afterEach(() => world.home.close());

function makeTools(): readonly Tool[] {
  const make = (name: string, effect: Effect) =>
    defineTool({
      name,
      description: name,
      parameters: z.looseObject({}),
      effect,
      origin: 'agent',
      toolset: 'test',
      summarize: () => name,
      async execute(args, context) {
        if (world.life.dead) throw new Killed('dead');
        const id = `${name} ${JSON.stringify(args)}`;
        world.executed.set(id, (world.executed.get(id) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
        return { text: `${id} ${context.idempotencyKey.length}` };
      },
    });
  return [make('look', 'pure'), make('keep', 'idempotent'), make('post', 'once')];
}

function spoken(messages: readonly ModelMessage[]): number {
  return messages.filter((message) => message.role === 'assistant').length;
}

async function live(turn: Turn, dieAt: number, resumed: boolean, extra: Partial<AgentTurn> = {}) {
  Object.assign(world.life, { seen: 0, dieAt, dead: false });
  const model = makeScriptedModel(
    Array.from({ length: 20 }, () => (request) => SCRIPT[spoken(request.messages)] ?? { text: 'beyond the script' }),
  );
  const agent = makeAgent(world.home, model, { tools: makeTools() });
  const result = await agent.run(makeAgentTurn(world.home, turn, { resumed, ...extra }), new AbortController().signal);
  const died = world.life.dead;
  world.life.dead = false;
  return { result, model, died, writes: world.life.seen };
}

function onceRuns(): readonly number[] {
  return [...world.executed].filter(([id]) => id.startsWith('post')).map(([, count]) => count);
}

/** Leaves the conversation of one turn out of the history of the next. */
async function closeTurn(turn: Turn): Promise<void> {
  await world.home.db.query.updateTable('turns').set({ state: 'done' }).where('id', '=', turn.id).execute();
  world.executed.clear();
}

describe('a turn that is killed', () => {
  it('goes on where it was, at every journal write, and repeats nothing that must happen once', async () => {
    const whole = await startTurn(world.home);
    const reference = await live(whole, Infinity, false);
    expect(reference.result).toMatchObject({ end: 'done', text: 'Looking.\n\nAll done.' });
    expect(onceRuns()).toEqual([1, 1, 1, 1]);
    await closeTurn(whole);
    // 6 replies, and 9 calls of known tools with two writes each; each write is seen before and after.
    expect(reference.writes).toBe((6 + 2 * 9) * 2);

    let unknown = 0;
    for (let dieAt = 1; dieAt <= reference.writes; dieAt++) {
      const turn = await startTurn(world.home);
      const first = await live(turn, dieAt, false);
      expect(first.died, `moment ${dieAt}`).toBe(true);
      const second = await live(turn, Infinity, true);
      expect(second.result.end, `moment ${dieAt}`).toBe('done');
      expect(Math.max(0, ...onceRuns()), `moment ${dieAt}`).toBeLessThanOrEqual(1);
      const lines = outline(second.result.transcript);
      const lost = lines.filter((line) => line.includes('Whether it took effect is unknown'));
      if (lost.length === 0) {
        expect(second.result.transcript, `moment ${dieAt}`).toEqual(reference.result.transcript);
        expect(second.result.text).toBe(reference.result.text);
        expect(onceRuns(), `moment ${dieAt}`).toEqual([1, 1, 1, 1]);
      } else {
        unknown += 1;
        expect(lost).toHaveLength(1);
        expect(lost[0]).toContain('tool post failed');
        const differing = lines.filter((line, index) => line !== outline(reference.result.transcript)[index]);
        expect(differing).toEqual(lost);
      }
      // A reply that is on disk is never asked for again.
      const steps = [...first.model.requests, ...second.model.requests].map((request) => spoken(request.messages));
      const asked = steps.length - new Set(steps).size;
      expect(asked, `moment ${dieAt}`).toBeLessThanOrEqual(1);
      await closeTurn(turn);
    }
    // Each of the four effects has two such moments: just after it was begun, just before its end was noted.
    expect(unknown).toBe(8);
  });

  it('survives any number of deaths', async () => {
    const reference = await startTurn(world.home);
    const { writes } = await live(reference, Infinity, false);
    await closeTurn(reference);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: writes }), { maxLength: 8 }), async (deaths) => {
        const turn = await startTurn(world.home);
        let life = await live(turn, deaths[0] ?? Infinity, false);
        for (const dieAt of [...deaths.slice(1), Infinity]) if (life.died) life = await live(turn, dieAt, true);
        expect(life.result).toMatchObject({ end: 'done', text: 'Looking.\n\nAll done.' });
        expect(Math.max(0, ...onceRuns())).toBeLessThanOrEqual(1);
        await closeTurn(turn);
      }),
      { numRuns: 25 },
    );
  });

  it('does not run a tool whose begin could not be noted', async () => {
    const turn = await startTurn(world.home);
    // m1, its two readers, then m2: the write after that is the begin of the first post.
    const begin = (1 + 4 + 1) * 2 + 1;
    const { result, died } = await live(turn, begin, false);
    expect(died).toBe(true);
    expect(result.end).toBe('failed');
    expect(onceRuns()).toEqual([]);
  });
});

describe('messages steered into a turn', () => {
  it('are given once, at the same place, after a restart', async () => {
    const { home } = world;
    const turn = await startTurn(home);
    const stored = await insertInbox(home.db, {
      address: turn.address,
      kind: 'message',
      message: messageId('steered'),
      revision: '',
      user: userId('u'),
      payload: { text: 'and this', attachments: [], senderName: 'Ann', sentAt: 2, addressed: true, bot: false },
    });
    if (!stored) throw new Error('not new');
    const row = stored.id;
    await queueInbox(home.db, row, { person: home.person, session: home.session.id, dueAt: 0 });
    const input = { inbox: row, text: 'and this', files: [], author: 'Ann', origin: 'owner' as const, sentAt: 2 };
    let claims = 0;
    const steer = async (stepKey: string) => {
      if (claims > 0) return [];
      claims += 1;
      await steerIntoTurn(home.db, { turn: turn.id, stepKey, rows: [row], payload: JSON.stringify([input]) });
      return [input];
    };
    // Dies before the second reply is written: the claim is on disk, its use is not.
    const first = await live(turn, (1 + 4 + 1) * 2 + 1, false, { steer });
    expect(first.died).toBe(true);
    expect(claims).toBe(1);
    const inputs = [...makeAgentTurn(home, turn).inputs, input];
    const second = await live(turn, Infinity, true, { steer, inputs });
    const users = outline(second.result.transcript).filter((line) => /^(user|steered)/.test(line));
    expect(users).toEqual(['user: hello', 'steered: and this']);
    expect(outline(second.result.transcript)[4]).toBe('steered: and this');
    expect(lastUserTexts(second.model)).toEqual(['hello', 'and this']);
  });
});

function lastUserTexts(model: ScriptedModel): readonly string[] {
  return (model.requests.at(-1)?.messages ?? []).flatMap((message) =>
    message.role === 'user' ? message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])) : [],
  );
}
