import { describe, expect, it } from 'vitest';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { isReady, makeAdapter, startSignal, type Started } from './signal-harness.ts';

async function withPolling(run: (rig: Started) => Promise<void>, mode: 'normal' | 'native' = 'normal') {
  const rig = await startSignal({ server: { mode } });
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

const isPoll = (request: { path: string }) => request.path.startsWith('/v1/receive/');

describe('polling', () => {
  it('keeps what an answer brought before it hands over the first message, and forgets it after the last', async () => {
    await withPolling(async ({ server, record, ada }) => {
      record.failNext(2);
      ada.dm.write('one');
      ada.dm.write('two');
      await record.waitUntil(() => record.answers.length > 0);
      expect(record.cursors.get('batch')).toContain('one');
      await record.waitUntil(() => record.received.length === 2);
      await record.waitUntil(() => !record.cursors.has('batch'));
      expect(server.queued()).toBe(0);
    });
  });

  it('a process that dies in the middle of an answer takes it up again: nothing is lost, nothing is doubled', async () => {
    await withPolling(async ({ server, adapter, record, ada }) => {
      record.failNext(1_000);
      ada.dm.write('one');
      ada.dm.write('two');
      await record.waitUntil(() => record.answers.length > 0);
      // As after kill -9: only what is on disk is left.
      const cursors = new Map(record.cursors);
      await adapter.stop();
      const next = makeRecordingHost({ cursors });
      const second = makeAdapter(server);
      await second.start(next.host);
      ada.dm.write('three');
      await next.waitUntil(() => next.received.length === 3);
      expect(next.received.map((message) => message.text)).toEqual(['one', 'two', 'three']);
      await second.stop();
      await next.close();
    });
  });

  it('a poll that runs at the stop is waited for, and what it brings is kept for the next start', async () => {
    const rig = await startSignal({ server: { mode: 'normal', secondMs: 3_000 }, online: false });
    const { server, adapter, record, ada } = rig;
    try {
      const gate = Promise.withResolvers<void>();
      await server.until('a poll', () => server.requests.some(isPoll));
      // Not that poll, the next one.
      server.fail({ route: 'GET /v1/receive', hold: gate.promise });
      ada.dm.write('heard');
      await record.waitUntil(() => record.received.length === 1);
      ada.dm.write('just before the end');
      await server.until('the poll to take it', () => server.queued() === 0);
      const stopping = adapter.stop();
      gate.resolve();
      await stopping;
      expect(record.received).toHaveLength(1);
      expect(record.cursors.get('batch')).toContain('just before the end');
    } finally {
      await rig.close();
    }
  });

  it('messages that may have got lost with an answer are told as a gap', async () => {
    await withPolling(async ({ server, record }) => {
      server.fail({ route: 'GET /v1/receive', drop: 'before' });
      await record.waitUntil(() => record.gaps.length > 0);
      expect(record.gaps[0]).toMatchObject({ reason: 'no-replay' });
      await isReady(record);
      const told = record.gaps.length;
      await server.goAway();
      await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
      // The connection that was cut in the middle may be one more; those that were refused are none.
      expect(record.gaps.length).toBeLessThanOrEqual(told + 1);
      await server.comeBack();
      await isReady(record);
    });
  });

  it('asks for no more at once than it can keep, and for neither stories nor avatars', async () => {
    await withPolling(async ({ server, record, ada }) => {
      for (let i = 0; i < 120; i++) ada.dm.write(`number ${i}`);
      await record.waitUntil(() => record.received.length === 120, 10_000);
      expect(record.received.map((message) => message.text)).toEqual(
        Array.from({ length: 120 }, (_, i) => `number ${i}`),
      );
      expect(server.lost()).toBe(0);
    }, 'native');
  });

  it('shows no typing in normal mode, where each call starts a process', async () => {
    await withPolling(async ({ server, adapter, dm }) => {
      expect(adapter.capabilities(dm)).toMatchObject({ typing: { support: 'dropped' }, backfill: 'server-queue' });
      await adapter.typing?.(dm);
      expect(server.isTyping(dm.chat)).toBe(false);
    });
  });

  it('a phone that unlinked the device is told as a login that is needed', async () => {
    await withPolling(async ({ server, record }) => {
      const body = { error: 'Failed to receive: [401] Authorization failed! (AuthorizationFailedException)\n' };
      server.fail({ route: 'GET /v1/receive', times: 1, status: 400, body });
      await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
      expect(record.states.at(-1)?.detail).toContain('link it again');
    });
  });

  it('takes no time without a connection for a gap after it was a WebSocket', async () => {
    const rig = await startSignal({ server: { mode: 'native' }, host: { cursors: new Map([['connected-at', '1']]) } });
    expect(rig.record.gaps).toEqual([]);
    expect(rig.record.cursors.has('connected-at')).toBe(false);
    await rig.close();
  });
});
