// What came in over a connection that sends nothing again: kept in order until it is stored, and told when it is too much.
import { describe, expect, it } from 'vitest';
import type { Gap } from '../../../adapters/contract.ts';
import { makeReceiveQueue } from '../../../adapters/transport/receive-queue.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const MAX_WAITING = 5_000;

function open() {
  const clock = makeFakeClock();
  const stopping = new AbortController();
  const gaps: Gap[] = [];
  const stored: string[] = [];
  const host = { log: silentLog, gap: async (gap: Gap) => void gaps.push(gap) };
  const queue = makeReceiveQueue({ host, clock, signal: stopping.signal });
  const store = (name: string) => async () => stored.push(name);
  return { clock, stopping, gaps, stored, queue, store };
}

describe('receive queue', () => {
  it('stores in order, and tries again what cannot be stored', async () => {
    const { clock, stored, queue, store } = open();
    const begun = clock.now();
    let failures = 3;
    queue.push(async () => {
      if (failures-- > 0) throw new Error('disk full');
      stored.push('first');
    });
    await clock.advance(1);
    queue.push(store('second'));
    expect(stored).toEqual([]);
    expect(queue.storedUntil()).toBe(begun);
    await clock.advance(5_000);
    expect(stored).toEqual(['first', 'second']);
    expect(queue.storedUntil()).toBe(clock.now());
  });

  it('waits while it is held, and puts what is older before the rest', async () => {
    const { clock, stored, queue, store } = open();
    const release = queue.hold(10_000);
    queue.push(store('new'));
    queue.pushOlder([
      { at: 1, task: store('old 1') },
      { at: 2, task: store('old 2') },
    ]);
    await clock.advance(9_000);
    expect(stored).toEqual([]);
    expect(queue.storedUntil()).toBe(1);
    release();
    await queue.settle();
    expect(stored).toEqual(['old 1', 'old 2', 'new']);
    queue.hold(10_000);
    queue.push(store('late'));
    await clock.advance(10_000);
    expect(stored.at(-1)).toBe('late');
  });

  it('tells what was too much, once there is room again', async () => {
    const { clock, stored, gaps, queue, store } = open();
    const since = clock.now();
    const release = queue.hold(60_000);
    for (let i = 0; i < MAX_WAITING + 2; i++) queue.push(store(`${i}`));
    queue.pushOlder([{ at: 1, task: store('older than all') }]);
    await clock.advance(1_000);
    release();
    await queue.settle();
    expect(stored).toHaveLength(MAX_WAITING);
    expect(stored.at(-1)).toBe(`${MAX_WAITING - 1}`);
    expect(gaps).toEqual([{ since, until: clock.now(), missed: 3, reason: 'limit' }]);
  });

  it('ends when it is stopped, with what is being stored', async () => {
    const { stopping, stored, queue, store } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.push(() => promise.then(() => void stored.push('under way')));
    queue.push(store('next'));
    stopping.abort();
    queue.push(store('too late'));
    resolve();
    await queue.settle();
    expect(stored).toEqual(['under way']);
  });
});
