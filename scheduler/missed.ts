// Runs that did not happen, told to their people: one message each, however many there are.
import { instantText } from './schedule/describe.ts';
import type { Missed } from './claiming.ts';
import type { Job } from './types.ts';

/** Lines of one message. */
const MAX_LINES = 20;

/** One notice per person and space; it goes where the first of its jobs reports. */
export function missedNotices(missed: readonly Missed[]): readonly { job: Job; key: string; text: string }[] {
  const groups = Map.groupBy(missed, ({ job }) => `${job.person} ${job.space}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const lines = group.slice(0, MAX_LINES).map(lineOf);
    const more = group.length > MAX_LINES ? [`… and ${group.length - MAX_LINES} more jobs.`] : [];
    const text = [`While I was away, some jobs did not run:`, ...lines, ...more].join('\n');
    return [{ job: first.job, key: `${first.job.id}.m${first.since.toString(36)}`, text }];
  });
}

function lineOf({ job, count, since, isMadeUp }: Missed): string {
  const when = instantText(since, job.schedule.timezone);
  const times = count === 1 ? when : `${count} times since ${when}`;
  return `- ${job.name}: ${times}${isMadeUp ? '; it runs now instead' : ''}`;
}
