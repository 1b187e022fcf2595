// What commands on jobs have in common: the service, who asks, and finding a job by its kind.
import type { Actor, Job, JobService, JobWithNext, Work } from '../../../scheduler/types.ts';
import { sha256Hex } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';
import type { CommandContext } from '../types.ts';

/** Throws AppError `tool_unavailable` where nothing runs by itself. */
export function jobsOf({ jobs }: Pick<CommandContext, 'jobs'>): JobService {
  if (!jobs) throw new AppError('tool_unavailable', 'Nothing runs by itself here.');
  return jobs;
}

export function actorOf({ person }: Pick<CommandContext, 'person'>): Actor {
  return { role: person.role, by: 'person' };
}

/** The same stored command makes one job. With its time: numbers of rows may come again when old ones are gone. */
export function idOf({ row }: Pick<CommandContext, 'row'>): string {
  return sha256Hex(`${row.id} ${row.receivedAt}`, 16);
}

/** The text before the first colon that a blank follows, and the rest: "9:30: text" splits after the time. */
export function splitAtColon(text: string): readonly [string, string] {
  const at = /:\s/.exec(text)?.index;
  return at === undefined ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

export type GoalJob = JobWithNext & { work: Extract<Work, { kind: 'prompt' }> };

export function isGoal(job: JobWithNext): job is GoalJob {
  return job.work.kind === 'prompt' && job.work.goal !== undefined;
}

/** The job that words name among these: by id, name or place in the list from 1; the only one when there are no words. */
export function chosen<Found extends Pick<Job, 'id' | 'name'>>(
  jobs: readonly Found[],
  words: string,
): Found | undefined {
  if (words === '') return jobs.length === 1 ? jobs[0] : undefined;
  const wanted = words.toLowerCase();
  return jobs.find(({ id, name }) => id === words || name.toLowerCase() === wanted) ?? jobs[Number(words) - 1];
}
