// The limit that stands still, the order of calls that are made at the same time, and the profile of the sandbox on macOS.
import { describe, expect, it } from 'vitest';
import { makeCallOrder } from '../../../agent/code/call-order.ts';
import { forkFilter } from '../../../agent/code/fork-filter.ts';
import { isFenced, scriptProfile } from '../../../agent/code/plan.ts';
import { startStopwatch } from '../../../agent/code/stopwatch.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a stopwatch', () => {
  it('counts only while nobody is waited for, however many there are', async () => {
    const clock = makeFakeClock();
    let ends = 0;
    const watch = startStopwatch(clock, 1_000, () => ends++);
    await clock.advance(600);
    const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holds = [watch.hold(one.promise), watch.hold(two.promise)];
    await clock.advance(5_000);
    one.resolve();
    await settled();
    await clock.advance(5_000);
    expect(ends).toBe(0);
    two.resolve();
    await Promise.all(holds);
    await clock.advance(399);
    expect(ends).toBe(0);
    await clock.advance(1);
    expect(ends).toBe(1);
  });

  it('that was stopped does not start again', async () => {
    const clock = makeFakeClock();
    let ends = 0;
    const watch = startStopwatch(clock, 1_000, () => ends++);
    const wait = Promise.withResolvers<void>();
    const held = watch.hold(wait.promise);
    watch.stop();
    wait.resolve();
    await held;
    await clock.advance(10_000);
    expect(ends).toBe(0);
  });
});

describe('calls at the same time', () => {
  it('run beside each other up to a number, but for those that must be alone, in their order', async () => {
    const order = makeCallOrder(2);
    const log: string[] = [];
    const ends = new Map<string, () => void>();
    const start = (name: string, isParallel: boolean) =>
      order.run(isParallel, async () => {
        log.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
      });
    const all = [start('a', true), start('b', true), start('c', true), start('D', false), start('e', true)];
    await settled();
    expect(log).toEqual(['a', 'b']);
    ends.get('a')?.();
    await settled();
    expect(log).toEqual(['a', 'b', 'c']);
    ends.get('b')?.();
    await settled();
    expect(log).toEqual(['a', 'b', 'c']);
    ends.get('c')?.();
    await settled();
    expect(log).toEqual(['a', 'b', 'c', 'D']);
    ends.get('D')?.();
    await settled();
    expect(log).toEqual(['a', 'b', 'c', 'D', 'e']);
    ends.get('e')?.();
    await Promise.all(all);
  });

  it('go on after one that failed', async () => {
    const order = makeCallOrder(1);
    await expect(order.run(false, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await order.run(false, async () => 'next')).toBe('next');
  });
});

describe('the fence', () => {
  it('needs a sandbox and a processor whose calls are known', () => {
    const bubblewrap = { kind: 'bubblewrap', canForbidNamespaces: true, detail: '' } as const;
    expect(isFenced({ sandbox: bubblewrap, arch: 'x64' })).toBe(true);
    expect(isFenced({ sandbox: bubblewrap, arch: 'arm64' })).toBe(true);
    expect(isFenced({ sandbox: bubblewrap, arch: 'riscv64' })).toBe(false);
    expect(isFenced({ sandbox: { kind: 'none', detail: '' }, arch: 'x64' })).toBe(false);
    expect(isFenced({ sandbox: { kind: 'seatbelt', detail: '' }, arch: 'arm64' })).toBe(true);
    expect(forkFilter('x64')?.length).toBe(17 * 8);
    expect(forkFilter('arm64')?.length).toBe(13 * 8);
  });

  it('on macOS takes network and processes away last, so that nothing before gives them', () => {
    const profile = scriptProfile({
      sandbox: { kind: 'seatbelt', detail: '' },
      workspace: '/w',
      hidden: ['/Users/ann/.herald'],
      node: '/opt/no"de',
      arch: 'arm64',
    });
    expect(profile.trimEnd().split('\n').slice(-3)).toEqual([
      '(allow file-read* (literal "/opt/no\\"de"))',
      '(deny network*)',
      '(deny process-fork)',
    ]);
    expect(profile).toContain('/Users/ann/.herald');
  });
});
