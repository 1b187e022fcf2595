import { describe, expect, it } from 'vitest';
import {
  classOf,
  exactEntities,
  isTold,
  makeRule,
  valueOf,
  watchesEntity,
} from '../../../adapters/homeassistant/receive/rules.ts';
import { homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import type { HomeState } from '../../../adapters/homeassistant/receive/states.ts';

const base = { url: 'http://ha.test:8123', token: 'a-token-long-enough' };

function ruleOf(watched: Record<string, unknown>) {
  const [first] = homeAssistantSettings.parse({ ...base, watched: [watched] }).watched;
  if (!first) throw new Error('no rule');
  return makeRule(first);
}

function stateOf(state: string, attributes: Record<string, unknown> = {}): HomeState {
  return {
    entity: 'sensor.x',
    state,
    attributes,
    context: { id: 'c', parentId: undefined, userId: undefined },
    changedAt: 1,
    updatedAt: 1,
  };
}

/** What is told of a sequence of states, the first of which is known. */
function told(watched: Record<string, unknown>, states: readonly (string | HomeState)[]): string[] {
  const rule = ruleOf({ entities: ['sensor.x'], ...watched });
  const found: string[] = [];
  let known: string | undefined;
  for (const one of states) {
    const value = valueOf(rule, typeof one === 'string' ? stateOf(one) : one);
    if (value === undefined) continue;
    const next = classOf(rule, value);
    if (known !== undefined && isTold(rule, known, next)) found.push(value);
    known = next;
  }
  return found;
}

describe('rules', () => {
  it.each([
    ['any change', {}, ['a', 'a', 'b', 'a'], ['b', 'a']],
    ['absence is no change', {}, ['off', 'unavailable', 'off', 'unknown', 'on'], ['on']],
    ['absence, when asked for', { to: ['unavailable'] }, ['off', 'unavailable', 'off'], ['unavailable']],
    ['return, when asked for', { from: ['unavailable'] }, ['off', 'unavailable', 'off'], ['off']],
    ['to', { to: ['on'] }, ['off', 'on', 'on', 'off', 'dim', 'on'], ['on', 'on']],
    ['to one of two', { to: ['on', 'open'] }, ['off', 'on', 'open', 'off', 'open'], ['on', 'open', 'open']],
    ['from', { from: ['locked'] }, ['locked', 'unlocked', 'jammed', 'locked', 'open'], ['unlocked', 'open']],
    ['from and to', { from: ['a'], to: ['c'] }, ['a', 'b', 'c', 'a', 'c'], ['c']],
    ['above', { above: 30 }, ['29', '30', '31', '35', '30', '30.5'], ['31', '30.5']],
    ['below', { below: 0 }, ['1', '-1', '-5', '0', '-0.1'], ['-1', '-0.1']],
    ['between', { above: 10, below: 20 }, ['5', '15', '25', '18'], ['15', '18']],
    ['numbers only', { above: 1 }, ['0', 'unknown', '', 'NaN', 'Infinity', '2'], ['2']],
  ])('%s', (_, watched, states, expected) => {
    expect(told(watched, states)).toEqual(expected);
  });

  it('look at an attribute instead of the state', () => {
    const at = (value: unknown) => stateOf('heat', { current: value });
    expect(told({ attribute: 'current', above: 25 }, [at(20), at(26), at('27'), at(null), at(24), at(25.5)])).toEqual([
      '26',
      '25.5',
    ]);
    expect(told({ attribute: 'current' }, [at([1]), at([1]), at([2]), at(true)])).toEqual(['[2]', 'true']);
  });

  it('name entities by pattern and domain', () => {
    const rule = ruleOf({ entities: ['binary_sensor.*_door', 'light.a*b*c', 'lock.front'], domains: ['cover'] });
    const watches = (entity: string) => watchesEntity(rule, entity);
    for (const entity of ['binary_sensor.front_door', 'light.abc', 'light.axxbbc', 'lock.front', 'cover.any'])
      expect(watches(entity), entity).toBe(true);
    for (const entity of ['binary_sensor.door_x', 'light.acb', 'light.ab', 'lock.front_2', 'covers.x', 'light.bc'])
      expect(watches(entity), entity).toBe(false);
    const slow = ruleOf({ entities: [`sensor.${'*a'.repeat(100)}b`] });
    expect(watchesEntity(slow, `sensor.${'a'.repeat(240)}`)).toBe(false);
  });

  it('ask Home Assistant for certain entities only when all are named', () => {
    expect(exactEntities([ruleOf({ entities: ['a.b', 'c.d'] }), ruleOf({ entities: ['a.b'] })])).toEqual([
      'a.b',
      'c.d',
    ]);
    expect(exactEntities([ruleOf({ entities: ['a.b'] }), ruleOf({ entities: ['a.*'] })])).toBeUndefined();
    expect(exactEntities([ruleOf({ entities: ['a.b'], domains: ['c'] })])).toBeUndefined();
  });

  it('keep their key when only the cooldown changes', () => {
    const key = (seconds: number, to: string) => ruleOf({ entities: ['a.b'], to: [to], cooldown_seconds: seconds }).key;
    expect(key(1, 'on')).toBe(key(9, 'on'));
    expect(key(1, 'on')).not.toBe(key(1, 'off'));
  });
});
