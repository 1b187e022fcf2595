// Two who decide about the same proposal at the same time.
import { expect, test } from 'vitest';
import { changeOf, createSkill, openLibraryHome } from './fixture.ts';

test('of a yes and a no at once the first counts, and the skill stays', async () => {
  const { library, ann } = await openLibraryHome();
  await createSkill(library, ann.scope, 'brew');
  const steps = [{ action: 'patch' as const, old: 'Do brew.', new: 'Do it twice.' }];
  const { id } = await library.change(ann.scope, changeOf('brew', { as: 'proposed', steps }));
  const ends = await Promise.allSettled([
    library.decide(ann.scope, id, 'active', 'yes'),
    library.decide(ann.scope, id, 'rejected', 'no'),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect((await library.revisions(ann.scope)).map(({ state }) => state)).toEqual(['superseded', 'active']);
  expect((await library.open(ann.scope, 'brew'))?.body).toContain('Do it twice.');
});
