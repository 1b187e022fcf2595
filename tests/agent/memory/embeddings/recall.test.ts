// The memory with the search by meaning: what no word tells is found, what is forgotten is gone from both, and a dead server changes nothing
// for the search by words.
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_MEMORY } from '../../../../agent/memory/config.ts';
import { makeEmbeddingClient } from '../../../../agent/memory/embeddings/client.ts';
import { makeEmbedder } from '../../../../agent/memory/embeddings/embedder.ts';
import { makeSemanticIndex } from '../../../../agent/memory/embeddings/semantic-index.ts';
import { openMemory } from '../../../../agent/memory/memory.ts';
import { personScope } from '../../../../data/scope.ts';
import { personId } from '../../../../shared/ids.ts';
import { silentLog } from '../../../../shared/log.ts';
import { openTemporaryData } from '../../../data/temporary-data.ts';
import { EMBEDDING_KEY, openEmbeddingsServer } from '../../../support/memory-services/embeddings-server.ts';
import { NO_CAPS } from '../../fixture.ts';

test('words and meaning find together', async () => {
  const server = await openEmbeddingsServer();
  onTestFinished(() => server.close());
  const { db, clock, home } = await openTemporaryData();
  const redact = (text: string) => text;
  const baseUrl = `${server.url}/v1`;
  const client = makeEmbeddingClient({ baseUrl, key: EMBEDDING_KEY, model: 'm', dimensions: 8, fetch, clock, redact });
  const settings = () => ({ caps: NO_CAPS, prices: {}, timezone: 'UTC' });
  const embedder = makeEmbedder({ db, clock, client, provider: 'own', model: 'm', dimensions: 8, settings });
  const semantic = makeSemanticIndex({
    db,
    clock,
    random: () => 0,
    log: silentLog,
    embedder,
    redact,
    queryTimeoutMs: 1_500,
  });
  onTestFinished(() => semantic.close());
  const scope = personScope(personId('ann'));
  const memory = openMemory({
    db,
    log: silentLog,
    settings: () => DEFAULT_MEMORY,
    folderOf: () => path.join(home, 'memories'),
    semantic,
  });
  const add = (content: string) =>
    memory.change(scope, [{ action: 'add', target: 'memory', content }], { author: 'agent', isTainted: false });
  const vectors = async () => (await db.query.selectFrom('memory_vectors').select('memory_id').execute()).length;
  const until = async (count: number) => {
    for (let i = 0; i < 1_000 && (await vectors()) !== count; i++) {
      await clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await vectors()).toBe(count);
  };
  const find = async (text: string) => (await memory.find(scope, { text, limit: 1 })).map((entry) => entry.text);

  await add('Has a puppy called Rex.');
  await add('Drinks green tea in the morning.');
  expect(await find('favourite beverage')).toEqual([]);
  await until(2);
  expect(await find('favourite beverage')).toEqual(['Drinks green tea in the morning.']);
  expect(await find('Rex')).toEqual(['Has a puppy called Rex.']);

  const [dog] = await memory.find(scope, { text: 'Rex', limit: 1 });
  await db.query
    .deleteFrom('memories')
    .where('id', '=', dog?.id ?? 0)
    .execute();
  expect(await vectors()).toBe(1);

  server.fault = 'error';
  expect(await find('green tea')).toEqual(['Drinks green tea in the morning.']);
  expect(await find('favourite beverage')).toEqual([]);
});
