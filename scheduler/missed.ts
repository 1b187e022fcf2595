// Runs that did not happen, told to their people: one message each, however many there are.
import { instantText } from './schedule/describe.ts';
import type { Job } from './types.ts';
import { isWaiting, WAITS } from './waiting.ts';

export interface Missed {
  job: Job;
  count: number;
  /** The first of them. */
  since: number;
  reason: string;
  /** Whether one run stands for them now. */
  isMadeUp: boolean;
}

/** Lines of one message. */
const MAX_LINES = 20;

/** One notice per person and space, which goes where the first of its jobs reports; and one for each that waits to be confirmed. */
export function missedNotices(all: readonly Missed[]): readonly { job: Job; key: string; text: string }[] {
  const { waiting = [], missed = [] } = Object.groupBy(all, ({ job }) => (isWaiting(job) ? 'waiting' : 'missed'));
  const groups = Map.groupBy(missed, ({ job }) => `${job.person} ${job.space}`);
  return [...waiting.map(waitingNotice), ...[...groups.values()].flatMap(noticeOf)];
}

function waitingNotice({ job, since }: Missed): { job: Job; key: string; text: string } {
  const text =
    `"${job.name}" was to run now, but ${WAITS}: nothing was run. \`/cron confirm ${job.id}\` lets it begin, ` +
    `\`/cron remove ${job.id}\` removes it. I do not ask again.`;
  return { job, key: `${job.id}.w${since.toString(36)}`, text };
}

function noticeOf(group: readonly Missed[]): readonly { job: Job; key: string; text: string }[] {
  const [first] = group;
  if (!first) return [];
  const lines = group.slice(0, MAX_LINES).map(lineOf);
  const more = group.length > MAX_LINES ? [`… and ${group.length - MAX_LINES} more jobs.`] : [];
  const text = [`While I was away or had no room for them, some jobs did not run:`, ...lines, ...more].join('\n');
  return [{ job: first.job, key: `${first.job.id}.m${first.since.toString(36)}`, text }];
}

function lineOf({ job, count, since, isMadeUp }: Missed): string {
  const when = instantText(since, job.schedule.timezone);
  const times = count === 1 ? when : `${count} times since ${when}`;
  return `- ${job.name}: ${times}${isMadeUp ? '; it runs now instead' : ''}`;
}
