// A result whose rows are on their way to the disk while somebody looks at what is on its way.
import { afterEach, expect, it } from 'vitest';
import { makeJobDelivery } from '../../../gateway/jobs/delivery.ts';
import { makeTargets } from '../../../gateway/jobs/targets.ts';
import { openRunner } from '../../../scheduler/runner.ts';
import { silentLog } from '../../../shared/log.ts';
import { openJobBench, type JobBench } from './job-bench.ts';

let bench: JobBench;
afterEach(async () => bench.close());

it('is noted as sent all the same', async () => {
  bench = await openJobBench();
  const { db, clock, core } = bench.gateway;
  await bench.create();
  await bench.jobs.runner.stop();
  const targets = makeTargets({ db, isSetUp: () => true, platforms: () => ['fake'] });
  const delivery = makeJobDelivery({
    db,
    log: silentLog,
    poster: core.poster,
    targets,
    dmScope: 'person',
    // Asked after the result was begun, and before it is on disk.
    speech: {
      rows() {
        void delivery.settle();
        return [];
      },
    },
  });
  core.onSettled(() => void delivery.settle());
  const runner = openRunner({
    db,
    clock,
    log: silentLog,
    owner: 'second',
    isAlone: true,
    limits: { parallel: 1, perPerson: 1 },
    run: async () => ({ end: 'done', text: 'a result', files: [], origin: 'agent', costMicroUsd: 0, tokens: 0 }),
    result: delivery.result,
    notice: delivery.notice,
  });
  await runner.start();
  await bench.pass();
  await bench.pass();
  await runner.stop();
  expect(bench.platform.texts().some((text) => text.includes('a result'))).toBe(true);
  const rows = await db.query.selectFrom('occurrences').select(['state', 'delivery']).execute();
  expect(rows).toEqual([{ state: 'done', delivery: 'sent' }]);
});
