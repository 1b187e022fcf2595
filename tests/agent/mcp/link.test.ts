// Connections that come and go: pauses between attempts, sleep when nobody calls, ends.
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect, test } from 'vitest';
import type { Live } from '../../../agent/mcp/connection/connect.ts';
import { openLink, type LinkInput } from '../../../agent/mcp/connection/link.ts';
import type { McpCaller } from '../../../agent/mcp/ports.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';

interface Rig {
  clock: FakeClock;
  link: ReturnType<typeof openLink>;
  /** How many connections were opened and closed. */
  opened: number;
  closed: number;
  attempts: number[];
  fail: boolean;
  dropLast(): void;
}

function openRig(more: Partial<LinkInput> = {}): Rig {
  const clock = makeFakeClock();
  let onClose = () => {};
  const rig: Rig = {
    clock,
    opened: 0,
    closed: 0,
    attempts: [],
    fail: false,
    dropLast: () => onClose(),
    link: openLink({
      server: 's',
      clock,
      random: () => 0,
      connectTimeoutMs: 10_000,
      idleMs: 60_000,
      callTimeoutMs: 30_000,
      isParallel: false,
      greet: async () => undefined,
      onTrouble: () => undefined,
      async open(events) {
        rig.attempts.push(clock.now());
        onClose = events.onClose;
        if (rig.fail) throw new Error('no');
        rig.opened++;
        const live: Live = { client: {} as Client, lastWords: () => '', close: async () => void rig.closed++ };
        return live;
      },
      ...more,
    }),
  };
  return rig;
}

const signal = new AbortController().signal;
const call = (rig: Rig) => rig.link.use(undefined, signal, async () => 'done');

test('whoever is asked something is the one who called; with calls of two people at once, nobody', async () => {
  let caller: () => McpCaller | undefined = () => undefined;
  const live: Live = { client: {} as Client, lastWords: () => '', close: async () => undefined };
  const rig = openRig({
    isParallel: true,
    async open(events) {
      caller = events.caller;
      return live;
    },
  });
  const ann = { scope: { person: 'ann' }, session: 's1' } as unknown as McpCaller;
  const bob = { scope: { person: 'bob' }, session: 's2' } as unknown as McpCaller;
  const ends: (() => void)[] = [];
  const begin = async (who: McpCaller) => {
    const running = rig.link.use(who, signal, () => new Promise<void>((resolve) => ends.push(resolve)));
    await rig.clock.advance(0);
    return running;
  };
  const who = () => caller()?.scope.person;
  void begin(ann);
  await rig.clock.advance(0);
  expect(who()).toBe('ann');
  void begin(ann);
  await rig.clock.advance(0);
  expect(who()).toBe('ann');
  void begin(bob);
  await rig.clock.advance(0);
  expect(who()).toBeUndefined();
  ends[2]?.();
  await rig.clock.advance(0);
  expect(who()).toBe('ann');
  for (const end of ends) end();
  await rig.clock.advance(0);
  expect(who()).toBeUndefined();
  await rig.link.close();
});

describe('a connection', () => {
  test('is opened by the first call, kept, and closed after a while without any', async () => {
    const rig = openRig();
    expect(rig.link.state()).toBe('idle');
    expect(await call(rig)).toBe('done');
    await rig.clock.advance(50_000);
    expect(await call(rig)).toBe('done');
    await rig.clock.advance(59_000);
    expect([rig.opened, rig.closed, rig.link.state()]).toEqual([1, 0, 'ready']);
    await rig.clock.advance(2_000);
    expect([rig.opened, rig.closed, rig.link.state()]).toEqual([1, 1, 'idle']);
    expect(await call(rig)).toBe('done');
    expect(rig.opened).toBe(2);
    await rig.link.close();
    expect(rig.clock.pending()).toBe(0);
  });

  test('that fails is tried again with pauses that grow to a minute, and never without a call', async () => {
    const rig = openRig();
    rig.fail = true;
    for (let round = 0; round < 30; round++) {
      const refused = call(rig).catch((error: unknown) => error);
      await rig.clock.advance(5_000);
      expect(await refused).toMatchObject({ code: 'tool_unavailable' });
      await rig.clock.advance(10_000);
    }
    const pauses = rig.attempts.slice(1).map((at, index) => at - (rig.attempts[index] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(75_000);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(60_000);
    const before = rig.attempts.length;
    await rig.clock.advance(600_000);
    expect(rig.attempts).toHaveLength(before);
    expect(rig.clock.pending()).toBe(0);
    rig.fail = false;
    expect(await call(rig)).toBe('done');
    expect(rig.link.state()).toBe('ready');
  });

  test('that was ready only when its caller had given up goes to sleep too', async () => {
    let ready = () => {};
    const rig = openRig({ greet: () => new Promise((resolve) => (ready = resolve)) });
    const stop = new AbortController();
    const waiting = rig.link.use(undefined, stop.signal, async () => 'done').catch((error: unknown) => error);
    await rig.clock.advance(0);
    stop.abort();
    expect(await waiting).toMatchObject({ code: 'cancelled' });
    ready();
    await rig.clock.advance(0);
    expect(rig.link.state()).toBe('ready');
    await rig.clock.advance(60_001);
    expect([rig.closed, rig.link.state()]).toEqual([1, 'idle']);
  });

  test('that broke off is opened again by the next call', async () => {
    const rig = openRig();
    await call(rig);
    rig.dropLast();
    expect(rig.link.state()).toBe('failed');
    const next = call(rig);
    await rig.clock.advance(1_000);
    expect(await next).toBe('done');
    expect(rig.opened).toBe(2);
  });

  test('is opened once for calls that come at once', async () => {
    const rig = openRig({ isParallel: true });
    expect(await Promise.all([call(rig), call(rig), call(rig)])).toEqual(['done', 'done', 'done']);
    expect(rig.opened).toBe(1);
  });

  test('that is closed for good answers nothing any more', async () => {
    const rig = openRig();
    await call(rig);
    await rig.link.close();
    await rig.link.close();
    expect(rig.closed).toBe(1);
    await expect(call(rig)).rejects.toMatchObject({ code: 'tool_unavailable' });
  });

  test('that does not get ready in time is given up', async () => {
    const rig = openRig({ open: () => new Promise(() => undefined) });
    const waiting = call(rig).catch((error: unknown) => error);
    await rig.clock.advance(10_001);
    expect(await waiting).toMatchObject({ code: 'timeout' });
    expect(rig.link.state()).toBe('failed');
  });
});
