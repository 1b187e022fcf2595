// How the functions of data/memory/vectors.ts are tried; see scope-probes.ts.
import type { Db } from '../../../data/db.ts';
import { hasVectors, listUnreadMemories, nearestVectors, putVectors } from '../../../data/memory/vectors.ts';
import type { Scope } from '../../../data/scope.ts';

interface VectorPlace {
  scope: Scope;
  spaceMark: string;
}

const model = 'probe';
const vector = Float32Array.of(1, 0);

async function addEntry(db: Db, { scope, spaceMark }: VectorPlace, text: string): Promise<number> {
  const row = await db.query
    .insertInto('memories')
    .values({
      space_id: scope.space,
      person_id: scope.person,
      target: 'memory',
      place: 'archive',
      state: 'active',
      text: `${spaceMark} ${text}`,
      fold: text,
      author: 'agent',
      origin: 'agent',
      created_at: 1,
      updated_at: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** One entry with a vector, one with that of a model that nobody else has, one without. */
export async function fillVectors(db: Db, place: VectorPlace): Promise<void> {
  const id = await addEntry(db, place, 'read');
  await putVectors(db, place.scope, model, [{ id, text: `${place.spaceMark} read`, vector }]);
  const own = await addEntry(db, place, 'own');
  await putVectors(db, place.scope, `only ${place.spaceMark}`, [{ id: own, text: `${place.spaceMark} own`, vector }]);
  await addEntry(db, place, 'unread');
}

/** The texts that the found entries have, so that a mark of others is seen. */
async function textsOf(db: Db, ids: readonly { id: number }[]): Promise<readonly string[]> {
  const wanted = ids.map(({ id }) => id);
  const rows = await db.query.selectFrom('memories').select('text').where('id', 'in', wanted).execute();
  return rows.map(({ text }) => text);
}

async function entriesOf(db: Db, { scope }: VectorPlace): Promise<readonly { id: number; text: string }[]> {
  return db.query.selectFrom('memories').select(['id', 'text']).where('space_id', '=', scope.space).execute();
}

export const vectorProbes = {
  'memory/vectors.ts': {
    listUnreadMemories: (db: Db, me: VectorPlace) => listUnreadMemories(db, me.scope, { model, after: 0, limit: 100 }),
    async putVectors(db: Db, me: VectorPlace, target: VectorPlace) {
      const turned = Float32Array.of(0, 1);
      const read = (await entriesOf(db, target)).map((entry) => ({ ...entry, vector: turned }));
      return putVectors(db, me.scope, model, read);
    },
    // What one space has is not told to another.
    hasVectors: async (db: Db, me: VectorPlace, target: VectorPlace) =>
      (await hasVectors(db, me.scope, `only ${target.spaceMark}`)) ? target.spaceMark : '',
    async nearestVectors(db: Db, me: VectorPlace) {
      const query = { model, vector, limit: 100 };
      const found = await Promise.all([
        nearestVectors(db, me.scope, query),
        nearestVectors(db, me.scope, { ...query, plain: true }),
      ]);
      return textsOf(db, found.flat());
    },
  },
};
