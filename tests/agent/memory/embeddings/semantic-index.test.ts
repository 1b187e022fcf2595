// What is remembered is read in the background and found by its meaning; nothing of it may delay or fail a turn.
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeEmbeddingClient } from '../../../../agent/memory/embeddings/client.ts';
import { makeEmbedder, type Embedder } from '../../../../agent/memory/embeddings/embedder.ts';
import { makeSemanticIndex } from '../../../../agent/memory/embeddings/semantic-index.ts';
import type { ProcessDb } from '../../../../data/db.ts';
import { personScope, type Scope } from '../../../../data/scope.ts';
import type { UsageCaps } from '../../../../data/usage.ts';
import { asAppError } from '../../../../shared/errors.ts';
import { personId } from '../../../../shared/ids.ts';
import type { Logger } from '../../../../shared/log.ts';
import { openTemporaryData } from '../../../data/temporary-data.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';
import { EMBEDDING_KEY, openEmbeddingsServer } from '../../../support/memory-services/embeddings-server.ts';

const ann = personScope(personId('ann'));
const eve = personScope(personId('eve'));
const never = new AbortController().signal;

const noCaps: UsageCaps = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};

function makeLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
  return { log, lines };
}

interface RigOptions {
  model?: string;
  dimensions?: number;
  caps?: Partial<UsageCaps>;
  embedder?: (made: Embedder) => Embedder;
}

async function openRig(options: RigOptions = {}) {
  const server = await openEmbeddingsServer();
  onTestFinished(() => server.close());
  const { db, clock } = await openTemporaryData();
  const { log, lines } = makeLog();
  const redact = (text: string) => text.replaceAll('hunter2', '[redacted]');
  const build = ({ model = 'small', dimensions, caps, embedder: wrap = (made) => made }: RigOptions) => {
    const client = makeEmbeddingClient({
      baseUrl: `${server.url}/v1`,
      key: EMBEDDING_KEY,
      model,
      dimensions,
      fetch,
      clock,
      redact,
    });
    const made = makeEmbedder({
      db,
      clock,
      client,
      provider: 'own',
      model,
      dimensions,
      settings: () => ({
        caps: { ...noCaps, ...caps },
        prices: { 'own/small': { input: 2, output: 0 } },
        timezone: 'UTC',
      }),
    });
    const index = makeSemanticIndex({
      db,
      clock,
      random: () => 0,
      log,
      embedder: wrap(made),
      redact,
      queryTimeoutMs: 1_500,
    });
    onTestFinished(() => index.close());
    return index;
  };
  return { server, db, clock, lines, build, index: build(options) };
}

async function remember(db: ProcessDb, scope: Scope, text: string): Promise<string> {
  const row = await db.query
    .insertInto('memories')
    .values({
      space_id: scope.space,
      person_id: scope.person,
      target: 'memory',
      place: 'archive',
      state: 'active',
      text,
      fold: text,
      author: 'agent',
      origin: 'agent',
      created_at: 1,
      updated_at: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return String(row.id);
}

/** Turns the clock until `done`; the server answers in real time. */
async function until(clock: FakeClock, done: () => boolean | Promise<boolean>, stepMs = 250): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await done()) return;
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('it did not come to that');
}

const vectors = async (db: ProcessDb) =>
  (await db.query.selectFrom('memory_vectors').select('memory_id').execute()).length;

const usageOf = (db: ProcessDb) =>
  db.query
    .selectFrom('usage')
    .select(['cause', 'state', 'person_id', 'input_tokens', 'cost_micro_usd', 'cost_known'])
    .orderBy('id')
    .execute();

describe('the search by meaning', () => {
  test('finds what was said in other words, of the own space alone', async () => {
    const { index, db, clock, server } = await openRig();
    const tea = await remember(db, ann, 'likes green tea');
    const dog = await remember(db, ann, 'has a puppy');
    await remember(db, eve, 'likes coffee');
    index.changed(ann);
    index.changed(eve);
    await until(clock, async () => (await vectors(db)) === 3);
    const found = await index.nearest(ann, 'which beverage?', 5, never);
    expect(found.map(({ entry }) => entry)).toEqual([tea, dog]);
    expect(found[0]?.distance).toBeLessThan(found[1]?.distance ?? 0);
    expect(server.violations).toEqual([]);
    expect(index.failure()).toBeUndefined();
  });

  test('reads only what is new or has changed, and reads all anew for another model', async () => {
    const { index, db, clock, server, build } = await openRig();
    const tea = await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    const dog = await remember(db, ann, 'dog');
    index.changed(ann);
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 2);
    await db.query.updateTable('memories').set({ text: 'train' }).where('id', '=', Number(tea)).execute();
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 2);
    expect(server.texts).toEqual(['tea', 'dog', 'train']);
    await index.close();
    const other = build({ model: 'large' });
    expect(await other.nearest(ann, 'puppy', 1, never)).toEqual([]);
    await until(clock, async () => (await other.nearest(ann, 'puppy', 1, never)).length === 1);
    expect((await other.nearest(ann, 'puppy', 1, never))[0]?.entry).toBe(dog);
    expect(server.texts.filter((text) => text === 'train')).toHaveLength(2);
  });

  test('what was there before it was switched on is read with the first question', async () => {
    const { index, db, clock, server } = await openRig();
    for (let i = 0; i < 150; i++) await remember(db, ann, `tea ${i}`);
    expect(await index.nearest(ann, 'drink', 3, never)).toEqual([]);
    await until(clock, async () => (await vectors(db)) === 150);
    expect(server.asked).toHaveLength(3);
    expect(await index.nearest(ann, 'drink', 3, never)).toHaveLength(3);
  });

  test('a model whose vectors have another length now reads everything anew', async () => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    server.length = 12;
    expect(await index.nearest(ann, 'drink', 1, never)).toEqual([]);
    await until(clock, async () => (await index.nearest(ann, 'drink', 1, never)).length === 1);
  });

  test('vectors of a length that nobody asked for are not kept', async () => {
    const { index, db, clock, server } = await openRig({ dimensions: 6 });
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    expect(server.asked[0]?.body).toMatchObject({ dimensions: 6 });
    server.fault = 'odd';
    await remember(db, ann, 'dog');
    index.changed(ann);
    await until(clock, () => index.failure() !== undefined);
    expect(await vectors(db)).toBe(1);
  });

  test('a text that the model refuses is left out, and the others are read', async () => {
    const { index, db, clock, server } = await openRig();
    server.poison = 'poison';
    for (const text of ['tea', 'poison', 'dog', 'train']) await remember(db, ann, text);
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 3);
    const asked = server.asked.length;
    index.changed(ann);
    await clock.advance(5_000);
    expect(server.asked).toHaveLength(asked);
  });

  test('secrets do not leave the machine, and long texts are cut', async () => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'the password is hunter2');
    await remember(db, ann, 'x'.repeat(50_000));
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 2);
    await index.nearest(ann, 'is it hunter2?', 1, never);
    expect(server.texts.join()).not.toContain('hunter2');
    expect(Math.max(...server.texts.map((text) => text.length))).toBe(8_000);
  });
});

describe('a turn', () => {
  test.each(['hang', 'stall'] as const)('waits 1.5 seconds for its question and no longer (%s)', async (fault) => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    server.fault = fault;
    const began = clock.now();
    let found: readonly object[] | undefined;
    void index.nearest(ann, 'drink', 1, never).then((given) => (found = given));
    await until(clock, () => server.waiting() === 1, 0);
    await clock.advance(1_499);
    expect(found).toBeUndefined();
    await until(clock, () => found !== undefined, 1);
    expect(found).toEqual([]);
    expect(clock.now() - began).toBeLessThan(1_600);
    // The next turns do not wait for a server that is down.
    expect(await index.nearest(ann, 'drink', 1, never)).toEqual([]);
    server.fault = undefined;
    await clock.advance(60_000);
    expect(await index.nearest(ann, 'drink', 1, never)).toHaveLength(1);
  });

  test('is not delayed by an embedder that pays no heed to its signal', async () => {
    const { index, db, clock, build } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    await index.close();
    const deaf = build({ embedder: (made) => ({ ...made, embed: () => new Promise(() => undefined) }) });
    const found = deaf.nearest(ann, 'drink', 1, never);
    await clock.advance(1_500);
    expect(await found).toEqual([]);
  });

  test('that is stopped does not make the server rest', async () => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    server.fault = 'hang';
    const stop = new AbortController();
    const found = index.nearest(ann, 'drink', 1, stop.signal);
    await until(clock, () => server.waiting() === 1, 0);
    stop.abort();
    expect(await found).toEqual([]);
    server.fault = undefined;
    expect(await index.nearest(ann, 'drink', 1, never)).toHaveLength(1);
  });
});

describe('a server that fails', () => {
  test.each(['error', 'unavailable', 'garbage', 'huge', 'refuse', 'redirect'] as const)(
    'is told about once, and asked again later (%s)',
    async (fault) => {
      const { index, db, clock, server, lines } = await openRig();
      await remember(db, ann, 'tea');
      server.fault = fault;
      index.changed(ann);
      await clock.advance(250);
      await until(clock, () => index.failure() !== undefined, ['error', 'unavailable'].includes(fault) ? 5_000 : 0);
      expect(lines).toHaveLength(1);
      expect(lines.join()).not.toContain(EMBEDDING_KEY);
      const asked = server.asked.length;
      expect(asked).toBe(['error', 'unavailable'].includes(fault) ? 5 : 1);
      index.changed(ann);
      await clock.advance(10_000);
      expect(server.asked).toHaveLength(asked);
      server.fault = undefined;
      await clock.advance(60_000);
      await index.nearest(ann, 'drink', 1, never);
      await until(clock, async () => (await vectors(db)) === 1);
      await until(clock, () => index.failure() === undefined);
    },
  );

  test('nothing runs when there is nothing to do, and closing does not wait for it', async () => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1 && clock.pending() === 0);
    server.fault = 'hang';
    await remember(db, ann, 'dog');
    index.changed(ann);
    await until(clock, () => server.waiting() === 1);
    await index.close();
    expect(clock.pending()).toBe(0);
    index.changed(ann);
    expect(await index.nearest(ann, 'drink', 1, never)).toEqual([]);
    expect(clock.pending()).toBe(0);
  });
});

describe('the budget', () => {
  test('each call has its row, settled at what it took', async () => {
    const { index, db, clock, server } = await openRig();
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, async () => (await vectors(db)) === 1);
    await index.nearest(ann, 'drink', 1, never);
    const row = {
      cause: 'embedding',
      state: 'final',
      person_id: 'ann',
      input_tokens: 3,
      cost_micro_usd: 6,
      cost_known: 1,
    };
    expect(await usageOf(db)).toEqual([row, row]);
    server.fault = 'refuse';
    await index.nearest(ann, 'drink', 1, never);
    expect((await usageOf(db)).at(-1)).toMatchObject({ state: 'final', input_tokens: 0, cost_micro_usd: 0 });
  });

  test('without anything left nothing is sent', async () => {
    const { index, db, clock, server } = await openRig({ caps: { personDayTokens: 0 } });
    await remember(db, ann, 'tea');
    index.changed(ann);
    await until(clock, () => index.failure() !== undefined);
    expect(index.failure()).toMatch(/budget/);
    expect(server.asked).toEqual([]);
    expect(await usageOf(db)).toEqual([]);
  });

  test('an answer without a count is paid by the estimate', async () => {
    const { db, clock } = await openRig();
    const embedder = makeEmbedder({
      db,
      clock,
      client: { embed: async () => ({ vectors: [Float32Array.of(1)], tokens: undefined }) },
      provider: 'p',
      model: 'm',
      dimensions: undefined,
      settings: () => ({ caps: noCaps, prices: {}, timezone: 'UTC' }),
    });
    expect(embedder.dimensions()).toBeUndefined();
    await embedder.embed(ann, ['some words to be counted'], never);
    expect(embedder.dimensions()).toBe(1);
    const [row] = await usageOf(db);
    expect(row?.input_tokens).toBeGreaterThan(2);
    expect(row?.cost_known).toBe(0);
  });

  test('a call that was broken off is counted as if it had been worked on', async () => {
    const { db, clock } = await openRig();
    const embedder = makeEmbedder({
      db,
      clock,
      client: { embed: () => Promise.reject(new DOMException('x', 'AbortError')) },
      provider: 'p',
      model: 'm',
      dimensions: undefined,
      settings: () => ({ caps: noCaps, prices: {}, timezone: 'UTC' }),
    });
    const failure = await embedder.embed(ann, ['some words'], never).catch(asAppError);
    expect(failure).toMatchObject({ code: 'cancelled' });
    expect((await usageOf(db))[0]?.input_tokens).toBeGreaterThan(0);
  });
});
