// The rules of the architecture, held against the whole checkout. That each rule catches what it must is shown in
// tests/architecture/rules.test.ts.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProject, readTree } from './architecture/project.ts';
import { RULES } from './architecture/rules.ts';

const project = makeProject(readTree(path.join(import.meta.dirname, '..')));

describe('the project keeps to its architecture', () => {
  test('is seen at all', () => {
    expect(project.product.length).toBeGreaterThan(50);
    expect(project.product.flatMap((file) => file.imports).length).toBeGreaterThan(100);
  });

  for (const rule of RULES) {
    test(rule.name, () => {
      const told = rule.check(project).map(({ file, line, message }) => `${file}:${line} ${message}`);
      expect(told, told.join('\n')).toEqual([]);
    });
  }
});
