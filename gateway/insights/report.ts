// The insights as a job: `/insights weekly` makes one, and its result goes where results of jobs go.
import type { ProcessDb } from '../../data/db.ts';
import type { JobHandler } from '../../scheduler/types.ts';
import type { Clock } from '../../shared/clock.ts';
import type { StoredFile } from '../../shared/messages.ts';
import { insightsText } from '../commands/learning/insights.ts';
import { readInsights } from './insights.ts';

/** The name that such a job's work is registered under. */
export const INSIGHTS_JOB = 'insights';
const WEEK = 7;

export function makeInsightsJob(input: {
  db: ProcessDb;
  clock: Clock;
  storeFile(name: string, mime: string, content: Uint8Array): Promise<StoredFile>;
}): JobHandler {
  const { db, clock } = input;
  return async ({ job, scope }) => {
    const { timezone } = job.schedule;
    const read = await readInsights(db, scope, { days: WEEK, now: clock.now(), timezone });
    const { drawInsights } = await import('./picture.ts');
    const picture = await input.storeFile('insights.png', 'image/png', drawInsights(read));
    return { text: insightsText(read), files: [picture], origin: 'agent' };
  };
}
