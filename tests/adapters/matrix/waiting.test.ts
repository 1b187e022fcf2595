import { expect, it } from 'vitest';
import { openWaiting, type Waiting } from '../../../adapters/matrix/crypto/waiting.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';

async function idsOf(waiting: Waiting): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of waiting.list()) ids.push(event.event_id);
  return ids;
}

it('what waits is bounded in number and in time', async () => {
  const cursors = new Map<string, string>();
  const record = makeRecordingHost({ cursors });
  let now = Date.now();
  const deps = { cursor: record.host.cursor, clock: { ...systemClock, now: () => now }, log: record.host.log };
  const event = (index: number) => ({
    type: 'm.room.encrypted',
    event_id: `$${index}`,
    sender: '@ann:hs.test',
    origin_server_ts: 0,
    content: {},
  });
  const waiting = await openWaiting(deps);
  for (let index = 0; index < 1_005; index++) await waiting.add('!room', event(index));
  await waiting.add('!room', event(1_004));
  expect(cursors.size).toBe(1_000);
  expect((await idsOf(waiting))[0]).toBe('$5');
  now += 8 * 24 * 3_600_000;
  expect(await idsOf(await openWaiting(deps))).toEqual([]);
  expect(cursors.size).toBe(0);
  await record.close();
});
