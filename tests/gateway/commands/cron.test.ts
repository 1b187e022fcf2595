// /cron over a scheduler that notes what it is asked.
import { describe, expect, test } from 'vitest';
import { planText } from '../../../gateway/commands/schedule/job-text.ts';
import { dm, openBench } from './command-bench.ts';

const plan = {
  name: 'news [x](y)',
  when: 'every weekday at 09:00 (Europe/Vienna)',
  nextRuns: [1],
  nextRunTexts: ['Mon 23 Nov 2026, 09:00'],
  targets: ['here'],
  may: ['asks the model'],
  capMicroUsd: 250_000,
  warnings: ['the zone is not yours'],
};

describe('a plan', () => {
  test('is read back with times, places, limits and what is odd, and draws nothing of its own', () => {
    expect(planText(plan)).toBe(
      [
        '**news \\[x\\](y)**: every weekday at 09:00 (Europe/Vienna)',
        '- next: Mon 23 Nov 2026, 09:00',
        '- goes to: here',
        '- asks the model',
        '- costs at most $0.25 each time',
        '- note: the zone is not yours',
      ].join('\n'),
    );
  });
});

test('without a scheduler it says so', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'owner');
  await expect(bench.run(ada, dm(ada), '/cron')).rejects.toThrow('Nothing runs by itself here.');
});
