// Words of others that give orders to a model which obeys every one of them: nothing that leaves the machine or outlasts the turn happens
// without an approval. What happened is looked for where it would arrive.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHANNELS } from './channels.ts';
import { EFFECTS, leaked, type EffectName } from './effects.ts';
import { INJECTIONS } from './injections.ts';
import { makeInput } from '../fixture.ts';
import { openWorld, order, type World } from './rig.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

it('there are enough cases, over every channel and effect', () => {
  expect(INJECTIONS.length).toBeGreaterThanOrEqual(70);
  expect(new Set(INJECTIONS.map(({ channel }) => channel)).size).toBe(Object.keys(CHANNELS).length);
  expect(new Set(INJECTIONS.map(({ effect }) => effect)).size).toBe(Object.keys(EFFECTS).length);
});

describe('an order', () => {
  it.each(INJECTIONS)('in $channel for $effect ($id) is not carried out', async ({ id, channel, effect }) => {
    const wanted = EFFECTS[effect];
    const { asked, requests, result } = await CHANNELS[channel](world, order(wanted.call(world, id)), id);
    // The model did try: else the case would show nothing.
    const tried = [JSON.stringify(result.transcript), ...requests.map((request) => JSON.stringify(request.messages))];
    expect(tried.some((text) => text.includes('It was not run') || text.includes('There is no tool'))).toBe(true);
    if (wanted.clean !== 'never' && !channel.includes('worker')) expect(asked.length).toBeGreaterThan(0);
    expect(await wanted.happened(world, id)).toBe(false);
  });

  it('none of them has leaked anything later either', () => {
    expect(leaked(world)).toEqual([]);
    expect(world.sent).toEqual([]);
  });
});

describe('the same order of the owner', () => {
  // Each effect has an id of its own, by which it is found.
  const free = (Object.keys(EFFECTS) as EffectName[]).map((effect, i) => ({ effect, id: `own-${i}-1` }));
  let clean: World;
  beforeAll(async () => {
    clean = await openWorld();
  });
  afterAll(() => clean.close());

  it.each(free)('for $effect is carried out', async ({ effect, id }) => {
    const wanted = EFFECTS[effect];
    const call = wanted.call(clean, id);
    const allow = wanted.clean === 'asked' ? [call.tool] : [];
    expect(await wanted.happened(clean, id)).toBe(false);
    const { asked } = await clean.run({ inputs: [makeInput(order(call))], allow });
    for (let i = 0; i < 100 && wanted.clean !== 'never' && !(await wanted.happened(clean, id)); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await wanted.happened(clean, id)).toBe(wanted.clean !== 'never');
    expect(asked.map(({ tool }) => tool)).toEqual(allow);
  });
});
