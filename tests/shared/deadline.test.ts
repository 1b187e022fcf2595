import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { abortable, isTimeout, untilAborted, withDeadline } from '../../shared/deadline.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

test('gives what the work gives, and leaves neither timer nor listener', async () => {
  const clock = makeFakeClock();
  const parent = new AbortController();
  let mine: AbortSignal | undefined;
  const value = await withDeadline({ clock, timeoutMs: 10, parent: parent.signal }, async (signal) => {
    mine = signal;
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);
    return 5;
  });
  expect(value).toBe(5);
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
  await clock.advance(100);
  parent.abort();
  expect(mine?.aborted).toBe(false);
});

test('leaves nothing when the work fails, either', async () => {
  const clock = makeFakeClock();
  const parent = new AbortController();
  const failing = withDeadline({ clock, timeoutMs: 10, parent: parent.signal }, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
});

test('the signal aborts after the time', async () => {
  const clock = makeFakeClock();
  const work = withDeadline({ clock, timeoutMs: 10 }, whenAborted);
  await clock.advance(10);
  expect(isTimeout(await work)).toBe(true);
  expect(isTimeout(new Error('TimeoutError'))).toBe(false);
});

test('the signal aborts with the parent, whose reason it has', async () => {
  const clock = makeFakeClock();
  const parent = new AbortController();
  const work = withDeadline({ clock, timeoutMs: 10, parent: parent.signal }, whenAborted);
  const reason = new Error('stopped');
  parent.abort(reason);
  expect(await work).toBe(reason);
  const late = withDeadline({ clock, timeoutMs: 10, parent: parent.signal }, whenAborted);
  expect(await late).toBe(reason);
});

test('the signal aborts with any of several parents, and needs no time', async () => {
  const clock = makeFakeClock();
  const [calm, hasty] = [new AbortController(), new AbortController()];
  const parent = [calm.signal, hasty.signal];
  const reason = new Error('stopped');
  const work = withDeadline({ clock, parent }, whenAborted);
  expect(clock.pending()).toBe(0);
  hasty.abort(reason);
  expect(await work).toBe(reason);
  expect(await withDeadline({ clock, parent }, whenAborted)).toBe(reason);
  for (const signal of parent) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('the work can abort its own signal', async () => {
  const work = withDeadline({ clock: makeFakeClock(), timeoutMs: 10 }, async (signal, abort) => {
    abort('mine');
    return signal.reason as unknown;
  });
  expect(await work).toBe('mine');
});

test('work that pays no heed to the signal is left at once, with the reason', async () => {
  const stopping = new AbortController();
  const reason = new Error('stopped');
  const work = abortable(new Promise<never>(() => {}), stopping.signal);
  stopping.abort(reason);
  await expect(work).rejects.toBe(reason);
  await expect(abortable(Promise.reject(new Error('late')), stopping.signal)).rejects.toBe(reason);
});

test('work that ends first leaves nothing with the signal', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(5), signal)).toBe(5);
  await expect(abortable(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

async function whenAborted(signal: AbortSignal): Promise<unknown> {
  await untilAborted(signal);
  return signal.reason;
}
