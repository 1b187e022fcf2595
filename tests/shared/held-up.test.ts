// Work that a full disk holds up: tried again for as long as that is the reason, and given up for no other.
import { describe, expect, it } from 'vitest';
import { isHeldUp, untilStored } from '../../shared/held-up.ts';
import { AppError } from '../../shared/errors.ts';
import { silentLog } from '../../shared/log.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

const full = () => new AppError('disk_full', 'No space left.', { retryable: true });

function makeRig() {
  const ending = new AbortController();
  const clock = makeFakeClock();
  return { clock, ending, ports: { clock, log: silentLog, signal: ending.signal } };
}

describe('work that the disk holds up', () => {
  it('is tried again until there is room, at least twice a minute', async () => {
    const { clock, ports } = makeRig();
    const begunAt = clock.now();
    const triedAt: number[] = [];
    const done = untilStored(ports, 'a test', async (attempt) => {
      triedAt.push(clock.now() - begunAt);
      if (attempt < 12) throw full();
      return attempt;
    });
    await clock.advance(10 * 60_000);
    expect(await done).toBe(12);
    expect(triedAt[1]).toBeLessThanOrEqual(500);
    const pauses = triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
    expect(clock.pending()).toBe(0);
  });

  it('stays for the next start when the process ends, after one more try', async () => {
    const { clock, ending, ports } = makeRig();
    let tries = 0;
    const done = untilStored(ports, 'a test', async () => {
      tries++;
      throw full();
    });
    await clock.advance(0);
    ending.abort();
    await expect(done).rejects.toMatchObject({ code: 'disk_full' });
    expect(tries).toBe(2);
  });

  it.each([new AppError('db_corrupt', 'damaged'), new AppError('internal', 'x'), new TypeError('a fault of ours')])(
    'is not tried again for %s',
    async (error) => {
      const { ports } = makeRig();
      let tries = 0;
      const done = untilStored(ports, 'a test', async () => {
        tries++;
        throw error;
      });
      await expect(done).rejects.toBe(error);
      expect(tries).toBe(1);
      expect(isHeldUp(error)).toBe(false);
    },
  );
});
