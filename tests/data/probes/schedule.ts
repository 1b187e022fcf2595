// How the functions of data/schedule are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { addJob, changeJob, findJob, listJobs, type NewJob } from '../../../data/schedule/jobs.ts';
import { addOccurrence, listOccurrences } from '../../../data/schedule/occurrences.ts';
import type { Scope } from '../../../data/scope.ts';

interface SchedulePlace {
  scope: Scope;
  spaceMark: string;
  personMark: string;
}

const jobId = ({ spaceMark, personMark }: Omit<SchedulePlace, 'scope'>) => `job-${spaceMark}-${personMark}`;
const run = { scheduledAt: 1, dueAt: 1, cause: 'schedule' } as const;

function jobOf(id: string, text: string): NewJob {
  return {
    id,
    name: text,
    state: 'active',
    schedule: '{}',
    work: JSON.stringify(text),
    condition: null,
    delivery: '{}',
    permissions: '{}',
    policy: '{}',
    origin: '{}',
    created_by: 'person',
    first: run,
  };
}

/** One job with two runs, under an id that everybody can know. */
export async function fillSchedule(db: Db, place: SchedulePlace): Promise<void> {
  const id = jobId(place);
  await addJob(db, place.scope, jobOf(id, `${place.spaceMark} ${place.personMark}`));
  const input = { text: place.personMark, origin: 'agent' } as const;
  await addOccurrence(db, place.scope, id, { ...run, cause: 'trigger', triggerKey: place.personMark, input });
  const past = await addOccurrence(db, place.scope, id, { ...run, scheduledAt: 2, cause: 'manual' });
  await db.query
    .updateTable('occurrences')
    .set({ state: 'done', ended_at: 3, next_at: null })
    .where('id', '=', past?.id ?? '')
    .execute();
}

export const scheduleProbes = {
  'schedule/jobs.ts': {
    addJob: (db: Db, me: SchedulePlace) => addJob(db, me.scope, jobOf(`new-${me.personMark}`, 'mine')),
    changeJob: (db: Db, me: SchedulePlace, target: SchedulePlace) =>
      changeJob(db, me.scope, jobId(target), { state: 'paused', next: null, skipped: 'probe' }),
    findJob: (db: Db, me: SchedulePlace, target: SchedulePlace) =>
      Promise.all([
        findJob(db, me.scope, jobId(target)),
        findJob(db, me.scope, `${target.spaceMark} ${target.personMark}`),
      ]),
    listJobs: (db: Db, me: SchedulePlace) => listJobs(db, me.scope),
  },
  'schedule/occurrences.ts': {
    addOccurrence: (db: Db, me: SchedulePlace, target: SchedulePlace) =>
      addOccurrence(db, me.scope, jobId(target), { ...run, cause: 'manual' }),
    listOccurrences: (db: Db, me: SchedulePlace, target: SchedulePlace) =>
      Promise.all(
        ([undefined, jobId(target)] as const).flatMap((job) =>
          (['begun', 'open', 'done'] as const).map((state) => listOccurrences(db, me.scope, { job, state, limit: 50 })),
        ),
      ),
  },
};
