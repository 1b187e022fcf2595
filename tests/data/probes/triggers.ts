// How the functions of data/schedule/triggers.ts are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { addTrigger, listTriggers, removeTrigger } from '../../../data/schedule/triggers.ts';
import type { Scope } from '../../../data/scope.ts';

interface TriggerPlace {
  scope: Scope;
  spaceMark: string;
  personMark: string;
}

const nameOf = ({ spaceMark, personMark }: Omit<TriggerPlace, 'scope'>) => `${spaceMark}-${personMark}`;

/** One trigger, under an id that everybody can know. */
export async function fillTriggers(db: Db, place: TriggerPlace): Promise<void> {
  await addTrigger(db, place.scope, {
    id: `trigger-${nameOf(place)}`,
    job: `job-${nameOf(place)}`,
    kind: 'file',
    spec: JSON.stringify({ path: nameOf(place) }),
  });
}

export const triggerProbes = {
  'schedule/triggers.ts': {
    addTrigger: (db: Db, me: TriggerPlace) => addTrigger(db, me.scope, { job: 'other', kind: 'file', spec: '{}' }),
    listTriggers: (db: Db, me: TriggerPlace, target: TriggerPlace) =>
      Promise.all([listTriggers(db, me.scope), listTriggers(db, me.scope, `job-${nameOf(target)}`)]),
    removeTrigger: (db: Db, me: TriggerPlace, target: TriggerPlace) =>
      removeTrigger(db, me.scope, `trigger-${nameOf(target)}`),
  },
};
