// Keys and sessions of our device, in the account's cursors. Reads and writes are tried again until they succeed: the library goes on from
// what it has in memory, so nothing that it changed may stay unwritten, and what it cannot read it would take for a damaged message.
import { backoffMs } from '../../../shared/backoff.ts';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Cursor } from '../../contract.ts';
import type { Rows } from './store/rows.ts';

const PREFIX = 'e2e:';
const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export interface RowsDeps {
  cursor: Cursor;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** Rows of one device. Reject only when stopped. */
export function makeDeviceRows({ cursor, clock, log, signal }: RowsDeps, device: string): Rows {
  const prefix = prefixOf(device);

  async function insist<Value>(work: () => Promise<Value>): Promise<Value> {
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw abortReason(signal);
      try {
        return await work();
      } catch (error) {
        log.error(
          { error: error instanceof Error ? error.name : 'unknown', attempt },
          'keys could not be stored or read',
        );
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal);
      }
    }
  }

  return {
    get: (name) => insist(() => cursor.get(prefix + name)),
    async list(start) {
      const found = await insist(() => cursor.list(prefix + start));
      return new Map([...found].map(([name, value]) => [name.slice(prefix.length), value]));
    },
    update: (values) =>
      insist(() =>
        cursor.update(Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))),
      ),
  };
}

/** Whether this device has keys. */
export async function hasDeviceRows(cursor: Cursor, device: string): Promise<boolean> {
  return (await cursor.get(`${prefixOf(device)}schema`)) !== undefined;
}

/** Forgets the keys of devices that we are not any more. */
export async function deleteOtherDevices(cursor: Cursor, device: string): Promise<void> {
  const own = prefixOf(device);
  const others = [...(await cursor.list(PREFIX)).keys()].filter((name) => !name.startsWith(own));
  if (others.length > 0) await cursor.update(Object.fromEntries(others.map((name) => [name, undefined])));
}

function prefixOf(device: string): string {
  return `${PREFIX}${encodeURIComponent(device)}:`;
}
