// What is forgotten here is forgotten by the services outside as well: also after a restart and an outage, and what they do not do is told.
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DEFAULT_MEMORY } from '../../../agent/memory/config.ts';
import { openMemory } from '../../../agent/memory/memory.ts';
import { loadConfig } from '../../../config/load.ts';
import { listDueForgettings } from '../../../data/process/work/forgettings.ts';
import { openMemoryServices } from '../../../gateway/compose/memory-providers.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { NO_CAPS } from '../../agent/fixture.ts';
import { converse, makePerson, makeSpeaker } from '../../data/conversation.ts';
import { openTemporaryData } from '../../data/temporary-data.ts';
import { openLoopback, type Handler } from '../../support/memory-services/loopback.ts';
import { hindsight, honcho, retaindb, SERVICE_KEY } from '../../support/memory-services/services.ts';

const HANDLERS = { hindsight, honcho, retaindb } satisfies Record<string, () => Handler>;
const settings = () => ({ caps: NO_CAPS, prices: {}, timezone: 'UTC' });
type Name = keyof typeof HANDLERS;

async function openRig(name: Name) {
  const server = await openLoopback(HANDLERS[name]());
  onTestFinished(() => server.close());
  const { db, clock, home } = await openTemporaryData();
  const providers = [{ name, base_url: server.url }];
  fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify({ memory: { providers } }));
  const loaded = await loadConfig({ manifests: [], home, env: { [`${name.toUpperCase()}_API_KEY`]: SERVICE_KEY } });
  const told: string[] = [];
  const ann = await makeSpeaker(db, await makePerson(db, 'Ann'));
  /** As a process would. */
  async function start() {
    const redactor = makeRedactor(loaded.secrets);
    const tell = async (_scope: unknown, { text }: { text: string }) => void told.push(text);
    const services = openMemoryServices({ db, clock, log: silentLog, redactor, loaded, settings, tell });
    await services.ready;
    const memory = openMemory({
      db,
      log: silentLog,
      settings: () => DEFAULT_MEMORY,
      folderOf: ({ space }) => path.join(home, 'memories', space.replace(/\W/g, '_')),
      outside: services.outside,
    });
    return { memory, stop: async () => services.source.close?.(), source: services.source };
  }
  const running = await start();
  onTestFinished(() => running.stop());
  async function say(text: string, keep?: string) {
    const turn = await converse(db, ann, text, 'Noted.');
    const by = { author: 'agent', isTainted: false, turn: turn.id, session: ann.session.id } as const;
    if (keep !== undefined)
      await running.memory.change(ann.scope, [{ action: 'add', target: 'memory', content: keep }], by);
    const at = { scope: ann.scope, session: ann.session.id, address: ann.address, role: 'owner' } as const;
    const isTold = () => server.asked.filter(({ path: to }) => /\/(?:messages|memories)$/.test(to)).length;
    const before = isTold();
    await running.source.ended?.({ ...at, turn: turn.id, state: 'done' });
    await until(() => isTold() === before + (keep === undefined ? 1 : 2));
  }
  const deletions = () => server.asked.filter(({ method }) => method === 'DELETE').length;
  const rows = async () => (await listDueForgettings(db, 100)).length;
  return { db, clock, server, ann, told, start, running, say, deletions, rows };
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come to that');
}

test('one entry is deleted there with the turn that it came from, all of a person as one', async () => {
  const { server, ann, running, say, deletions, rows, told } = await openRig('hindsight');
  await say('I have a dog called Rex.', 'Has a dog called Rex.');
  await say('I like tea.', 'Likes tea.');
  const [entry] = (await running.memory.overview(ann.scope)).core;
  const one = await running.memory.forget(ann.scope, { entries: [entry?.id ?? 0] });
  expect(one.count).toBe(1);
  expect(one.outside).toEqual([expect.stringMatching(/^Hindsight is told to delete it too/)]);
  await until(() => deletions() === 2);
  const paths = server.asked.flatMap(({ method, path: to }) => (method === 'DELETE' ? [to] : []));
  for (const to of paths) expect(to).toMatch(/^\/v1\/default\/banks\/herald-herald-[0-9a-f]{32}\/documents\/herald-/);
  const all = await running.memory.forget(ann.scope, { person: true });
  expect(all.count).toBe(1);
  await until(() => deletions() === 3);
  expect(server.asked.at(-1)?.path).toMatch(/banks\/herald-herald-[0-9a-f]{32}$/);
  await until(async () => (await rows()) === 0);
  expect([server.violations, told]).toEqual([[], []]);
});

test('what was told before is deleted, whatever is in the way: an outage, and the end of the process', async () => {
  const { clock, server, ann, running, say, start, deletions, rows, told } = await openRig('honcho');
  await say('My secret is zebra.');
  server.fault = 'unavailable';
  const { count, outside } = await running.memory.forget(ann.scope, { person: true });
  expect([count, outside.length]).toEqual([0, 1]);
  const asked = server.asked.length;
  await until(() => server.asked.length > asked);
  await running.stop();
  expect(deletions()).toBe(0);
  server.fault = undefined;
  await clock.advance(60_000);
  const next = await start();
  onTestFinished(() => next.stop());
  await until(() => deletions() === 1);
  await until(async () => (await rows()) === 0);
  expect([server.violations, told]).toEqual([[], []]);
});

test('it is tried again by itself when the service is back, and nothing runs when nothing is left', async () => {
  const { clock, server, ann, running, say, deletions, rows } = await openRig('honcho');
  await say('My secret is zebra.');
  server.fault = 'error';
  const asked = server.asked.length;
  await running.memory.forget(ann.scope, { session: ann.session.id });
  await until(async () => server.asked.length > asked && (await rows()) === 0);
  server.fault = undefined;
  const tries = deletions();
  await clock.advance(10_000);
  await until(() => deletions() === tries + 1);
  await clock.advance(30 * 24 * 3_600_000);
  expect(deletions()).toBe(tries + 1);
  expect(server.violations).toEqual([]);
});

test('a service that refuses is told of once, with the name that is known there; one that fails for a week, too', async () => {
  const { db, clock, server, ann, running, say, told } = await openRig('hindsight');
  await say('I have a dog called Rex.', 'Has a dog called Rex.');
  server.fault = 'refuse';
  await running.memory.forget(ann.scope, { person: true });
  await until(() => told.length === 1);
  expect(told[0]).toMatch(/^Hindsight did not delete.*under the name `herald-[0-9a-f]{32}`/s);
  expect(await db.query.selectFrom('forgettings').selectAll().execute()).toEqual([]);
  server.fault = 'error';
  await running.memory.forget(ann.scope, { person: true });
  for (let hour = 0; hour < 24 * 9 && told.length < 2; hour += 6) {
    await clock.advance(6 * 3_600_000);
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(told).toHaveLength(2);
  expect(await db.query.selectFrom('forgettings').selectAll().execute()).toEqual([]);
});

test('what a service cannot delete is said in the answer, and nothing is asked of it', async () => {
  const entry = { entries: [1] };
  const { ann, running, deletions, db } = await openRig('retaindb');
  expect((await running.memory.forget(ann.scope, { person: true })).outside).toEqual([
    expect.stringMatching(/^RetainDB has no way to delete/),
  ]);
  const rig = await openRig('honcho');
  expect((await rig.running.memory.forget(rig.ann.scope, entry)).outside).toEqual([
    expect.stringMatching(/^Honcho cannot delete single things.*`\/memory forget me`.*`\/memory forget session`/),
  ]);
  for (const one of [db, rig.db]) expect(await one.query.selectFrom('forgettings').selectAll().execute()).toEqual([]);
  expect([deletions(), rig.deletions()]).toEqual([0, 0]);
});
