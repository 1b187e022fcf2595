import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPath, newSection, parsePath, setValueAt, valueAt } from '../../config/value-path.ts';

test('names with other characters are quoted', () => {
  expect(formatPath(['providers', 'x', 'models', 'gpt-4.1', 0])).toBe('providers.x.models."gpt-4.1".0');
  expect(parsePath('providers.x.models."gpt-4.1".context_length')).toEqual([
    'providers',
    'x',
    'models',
    'gpt-4.1',
    'context_length',
  ]);
});

test('every path comes back from its name', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }), (path) => {
      expect(parsePath(formatPath(path))).toEqual(path);
    }),
  );
});

test.each(['', '.', 'a.', '.a', 'a..b', 'a."b', 'a."b"c'])('%j is no name', (name) => {
  expect(() => parsePath(name)).toThrow('is not the name of a setting');
});

test('looks at own keys only, and cannot touch prototypes', () => {
  expect(valueAt({}, ['constructor'])).toBeUndefined();
  const root = newSection();
  setValueAt(root, ['__proto__', 'polluted'], 'yes');
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  expect(valueAt(root, ['__proto__', 'polluted'])).toBe('yes');
});

test('does not set inside of a single value', () => {
  expect(setValueAt({ a: 1 }, ['a', 'b'], 2)).toBe(false);
});
