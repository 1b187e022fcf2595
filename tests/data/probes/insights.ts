// How the functions of data/insights.ts are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { sumCalls, sumLearned, sumRuns, sumWork } from '../../../data/insights.ts';
import type { Place } from '../scope-world.ts';

const ever = { from: 0, to: Number.MAX_SAFE_INTEGER };

export const insightProbes = {
  'insights.ts': {
    sumCalls: (db: Db, me: Place) => sumCalls(db, me.scope, ever),
    sumWork: (db: Db, me: Place) => sumWork(db, me.scope, ever),
    sumLearned: (db: Db, me: Place) => sumLearned(db, me.scope, ever),
    sumRuns: (db: Db, me: Place) => sumRuns(db, me.scope, ever),
  },
};
