// /insights: what is counted, in whose days, and the picture.
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { reserveUsage, settleUsage } from '../../../data/usage.ts';
import type { Scope } from '../../../data/scope.ts';
import { makeCanvas } from '../../../gateway/insights/canvas.ts';
import { readInsights } from '../../../gateway/insights/insights.ts';
import { drawInsights } from '../../../gateway/insights/picture.ts';
import { encodePng } from '../../../gateway/insights/png.ts';
import { dm, group, openBench, type Bench } from '../commands/command-bench.ts';

const NO_CAPS = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};

async function spend(bench: Bench, scope: Scope, call: { cause?: string; model?: string; microUsd?: number } = {}) {
  const { cause = 'turn', model = 'large', microUsd = 1_500 } = call;
  const place = { session: undefined, turn: undefined, cause, provider: 'cloud', model, dayStart: 0, caps: NO_CAPS };
  const reserved = await reserveUsage(bench.db, scope, { ...place, tokens: 10, microUsd, costKnown: true });
  if (!reserved.ok) throw new Error('refused');
  const tokens = { input: 700, output: 50, cacheRead: 300, cacheWrite: 0, reasoning: 0 };
  await settleUsage(bench.db, scope, reserved.id, { ...tokens, provider: 'cloud', model, microUsd, costKnown: true });
}

/** Chunks of a PNG by type, after their checksums were seen to be there; and the rows of pixels. */
function readPng(png: Uint8Array): { width: number; height: number; rows: Buffer[]; types: string[] } {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n');
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    chunks.push({
      type: bytes.toString('latin1', at + 4, at + 8),
      data: bytes.subarray(at + 8, at + 8 + length),
    });
    at += length + 12;
  }
  const [header] = chunks;
  if (!header) throw new Error('no header');
  const [width, height] = [header.data.readUInt32BE(0), header.data.readUInt32BE(4)];
  const raw = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  const rows = Array.from({ length: height }, (_, y) => raw.subarray(y * (width + 1) + 1, (y + 1) * (width + 1)));
  return { width, height, rows, types: chunks.map(({ type }) => type) };
}

describe('what is counted', () => {
  test('calls fall in the days of the time zone, per model and use; only the own ones', async () => {
    const bench = await openBench();
    const ada = await bench.person('ada', 'owner');
    const bob = await bench.person('bob', 'member');
    const { scope } = await bench.route(ada, dm(ada));
    const now = Date.UTC(2026, 10, 21, 12);
    await bench.clock.advance(now - bench.clock.now());
    await spend(bench, scope);
    await spend(bench, scope, { cause: 'compress', model: 'small', microUsd: 500 });
    await spend(bench, (await bench.route(bob, dm(bob))).scope);
    // 12:00 UTC is the next day already in Kiritimati, 14 hours ahead.
    const read = await readInsights(bench.db, scope, { days: 3, now, timezone: 'Pacific/Kiritimati' });
    expect(read.days.map(({ start }) => new Date(start).toISOString())).toEqual([
      '2026-11-19T10:00:00.000Z',
      '2026-11-20T10:00:00.000Z',
      '2026-11-21T10:00:00.000Z',
    ]);
    expect(read.days.map(({ calls }) => calls)).toEqual([0, 0, 2]);
    expect(read.total).toMatchObject({ calls: 2, tokens: 2_100, microUsd: 2_000, cachedShare: 0.3, unpriced: 0 });
    expect(read.models.map(({ name, microUsd }) => [name, microUsd])).toEqual([
      ['large', 1_500],
      ['small', 500],
    ]);
    expect(read.causes.map(({ name }) => name)).toEqual(['turn', 'compress']);
  });

  test('a night with 25 hours is one day', async () => {
    const bench = await openBench();
    const ada = await bench.person('ada', 'owner');
    const { scope } = await bench.route(ada, dm(ada));
    const now = Date.UTC(2026, 9, 26, 12);
    const read = await readInsights(bench.db, scope, { days: 3, now, timezone: 'Europe/Vienna' });
    const starts = read.days.map(({ start }) => start);
    expect(starts.slice(1).map((start, i) => (start - (starts[i] ?? 0)) / 3_600_000)).toEqual([24, 25]);
  });
});

describe('/insights', () => {
  test('says it in words and sends a picture that others can read', async () => {
    const bench = await openBench();
    const ada = await bench.person('ada', 'owner');
    await spend(bench, (await bench.route(ada, dm(ada))).scope);
    const reply = await bench.run(ada, dm(ada), '/insights 3');
    expect(reply.text).toContain('**The last 3 days**: 0 answers in 0 conversations.');
    expect(reply.text).toContain('1 model call, 1.1k tokens (30 % of what went in from the cache), $0.0015.');
    expect(reply.files?.map(({ name, mime }) => [name, mime])).toEqual([['insights.png', 'image/png']]);
    expect(readPng(Buffer.from(bench.stored.get('insights.png') ?? '', 'latin1'))).toMatchObject({
      width: 900,
      height: 520,
      types: ['IHDR', 'PLTE', 'IDAT', 'IEND'],
    });
  });

  test('nothing to show needs no picture; a group is told nothing; a bad number is explained', async () => {
    const bench = await openBench();
    const ada = await bench.person('ada', 'owner');
    const reply = await bench.run(ada, dm(ada), '/insights');
    expect(reply.text).toContain('No model was called.');
    expect(reply.files).toBeUndefined();
    expect((await bench.run(ada, group(), '/insights')).text).toContain('direct message');
    await expect(bench.run(ada, dm(ada), '/insights many')).rejects.toThrow('from 1 to 90');
  });
});

describe('the picture', () => {
  test('pixels come out as they went in', () => {
    const canvas = makeCanvas(5, 3, [0xffffff, 0x102030]);
    canvas.fill({ x: 1, y: 1, width: 2, height: 9 }, 1);
    canvas.fill({ x: -4, y: -4, width: 5, height: 5 }, 1);
    expect(readPng(encodePng(canvas)).rows.map((row) => [...row])).toEqual([
      [1, 0, 0, 0, 0],
      [0, 1, 1, 0, 0],
      [0, 1, 1, 0, 0],
    ]);
  });

  test('letters stand upright, accents go, and signs that are not there are asked about', () => {
    const draw = (words: string) => {
      const canvas = makeCanvas(12, 8, [0, 1]);
      canvas.text(words, { x: 0, y: 0, scale: 1 }, 1);
      return readPng(encodePng(canvas)).rows.map((row) => [...row].map((dot) => (dot === 1 ? '#' : '.')).join(''));
    };
    expect(draw('L').slice(0, 7)).toEqual([...Array<string>(6).fill('#...........'), '#####.......']);
    expect(draw('é')).toEqual(draw('e'));
    expect(draw('漢')).toEqual(draw('?'));
  });

  test('numbers of any size, no days with anything and long names break nothing', () => {
    const share = { name: 'x'.repeat(300), calls: 1e9, tokens: 1e15, microUsd: 1e15 };
    const base = {
      from: 0,
      to: 1,
      timezone: 'UTC',
      models: [share],
      causes: [],
      learned: { skills: [], memories: 0 },
      runs: [],
    };
    const work = { turns: {}, conversations: 0, tools: [], workers: {} };
    for (const count of [1, 7, 90]) {
      const days = Array.from({ length: count }, (_, i) => ({
        start: i * 86_400_000,
        calls: 0,
        tokens: 0,
        microUsd: 0,
      }));
      const total = { ...share, cachedShare: 0, unpriced: 0 };
      expect(readPng(drawInsights({ ...base, days, total, work })).height).toBe(520);
      const nothing = { ...total, microUsd: 0, tokens: 0 };
      expect(readPng(drawInsights({ ...base, models: [], days, total: nothing, work })).width).toBe(900);
    }
  });
});
