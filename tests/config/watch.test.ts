import { rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { watchConfig, type WatchOptions } from '../../config/watch.ts';
import type { AppError } from '../../shared/errors.ts';
import { makeFakeClock } from '../support/fake-clock.ts';
import { sampleManifests } from './sample-manifests.ts';
import { makeHome } from './temp-home.ts';

interface Watched {
  home: string;
  watch: ReturnType<typeof watchConfig>;
  changes: { next: LoadedConfig; previous: LoadedConfig }[];
  errors: AppError[];
  loads: () => number;
  /** Lets the watcher look `times` times. */
  look(times?: number): Promise<void>;
  write(yaml: string): Promise<void>;
}

async function startWatch(yaml: string, extra: Partial<WatchOptions> = {}): Promise<Watched> {
  const home = await makeHome({ yaml });
  const clock = makeFakeClock();
  const load = vi.fn(() => loadConfig({ home, env: {}, manifests: sampleManifests }));
  const watched: Pick<Watched, 'changes' | 'errors'> = { changes: [], errors: [] };
  const watch = watchConfig({
    current: await load(),
    load,
    clock,
    onChange: (next, previous) => void watched.changes.push({ next, previous }),
    onError: (error) => watched.errors.push(error),
    ...extra,
  });
  onTestFinished(() => watch.stop());
  let version = 0;
  return {
    ...watched,
    home,
    watch,
    loads: () => load.mock.calls.length,
    async look(times = 2) {
      for (let i = 0; i < times; i++) {
        await clock.advance(2000);
        // The look itself reads real files: the next one is planned only when it is done.
        await vi.waitFor(() => expect(clock.pending()).toBe(1), { timeout: 5000, interval: 2 });
      }
    },
    async write(text) {
      const file = path.join(home, 'config.yaml');
      await writeFile(file, text);
      // Two writes within one tick of the file system's clock would look the same.
      await utimes(file, 1_800_000_000, 1_800_000_000 + ++version);
    },
  };
}

test('a change is told once, after it has lasted for one interval', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.look(3);
  expect(watched.changes).toEqual([]);
  await watched.write('gateway: {port: 2}');
  await watched.look(1);
  expect(watched.changes).toEqual([]);
  await watched.look(4);
  expect(watched.changes).toHaveLength(1);
  expect(watched.changes[0]?.previous.config.gateway.port).toBe(1);
  expect(watched.changes[0]?.next.config.gateway.port).toBe(2);
  expect(watched.watch.current().config.gateway.port).toBe(2);
});

test('a change between the load and the first look is noticed', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.write('gateway: {port: 2}');
  await watched.look(2);
  expect(watched.watch.current().config.gateway.port).toBe(2);
});

test('a bad file is told once and leaves the last good configuration; mending it works', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.write('gateway: {port: x}');
  await watched.look(5);
  expect(watched.errors.map((error) => error.code)).toEqual(['config_invalid']);
  expect(watched.errors[0]?.publicMessage).toContain('config.yaml:1:17 gateway.port');
  expect(watched.watch.current().config.gateway.port).toBe(1);
  await watched.write('gateway: {port: 3}');
  await watched.look(2);
  expect(watched.watch.current().config.gateway.port).toBe(3);
  expect(watched.errors).toHaveLength(1);
});

test('a touched file with the same text is no change', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.look(2);
  await watched.write('gateway: {port: 1}');
  await watched.look(3);
  expect(watched.changes).toEqual([]);
  expect(watched.loads()).toBe(3);
});

test('.env counts, and so do files that come and go', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await writeFile(path.join(watched.home, '.env'), 'PARROT_BOT_TOKEN=1:a\n', { mode: 0o600 });
  await watched.look(3);
  expect(watched.watch.current().config.platforms['parrot']?.enabled).toBe(true);
  await rm(path.join(watched.home, 'config.yaml'));
  await watched.look(3);
  expect(watched.watch.current().config.gateway.port).toBe(7420);
});

test('reload does not wait', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.write('gateway: {port: 2}');
  await watched.watch.reload();
  expect(watched.changes).toHaveLength(1);
  await watched.look(3);
  expect(watched.changes).toHaveLength(1);
});

test('never throws: what its callers throw is contained, and it goes on', async () => {
  const errors: AppError[] = [];
  const watched = await startWatch('gateway: {port: 1}', {
    onChange: () => Promise.reject(new Error('boom')),
    onError: (error) => {
      errors.push(error);
      throw new Error('boom again');
    },
  });
  await watched.write('gateway: {port: 2}');
  await watched.look(2);
  expect(errors.map((error) => error.code)).toEqual(['internal']);
  await watched.write('gateway: [');
  await watched.look(2);
  await watched.write('gateway: {port: 4}');
  await watched.look(2);
  expect(watched.watch.current().config.gateway.port).toBe(4);
});

test('after stop nothing is called', async () => {
  const watched = await startWatch('gateway: {port: 1}');
  await watched.write('gateway: {port: 2}');
  watched.watch.stop();
  watched.watch.stop();
  await watched.watch.reload();
  expect(watched.loads()).toBe(1);
  expect(watched.changes).toEqual([]);
});
