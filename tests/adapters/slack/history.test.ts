import type { webApi } from '@slack/bolt';
import { describe, expect, it } from 'vitest';
import { fetchHistory, hasHistory, type Call, type HistoryRequest } from '../../../adapters/slack/receive/history.ts';
import { openProgress } from '../../../adapters/slack/receive/progress.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

interface Message {
  ts: string;
  text: string;
  thread_ts?: string;
  reply_count?: number;
  latest_reply?: string;
}

const ts = (n: number) => `${1_763_700_000 + n}.000100`;

/** A channel whose history comes in pages of two, the latest first; its threads the other way round. */
function makeChannel(messages: readonly Message[], threads: Readonly<Record<string, readonly Message[]>> = {}) {
  const asked: string[] = [];
  const page = (all: readonly Message[], cursor: string | undefined) => {
    const from = Number(cursor ?? 0);
    const next = from + 2 < all.length ? String(from + 2) : '';
    return { ok: true, messages: all.slice(from, from + 2), response_metadata: { next_cursor: next } };
  };
  const client = {
    conversations: {
      history: async (args: { oldest: string; latest: string; cursor?: string }) => {
        asked.push(`history ${args.cursor ?? ''}`);
        const within = messages.filter((one) => one.ts > args.oldest && one.ts < args.latest);
        return page(
          within.toSorted((a, b) => (a.ts < b.ts ? 1 : -1)),
          args.cursor,
        );
      },
      replies: async (args: { ts: string; oldest: string; cursor?: string }) => {
        asked.push(`replies ${args.ts}`);
        return page(
          (threads[args.ts] ?? []).filter((one) => one.ts > args.oldest || one.ts === args.ts),
          args.cursor,
        );
      },
    },
  };
  const call: Call = (run) => run(client as unknown as webApi.WebClient);
  return { call, asked };
}

const request = (more: Partial<HistoryRequest> = {}): HistoryRequest => ({
  channel: 'C1',
  since: ts(0),
  fresh: ts(0),
  until: ts(1_000),
  horizon: ts(-100),
  threads: [],
  limit: 100,
  isOfUse: () => true,
  ...more,
});
const say = (n: number, more: Partial<Message> = {}): Message => ({ ts: ts(n), text: `m${n}`, ...more });
const idsOf = (history: { messages: readonly { ts: string }[] }) => history.messages.map((message) => message.ts);

describe('history', () => {
  it('goes through all pages that have something new, and gives the oldest first', async () => {
    const { call } = makeChannel([1, 2, 3, 4, 5].map((n) => say(n)));
    const history = await fetchHistory(call, request());
    expect(idsOf(history)).toEqual([1, 2, 3, 4, 5].map(ts));
    expect(history.isCut).toBe(false);
  });

  it('takes the latest when there are too many, without reading all', async () => {
    const { call, asked } = makeChannel(Array.from({ length: 40 }, (_, i) => say(i + 1)));
    const history = await fetchHistory(call, request({ limit: 3 }));
    expect(idsOf(history)).toEqual([38, 39, 40].map(ts));
    expect(history.isCut).toBe(true);
    expect(asked).toHaveLength(2);
    const exact = await fetchHistory(makeChannel([say(1), say(2), say(3)]).call, request({ limit: 3 }));
    expect(exact).toMatchObject({ isCut: false, messages: { length: 3 } });
  });

  it('counts neither what is of no use nor what is fetched again', async () => {
    const { call } = makeChannel([say(-1), say(0), say(1, { text: 'joined' }), say(2), say(3)]);
    const isOfUse = (raw: unknown) => !JSON.stringify(raw).includes('joined');
    const history = await fetchHistory(call, request({ since: ts(-2), limit: 2, isOfUse }));
    expect(idsOf(history)).toEqual([-1, 0, 2, 3].map(ts));
    expect(history.isCut).toBe(false);
  });

  it('finds answers in threads: begun since, begun before, and ours of old', async () => {
    const threads = {
      [ts(1)]: [say(1), say(4, { thread_ts: ts(1) }), say(6, { thread_ts: ts(1) }), say(7, { thread_ts: ts(1) })],
      [ts(-50)]: [say(-50), say(-49), say(5, { thread_ts: ts(-50) })],
      [ts(-900)]: [say(-900), say(3, { thread_ts: ts(-900) })],
    };
    const { call, asked } = makeChannel(
      [
        say(-50, { reply_count: 2, latest_reply: ts(5) }),
        say(-40, { reply_count: 2, latest_reply: ts(-30) }),
        say(1, { reply_count: 3, latest_reply: ts(7) }),
        say(2),
      ],
      threads,
    );
    const history = await fetchHistory(call, request({ threads: [ts(-900), ts(-40), ts(2)] }));
    expect(idsOf(history)).toEqual([1, 2, 3, 4, 5, 6, 7].map(ts));
    // Nothing new is in the others.
    expect(asked).not.toContain(`replies ${ts(-40)}`);
    expect(asked).not.toContain(`replies ${ts(2)}`);
  });

  it('tells whether there was anything', async () => {
    const { call } = makeChannel([say(1, { text: 'joined' }), say(5)]);
    const isOfUse = (raw: unknown) => !JSON.stringify(raw).includes('joined');
    const between = (until: string) => hasHistory(call, { channel: 'C1', since: ts(0), isOfUse }, until);
    expect([await between(ts(3)), await between(ts(6))]).toEqual([false, true]);
  });
});

describe('progress', () => {
  function open(record = makeRecordingHost()) {
    const clock = makeFakeClock();
    let failures = 0;
    const progress = openProgress({ cursor: record.host.cursor, clock, onFailure: () => failures++ });
    return { clock, progress, record, failures: () => failures };
  }

  it('is on disk within a second, and never moves back', async () => {
    const { clock, progress, record } = open();
    await progress.load();
    progress.advance('C1', ts(5));
    progress.advance('C1', ts(3));
    expect(record.cursors.size).toBe(0);
    await clock.advance(1_000);
    expect(record.cursors.get('at.C1')).toBe(ts(5));
    progress.follow('C1', ts(1));
    progress.noteAlive();
    await progress.save();
    const later = open(record);
    await later.progress.load();
    expect(later.progress.positionOf('C1')).toBe(ts(5));
    expect(later.progress.isFollowed('C1', ts(1))).toBe(true);
    expect(later.progress.followed('C1')).toEqual([ts(1)]);
    expect(later.progress.channels()).toEqual(['C1']);
    expect(later.progress.aliveAt()).toBe(clock.now());
    expect(later.progress.beganAt()).toBe(clock.now() - 5_000);
    later.progress.forget('C1');
    await later.progress.save();
    expect([...record.cursors.keys()].toSorted()).toEqual(['alive', 'began']);
  });

  it('that could not be written is written with what follows', async () => {
    const { progress, record, failures } = open();
    const { update } = record.host.cursor;
    record.host.cursor.update = () => Promise.reject(new Error('the disk is full'));
    progress.advance('C1', ts(1));
    await progress.save();
    expect(failures()).toBe(1);
    record.host.cursor.update = update;
    progress.advance('C2', ts(2));
    await progress.save();
    expect([record.cursors.get('at.C1'), record.cursors.get('at.C2')]).toEqual([ts(1), ts(2)]);
  });

  it('forgets threads that nobody writes in, and the oldest of too many', async () => {
    const { clock, progress, record } = open();
    progress.follow('C1', ts(1));
    await clock.advance(15 * 24 * 3_600_000);
    for (let i = 0; i < 2_005; i++) progress.follow('C2', ts(i));
    await progress.save();
    expect(progress.isFollowed('C1', ts(1))).toBe(false);
    const kept = [...record.cursors.keys()].filter((key) => key.startsWith('thread.'));
    expect(kept.length).toBeLessThanOrEqual(2_000);
    expect(kept).not.toContain(`thread.C1 ${ts(1)}`);
  });
});
