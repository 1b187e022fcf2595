import { describe, expect, it } from 'vitest';
import type { RecordingHost } from '../../contracts/adapter-host.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { isReady, makeAdapter, startSignal, type Started } from './signal-harness.ts';

const connectedAt = (record: RecordingHost) => Number(record.cursors.get('connected-at'));

/** Runs with a started adapter and closes everything. */
async function withSignal(options: Parameters<typeof startSignal>[0], run: (rig: Started) => Promise<void>) {
  const rig = await startSignal(options);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

describe('WebSocket', () => {
  it('tells the time without a connection as a gap, from the end of the old one to the beginning of the new one', async () => {
    await withSignal({}, async ({ server, record, ada }) => {
      expect(record.gaps).toEqual([]);
      const before = Date.now();
      server.disconnect();
      ada.dm.write('nobody hears this');
      expect(server.lost()).toBe(1);
      await record.waitUntil(() => record.gaps.length > 0);
      await server.until('a socket', () => server.sockets() > 0);
      const [gap] = record.gaps;
      expect(gap).toMatchObject({ reason: 'no-replay' });
      expect(gap?.since).toBeGreaterThanOrEqual(before);
      expect(gap?.until).toBeGreaterThan(gap?.since ?? 0);
      await record.waitUntil(() => record.cursors.has('connected-at'));
      expect(connectedAt(record)).toBe(gap?.until);
    });
  });

  it('tells a gap over a stop and a start, and none at the very first start', async () => {
    await withSignal({}, async ({ server, adapter, record }) => {
      await adapter.stop();
      const stoppedAt = connectedAt(record);
      expect(Date.now() - stoppedAt).toBeLessThan(10_000);
      const next = makeRecordingHost({ cursors: record.cursors });
      const second = makeAdapter(server);
      await second.start(next.host);
      await next.waitUntil(() => next.gaps.length > 0);
      await second.stop();
      await next.close();
      expect(next.gaps).toMatchObject([{ reason: 'no-replay', since: stoppedAt }]);
    });
  });

  it('after kill -9 the gap begins at most a minute before the end, since the time is kept while it is connected', async () => {
    const clock = makeFakeClock();
    await withSignal({ clock }, async ({ record, server }) => {
      const start = connectedAt(record);
      expect(start).toBe(clock.now());
      // The pongs come in real time, so each step waits for one.
      for (let at = 0; at < 5; at++) {
        const seen = record.states.length;
        await clock.advance(20_000);
        await record.waitUntil(() => record.states.length > seen);
      }
      expect(server.sockets()).toBe(1);
      expect(connectedAt(record) - start).toBeGreaterThan(0);
      expect(clock.now() - connectedAt(record)).toBeLessThanOrEqual(60_000);
    });
  });

  it('a connection that fell silent is ended, and the silence is a part of the gap', async () => {
    const clock = makeFakeClock();
    await withSignal({ clock, server: { answersPings: false } }, async ({ record, server }) => {
      const openedAt = clock.now();
      for (let at = 0; at < 3; at++) await clock.advance(20_000);
      await server.until('the end of the socket', () => server.sockets() === 0);
      await record.waitUntil(() => record.states.at(-1)?.state === 'connecting');
      await clock.advance(1_000);
      await record.waitUntil(() => record.gaps.length > 0);
      expect(record.gaps[0]).toMatchObject({ since: openedAt });
    });
  });

  it('what came but could not be stored before the stop is a part of the next gap', async () => {
    await withSignal({}, async ({ server, adapter, record, ada }) => {
      record.failNext(1_000);
      const before = Date.now();
      ada.dm.write('the disk is full');
      await record.waitUntil(() => record.answers.length >= 2);
      const after = Date.now();
      await adapter.stop();
      expect(connectedAt(record)).toBeGreaterThanOrEqual(before);
      expect(connectedAt(record)).toBeLessThanOrEqual(after);
      await server.until('the end of the socket', () => server.sockets() === 0);
    });
  });

  it('frames that came while an earlier one could not be stored follow it, each once, over a dropped connection', async () => {
    await withSignal({}, async ({ server, record, ada }) => {
      record.failNext(3);
      for (const text of ['one', 'two', 'three']) ada.dm.write(text);
      await record.waitUntil(() => record.answers.length > 0);
      server.disconnect();
      await record.waitUntil(() => record.received.length === 3, 10_000);
      expect(record.received.map((message) => message.text)).toEqual(['one', 'two', 'three']);
    });
  });

  it('a handshake that is refused is tried again, and the server asked anew what it is', async () => {
    const clock = makeFakeClock();
    const rig = await startSignal({ clock });
    const { server, record } = rig;
    try {
      server.fail({ route: 'UPGRADE', status: 503 });
      const asked = server.requests.length;
      server.disconnect();
      await record.waitUntil(() => record.states.at(-1)?.state === 'connecting');
      await clock.advance(1_000);
      await record.waitUntil(() => record.logs.some((line) => line.includes('503')));
      for (let at = 0; at < 5 && record.states.at(-1)?.state !== 'online'; at++) {
        await clock.advance(60_000);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await isReady(record);
      expect(server.requests.length).toBeGreaterThan(asked);
    } finally {
      await rig.close();
    }
  });

  it('is never tried in a mode that would answer it with messages', async () => {
    const rig = await startSignal({ server: { mode: 'normal' }, settings: { receive: 'websocket' }, online: false });
    try {
      await rig.record.waitUntil(() => rig.record.states.at(-1)?.state === 'offline');
      expect(rig.record.states.at(-1)?.detail).toContain('receive: auto');
      expect(rig.server.requests.some((request) => request.path.startsWith('/v1/receive'))).toBe(false);
    } finally {
      await rig.close();
    }
  });
});
