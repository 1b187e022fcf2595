// Work in order per channel, and none that holds another channel up.
import { describe, expect, it } from 'vitest';
import { makeLanes } from '../../../adapters/transport/lanes.ts';

describe('lanes', () => {
  it('keep the order of a channel, over failures, and let others pass', async () => {
    const lanes = makeLanes();
    const done: string[] = [];
    const slow = Promise.withResolvers<void>();
    const one = lanes.run('a', () => slow.promise.then(() => void done.push('a1')));
    const two = lanes.run('a', async () => {
      done.push('a2');
      throw new Error('no');
    });
    const three = lanes.run('a', async () => void done.push('a3'));
    await lanes.run('b', async () => void done.push('b1'));
    expect([done, lanes.depth('a'), lanes.depth('b'), lanes.waiting()]).toEqual([['b1'], 3, 0, 3]);
    slow.resolve();
    await expect(two).rejects.toThrow('no');
    await Promise.all([one, three, lanes.settle()]);
    expect([done, lanes.depth('a'), lanes.waiting()]).toEqual([['b1', 'a1', 'a2', 'a3'], 0, 0]);
  });

  it('take no more when too much waits', async () => {
    const lanes = makeLanes(2);
    const never = Promise.withResolvers<void>();
    const held = [lanes.run('a', () => never.promise), lanes.run('b', () => never.promise)];
    await expect(lanes.run('c', async () => {})).rejects.toThrow('Too many');
    never.resolve();
    await Promise.all(held);
    await lanes.run('c', async () => {});
  });
});
