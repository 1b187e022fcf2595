// What the configuration sets up: search by meaning and memory services, from the files of a home to a question that is answered.
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { KnowledgeTask } from '../../../agent/knowledge.ts';
import { loadConfig } from '../../../config/load.ts';
import { checkMemoryServices, openMemoryServices } from '../../../gateway/compose/memory-providers.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { NO_CAPS } from '../../agent/fixture.ts';
import { converse, makePerson, makeSpeaker } from '../../data/conversation.ts';
import { openTemporaryData } from '../../data/temporary-data.ts';
import { EMBEDDING_KEY, openEmbeddingsServer } from '../../support/memory-services/embeddings-server.ts';
import { openLoopback, type Loopback } from '../../support/memory-services/loopback.ts';
import { honcho, mem0, SERVICE_KEY } from '../../support/memory-services/services.ts';

const settings = () => ({ caps: NO_CAPS, prices: {}, timezone: 'UTC' });

function closing<Server extends Loopback>(server: Server): Server {
  onTestFinished(() => server.close());
  return server;
}

async function load(home: string, memory: object, env: Record<string, string> = {}) {
  fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify({ memory }));
  return loadConfig({ manifests: [], home, env });
}

async function open(memory: object, env: Record<string, string> = {}) {
  const data = await openTemporaryData();
  const loaded = await load(data.home, memory, env);
  const redactor = makeRedactor(loaded.secrets);
  const lines: string[] = [];
  const log = {
    ...silentLog,
    warn: (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const { db, clock } = data;
  const tell = async () => {};
  const services = openMemoryServices({ db, clock, log, redactor, loaded, settings, tell });
  await services.ready;
  onTestFinished(() => services.source.close?.());
  const ann = await makeSpeaker(db, await makePerson(db, 'Ann'));
  const task = (turn: KnowledgeTask['turn'], text: string): KnowledgeTask => ({
    scope: ann.scope,
    session: ann.session.id,
    role: 'owner',
    address: { platform: 'pigeon', kind: 'dm' },
    isWorker: false,
    turn,
    text,
    tools: [],
  });
  /** What is known to a turn that says `text`. */
  async function ask(text: string): Promise<readonly string[]> {
    const turn = await converse(db, ann, text);
    const sections = await services.source.open?.(task(turn.id, text)).sections();
    return (sections ?? []).flatMap((section) => section.lines);
  }
  async function say(text: string): Promise<void> {
    const turn = await converse(db, ann, text, 'Noted.');
    const at = { scope: ann.scope, session: ann.session.id, address: ann.address, role: 'owner' } as const;
    await services.source.ended?.({ ...at, turn: turn.id, state: 'done' });
  }
  return { ...data, services, redactor, lines, ann, ask, say, loaded };
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come to that');
}

test('without any setting nothing is set up, and no secret is made', async () => {
  const { services, ask, home, ann } = await open({});
  expect(await ask('tea')).toEqual([]);
  expect(await services.semantic.nearest(ann.scope, 'tea', 1, new AbortController().signal)).toEqual([]);
  services.semantic.changed(ann.scope);
  expect(fs.existsSync(path.join(home, 'keys'))).toBe(false);
});

test('two services at once, with keys from the environment that no log shows, and another configuration without a restart', async () => {
  const [one, two] = [closing(await openLoopback(honcho())), closing(await openLoopback(mem0()))];
  const providers = [
    { name: 'honcho', base_url: one.url },
    { name: 'mem0', base_url: two.url, key_env: 'MY_SERVICE' },
  ];
  const env = { HONCHO_API_KEY: SERVICE_KEY, MY_SERVICE: SERVICE_KEY };
  const { services, ask, say, redactor, home } = await open({ providers }, env);
  expect(redactor.redact(`x ${SERVICE_KEY}`)).toBe('x [redacted]');
  await say('My favourite tea is Assam.');
  await until(() => two.asked.length > 0 && one.asked.length >= 5);
  expect((await ask('which tea?')).filter((line) => line.includes('Assam'))).toHaveLength(1);
  expect([...one.violations, ...two.violations]).toEqual([]);
  const salt = path.join(home, 'keys', 'memory-salt');
  expect(fs.statSync(salt).mode & 0o077).toBe(0);

  await services.reload(await load(home, { providers: [{ ...providers[0], enabled: false }, providers[1]] }, env));
  const asked = one.asked.length;
  // Known by the same name as before.
  expect((await ask('which tea?')).join()).toContain('Assam');
  expect(one.asked).toHaveLength(asked);

  fs.writeFileSync(salt, 'something else');
  await expect(async () => services.reload(await load(home, { providers }, env))).rejects.toThrow(AppError);
});

test('a service without its key or its address is left out and told of', async () => {
  const { ask, lines } = await open({ providers: [{ name: 'mem0' }, { name: 'openviking' }] });
  expect(await ask('tea')).toEqual([]);
  expect(lines).toEqual([
    expect.stringContaining('MEM0_API_KEY'),
    expect.stringContaining('needs the address of a server'),
  ]);
});

test('the search by meaning takes address and key of a provider, or its own', async () => {
  const server = closing(await openEmbeddingsServer());
  for (const [memory, env] of [
    [{ base_url: `${server.url}/v1`, key_env: 'MY_SERVICE' }, { MY_SERVICE: EMBEDDING_KEY }],
    [{ base_url: `${server.url}/v1`, provider: 'openai' }, { OPENAI_API_KEY: EMBEDDING_KEY }],
  ] as const) {
    const { services, db, clock, ann, lines } = await open(
      { embeddings: { enabled: true, usd_per_million: 1, ...memory } },
      env,
    );
    const row = {
      space_id: ann.scope.space,
      person_id: ann.person.id,
      target: 'memory',
      place: 'archive',
      state: 'active',
      text: 'likes tea',
      fold: 'likes tea',
      author: 'agent',
      origin: 'agent',
      created_at: 1,
      updated_at: 1,
    } as const;
    await db.query.insertInto('memories').values(row).execute();
    services.semantic.changed(ann.scope);
    await clock.advance(250);
    const find = () => services.semantic.nearest(ann.scope, 'drink', 1, new AbortController().signal);
    await until(async () => (await find()).length === 1);
    expect(lines).toEqual([]);
    const usage = await db.query.selectFrom('usage').select(['cause', 'cost_known', 'cost_micro_usd']).execute();
    expect(usage[0]).toEqual({ cause: 'embedding', cost_known: 1, cost_micro_usd: 3 });
  }
  const { lines } = await open({ embeddings: { enabled: true } });
  expect(lines).toEqual([expect.stringContaining('OPENAI_API_KEY')]);
});

test('each is asked whether it answers', async () => {
  const [one, two] = [closing(await openLoopback(honcho())), closing(await openLoopback(mem0()))];
  two.fault = 'error';
  const models = closing(
    await openLoopback(({ path: asked }) =>
      asked === '/v1/models' ? { status: 200, json: { data: [] } } : { violation: asked },
    ),
  );
  const memory = {
    providers: [
      { name: 'honcho', base_url: one.url },
      { name: 'mem0', base_url: two.url },
      { name: 'supermemory' },
      { name: 'retaindb', enabled: false },
    ],
    embeddings: { enabled: true, base_url: `${models.url}/v1` },
  };
  const { clock, loaded } = await open(memory, { HONCHO_API_KEY: SERVICE_KEY, MEM0_API_KEY: SERVICE_KEY });
  expect(await checkMemoryServices(loaded, clock)).toEqual([
    { name: 'honcho', ok: true, detail: 'answers' },
    { name: 'mem0', ok: false, detail: expect.stringContaining('500') },
    { name: 'supermemory', ok: false, detail: expect.stringContaining('SUPERMEMORY_API_KEY') },
    { name: 'embeddings', ok: true, detail: 'answers' },
  ]);
  expect(one.violations).toEqual([]);
});
