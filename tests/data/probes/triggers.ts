// How the functions of data/schedule/triggers.ts are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { addTrigger, listTriggers, removeTrigger } from '../../../data/schedule/triggers.ts';
import type { Scope } from '../../../data/scope.ts';

interface TriggerPlace {
  scope: Scope;
  spaceMark: string;
}

/** One trigger, under an id that everybody can know. */
export async function fillTriggers(db: Db, { scope, spaceMark }: TriggerPlace): Promise<void> {
  await addTrigger(db, scope, {
    id: `trigger-${spaceMark}`,
    job: `job-${spaceMark}`,
    kind: 'file',
    spec: JSON.stringify({ path: spaceMark }),
  });
}

export const triggerProbes = {
  'schedule/triggers.ts': {
    addTrigger: (db: Db, me: TriggerPlace) => addTrigger(db, me.scope, { job: 'other', kind: 'file', spec: '{}' }),
    listTriggers: (db: Db, me: TriggerPlace, target: TriggerPlace) =>
      Promise.all([listTriggers(db, me.scope), listTriggers(db, me.scope, `job-${target.spaceMark}`)]),
    removeTrigger: (db: Db, me: TriggerPlace, target: TriggerPlace) =>
      removeTrigger(db, me.scope, `trigger-${target.spaceMark}`),
  },
};
