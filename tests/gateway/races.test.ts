// What two things at the same moment, a failure in between, or an end in the middle do to a message: it is answered once, in order, and
// its row ends.
import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import type { Adapter, SendResult } from '../../adapters/contract.ts';
import { openLanes } from '../../gateway/lanes.ts';
import { chatId, inboxId, messageId, sessionId, userId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { openTemporaryData } from '../data/temporary-data.ts';
import { makeFakeClock } from '../support/fake-clock.ts';
import { makeFakePlatform, type FakePlatform } from '../support/fake-platform.ts';
import {
  answer,
  echo,
  openTestGateway,
  type RunTurn,
  type TestGateway,
  type TestGatewayOptions,
} from '../support/gateway.ts';

const opened: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

async function open(fake: FakePlatform, options: Partial<TestGatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({ platforms: [fake], ...options });
  opened.push(gateway);
  return gateway;
}

const states = async (gateway: TestGateway) => {
  const rows = await gateway.db.query.selectFrom('inbox').select('state').orderBy('seq').execute();
  return rows.map((row) => row.state);
};

/** What was answered, in order: one line per message, however many were taken together. */
const echoed = (fake: FakePlatform) =>
  fake.texts().flatMap((text) => (text.startsWith('echo: ') ? text.slice(6).split(' | ') : []));

const LATER = { sentAt: Date.UTC(2026, 10, 21, 12, 5) };

/** Lets `count` reactions of promises run: finer than any await of the product. */
async function reactions(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Ends the gateway in order, as SIGTERM does, and gives back its home for the next start. */
async function stopInOrder(gateway: TestGateway): Promise<string> {
  const stopped = gateway.core.stop();
  for (let round = 0; round < 20; round++) await gateway.clock.advance(200);
  await stopped;
  opened.splice(opened.indexOf(gateway), 1);
  return gateway.crash();
}

/** The platform with some methods of its adapter replaced. */
function changed(fake: FakePlatform, change: (adapter: Adapter) => Partial<Adapter>): FakePlatform {
  const { load } = fake.account;
  return {
    ...fake,
    account: {
      ...fake.account,
      async load() {
        const adapter = await load();
        return { ...adapter, ...change(adapter) };
      },
    },
  };
}

/** Never ends by itself. */
const untilCut: RunTurn = (_turn, signal) =>
  new Promise((resolve) => {
    const end = () => resolve({ end: 'stopped', text: 'Stopped.', files: [], transcript: [] });
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });

describe('an end in order', () => {
  it('at any moment after messages came in leaves nothing unanswered and nothing answered twice', async () => {
    for (let moment = 0; moment < 360; moment += 12) {
      const fake = makeFakePlatform();
      const first = await open(fake);
      await first.pair(fake, 'ann');
      await fake.say('first half', { partial: true });
      await fake.say('second half');
      await reactions(moment);
      const home = await stopInOrder(first);
      const second = await open(fake, { home, clock: first.clock });
      await second.clock.advance(1_000);
      await second.settle();
      expect(echoed(fake), `stopped after ${moment} reactions`).toEqual(['first half', 'second half']);
      expect(await states(second)).toEqual(['answered', expect.stringMatching(/answered|merged/)]);
      await second.close();
      opened.splice(opened.indexOf(second), 1);
    }
  });

  it('waits for a turn that is just being begun', async () => {
    const fake = makeFakePlatform();
    for (let moment = 0; moment < 300; moment += 15) {
      let running = 0;
      const gateway = await open(fake, {
        run: async (turn, signal) => {
          running++;
          const result = await untilCut(turn, signal);
          running--;
          return result;
        },
      });
      await gateway.pair(fake, 'ann');
      await fake.say('hello');
      await reactions(moment);
      await stopInOrder(gateway);
      expect(running, `stopped after ${moment} reactions`).toBe(0);
    }
  });

  it('ends lanes for good: a message that comes later does not spin', async () => {
    const { db } = await openTemporaryData();
    const clock = makeFakeClock();
    const unused = () => {
      throw new Error('not part of this test');
    };
    const lanes = openLanes({
      db,
      clock,
      log: silentLog,
      settings: {
        maxConcurrentTurns: 1,
        debounceMs: 0,
        queueMode: 'queue',
        receipts: false,
        turnTimeoutMs: 1_000,
        ttlMs: 1_000,
        backfill: { maxAgeMs: 1_000, maxMessages: 10 },
        drainMs: 0,
        dmScope: 'person',
        access: unused,
      },
      poster: { rows: unused, post: unused, wake: unused },
      turns: { run: unused, resume: unused },
    });
    const stopped = lanes.stop();
    await clock.advance(1);
    await stopped;
    const fake = makeFakePlatform();
    await lanes.arrived(
      {
        id: inboxId('1'),
        address: fake.address(),
        kind: 'message',
        message: messageId('1'),
        revision: '',
        user: userId('ann'),
        payload: { text: '', attachments: [], senderName: '', sentAt: 0, addressed: true, bot: false },
        state: 'queued',
        reason: undefined,
        person: undefined,
        session: undefined,
        turn: undefined,
        receivedAt: 0,
        dueAt: 0,
      },
      sessionId('s'),
    );
    await clock.advance(1);
    expect(lanes.running()).toBe(0);
  });

  it('does not lose an answer that is ready in the moment of being cut off', async () => {
    const fake = makeFakePlatform();
    const gateway = await open(fake, {
      run: async (turn, signal) => {
        await untilCut(turn, signal);
        return answer(turn, 'ready');
      },
    });
    await gateway.pair(fake, 'ann');
    await fake.say('hello');
    await gateway.settle();
    const home = await stopInOrder(gateway);
    const next = await open(fake, { home, clock: gateway.clock });
    await next.settle();
    expect(fake.texts()).toEqual(['ready']);
    expect(await states(next)).toEqual(['answered']);
  });
});

describe('a start', () => {
  it('carries out once a command that comes in meanwhile, at whatever moment', async () => {
    for (let moment = 0; moment < 160; moment += 4) {
      const fake = makeFakePlatform();
      const first = await open(fake);
      await first.pair(fake, 'ann');
      await fake.say('hello');
      await first.settle();
      const home = await stopInOrder(first);
      let said: Promise<unknown> = Promise.resolve();
      const speaking = changed(fake, (adapter) => ({
        async start(host) {
          await adapter.start(host);
          said = reactions(moment).then(() => fake.say('/new'));
        },
      }));
      const second = await open(speaking, { home, clock: first.clock });
      await said;
      await second.settle();
      const { length } = await second.db.query.selectFrom('sessions').select('id').execute();
      expect(length, `said after ${moment} reactions`).toBe(2);
      await second.close();
      opened.splice(opened.indexOf(second), 1);
    }
  });

  it('takes a message that comes in meanwhile after those that waited', async () => {
    for (let moment = 0; moment < 160; moment += 8) {
      const fake = makeFakePlatform();
      const first = await open(fake);
      await first.pair(fake, 'ann');
      await first.core.stop();
      for (const text of ['1', '2', '3']) await fake.say(text);
      opened.splice(opened.indexOf(first), 1);
      const home = await first.crash();
      let said: Promise<unknown> = Promise.resolve();
      const speaking = changed(fake, (adapter) => ({
        async start(host) {
          await adapter.start(host);
          said = reactions(moment).then(() => fake.say('4'));
        },
      }));
      const second = await open(speaking, { home, clock: first.clock, settings: { queueMode: 'collect' } });
      await said;
      await second.settle();
      const heard = second.turns.flatMap((turn) => turn.inputs.map((input) => input.text));
      expect(heard, `said after ${moment} reactions`).toEqual(['1', '2', '3', '4']);
      await second.close();
      opened.splice(opened.indexOf(second), 1);
    }
  });

  it('is not held up by a platform that hangs without a word', async () => {
    const fake = makeFakePlatform();
    const clock = makeFakeClock();
    const hanging = changed(makeFakePlatform({ id: 'hanging' }), () => ({ start: () => new Promise(() => undefined) }));
    const starting = open(fake, { platforms: [fake, hanging], clock });
    let isStarted = false;
    void starting.then(() => (isStarted = true));
    for (let second = 0; second < 6; second++) await clock.advance(1_000);
    expect(isStarted).toBe(true);
    await starting;
  });
});

describe('stop and interrupt', () => {
  it('/stop right behind a message stops it, at whatever moment it comes', async () => {
    for (let moment = 0; moment < 300; moment += 10) {
      const fake = makeFakePlatform();
      const gateway = await open(fake, { run: untilCut });
      await gateway.pair(fake, 'ann');
      await fake.say('long work');
      await reactions(moment);
      await fake.say('/stop');
      await gateway.settle();
      expect(await states(gateway), `stopped after ${moment} reactions`).toEqual(['superseded', 'answered']);
      await gateway.close();
      opened.splice(opened.indexOf(gateway), 1);
    }
  });

  it('a message in mode interrupt interrupts a turn that is just being begun', async () => {
    const run: RunTurn = (turn, signal) =>
      (turn.inputs.length === 1 && turn.inputs[0]?.text === 'one' ? untilCut : echo)(turn, signal);
    for (let moment = 0; moment < 300; moment += 10) {
      const fake = makeFakePlatform();
      const gateway = await open(fake, { run, settings: { queueMode: 'interrupt' } });
      await gateway.pair(fake, 'ann');
      await fake.say('one');
      await reactions(moment);
      await fake.say('two', LATER);
      await gateway.settle();
      expect(fake.texts().at(-1), `said after ${moment} reactions`).toMatch(/two$/);
      await gateway.close();
      opened.splice(opened.indexOf(gateway), 1);
    }
  });

  it('/stop ends a turn whose attachment never comes', async () => {
    const fake = changed(makeFakePlatform(), () => ({ open: () => new Promise(() => undefined) }));
    const gateway = await open(fake);
    await gateway.pair(fake, 'ann');
    await fake.say('see this', { attachments: [{ kind: 'image', ref: 'x' }] });
    await gateway.settle();
    await fake.say('/stop');
    await gateway.settle();
    expect(await states(gateway)).toEqual(['superseded', 'answered']);
  });

  it('a turn that fails while it is stopped counts as stopped: nobody is told of a failure, and nothing is dead', async () => {
    const fake = makeFakePlatform();
    const gateway = await open(fake, {
      run: async (turn, signal) => {
        await untilCut(turn, signal);
        return { end: 'failed', text: 'broken', files: [], transcript: [], errorCode: 'internal' };
      },
    });
    await gateway.pair(fake, 'ann');
    await fake.say('hello');
    await gateway.settle();
    await fake.say('/stop');
    await gateway.settle();
    expect(await states(gateway)).toEqual(['superseded', 'answered']);
  });
});

describe('a failure in between', () => {
  const refuseQueueing = sql`create trigger refuse before update on inbox when new.state = 'queued'
    begin select raise(abort, 'refused in a test'); end`;

  it('that passes leaves no message lying until the next start', async () => {
    const fake = makeFakePlatform();
    const gateway = await open(fake);
    await gateway.pair(fake, 'ann');
    await refuseQueueing.execute(gateway.db.query);
    await fake.say('hello');
    await gateway.settle();
    await sql`drop trigger refuse`.execute(gateway.db.query);
    await fake.say('again', LATER);
    await gateway.clock.advance(60_000);
    await gateway.settle();
    expect(echoed(fake)).toEqual(['hello', 'again']);
    expect(await states(gateway)).toEqual(['answered', 'answered']);
  });

  it('that stays ends the message as dead, and its sender is told', async () => {
    const fake = makeFakePlatform();
    const gateway = await open(fake);
    await gateway.pair(fake, 'ann');
    await refuseQueueing.execute(gateway.db.query);
    await fake.say('hello');
    await gateway.clock.advance(60_000);
    await gateway.settle();
    expect(await states(gateway)).toEqual(['dead']);
    expect(fake.texts()).toEqual([expect.stringContaining('could not take up your message')]);
  });

  it('at the end of a turn ends its rows as dead, tells the person, and the next message is answered', async () => {
    const fake = makeFakePlatform();
    const gateway = await open(fake);
    await gateway.pair(fake, 'ann');
    await sql`create trigger refuse before insert on messages when new.text like '%poison%'
      begin select raise(abort, 'refused in a test'); end`.execute(gateway.db.query);
    await fake.say('poison');
    await gateway.settle();
    await fake.say('hello', LATER);
    await gateway.settle();
    expect(fake.texts()).toEqual([expect.stringContaining('Something went wrong inside Herald'), 'echo: hello']);
    expect(await states(gateway)).toEqual(['dead', 'answered']);
  });

  it('of reading back what was sent does not block the chat for ever', async () => {
    const refused: SendResult = { ok: false, code: 'forbidden', reached: 'no', cause: new Error('no history') };
    const plain = makeFakePlatform({ capabilities: { sendDedupe: 'read-back' } });
    const fake = changed(plain, () => ({ find: async () => refused }));
    const gateway = await open(fake, { settings: { ttlMs: 10 * 60_000 } });
    await gateway.pair(fake, 'ann');
    fake.failures.push({
      result: { ok: false, code: 'unreachable', reached: 'maybe', cause: new Error('cut') },
      arrives: false,
    });
    await fake.say('one');
    await gateway.settle();
    await gateway.clock.advance(20 * 60_000);
    await fake.say('two', { sentAt: gateway.clock.now() });
    await gateway.settle();
    expect(fake.texts().at(-1)).toBe('echo: two');
    expect(fake.texts()[0]).toMatch(/cannot tell whether/);
  });
});

describe('a platform that does not answer', () => {
  const hang = () => new Promise<never>(() => undefined);
  const LONG = 'An answer that is long enough to be shown while it grows.';

  it('to a send does not hold up the end of the gateway; the part is uncertain after the next start', async () => {
    const plain = makeFakePlatform();
    const gateway = await open(changed(plain, () => ({ send: hang })));
    await gateway.pair(plain, 'ann');
    await plain.say('hello');
    await gateway.settle();
    const home = await stopInOrder(gateway);
    const next = await open(plain, { home, clock: gateway.clock });
    await next.settle();
    expect(plain.texts()).toEqual([expect.stringContaining('cannot tell whether')]);
  });

  it('to a send does not block its chat for ever', async () => {
    const plain = makeFakePlatform();
    let hung = false;
    const fake = changed(plain, (adapter) => ({
      send(to, message, signal) {
        if (hung) return adapter.send(to, message, signal);
        hung = true;
        return hang();
      },
    }));
    const gateway = await open(fake);
    await gateway.pair(fake, 'ann');
    await fake.say('one');
    await gateway.settle();
    await fake.say('two', LATER);
    await gateway.clock.advance(120_000);
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: two', expect.stringContaining('cannot tell whether')]);
  });

  it('to an edit of a preview does not hold up /stop', async () => {
    const plain = makeFakePlatform({ capabilities: { edits: { support: 'full', minIntervalMs: 100, maxAgeMs: 1e9 } } });
    const fake = changed(plain, () => ({ edit: hang }));
    const gateway = await open(fake, {
      run: async (turn, signal) => {
        for (const delta of [LONG, LONG]) {
          turn.emit({ type: 'text', delta });
          await gateway.clock.sleep(200);
        }
        return untilCut(turn, signal);
      },
    });
    await gateway.pair(fake, 'ann');
    await fake.say('hello');
    await gateway.clock.advance(1_000);
    expect(fake.texts()).toHaveLength(1);
    await fake.say('/stop');
    await gateway.clock.advance(1_000);
    expect(await states(gateway)).toEqual(['superseded', 'answered']);
  });

  it('and was given up is not used until it is started again', async () => {
    const plain = makeFakePlatform();
    let tries = 0;
    let isGivenUp = false;
    const keptFromIt: string[] = [];
    const fake = changed(plain, (adapter) => ({
      async start(host) {
        isGivenUp = false;
        if (++tries === 2) throw new Error('refused in a test');
        return adapter.start(host);
      },
      async stop() {
        isGivenUp = true;
      },
      send(to, message, signal) {
        if (isGivenUp) keptFromIt.push(message.key);
        return adapter.send(to, message, signal);
      },
    }));
    const first = await open(fake);
    await first.pair(fake, 'ann');
    const home = await stopInOrder(first);
    const second = await open(fake, { home, clock: first.clock });
    await second.core.actions.post(fake.address(), 'news');
    await second.settle();
    expect(keptFromIt).toEqual([]);
    await second.clock.advance(60_000);
    await second.settle();
    expect(fake.texts()).toEqual(['news']);
  });
});

describe('messages of several people in a group', () => {
  it('are never one turn: each is asked with the rights of who said it', async () => {
    const waiting: (() => void)[] = [];
    const run: RunTurn = async (turn, signal) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return echo(turn, signal);
    };
    const fake = makeFakePlatform();
    const gateway = await open(fake, { run, settings: { queueMode: 'collect' } });
    await gateway.pair(fake, 'ann');
    await gateway.pair(fake, 'bob', 'guest');
    const team = { chat: chatId('team'), chatKind: 'group' as const };
    await fake.say('one', team);
    await gateway.settle();
    await fake.say('two', { ...team, ...LATER });
    await fake.say('three', { ...team, ...LATER, user: 'bob' });
    for (let turn = 0; turn < 3; turn++) {
      await gateway.settle();
      waiting.shift()?.();
    }
    await gateway.settle();
    expect(gateway.turns.map((turn) => [turn.role, turn.inputs.map((input) => input.text)])).toEqual([
      ['owner', ['one']],
      ['owner', ['two']],
      ['guest', ['three']],
    ]);
  });
});
