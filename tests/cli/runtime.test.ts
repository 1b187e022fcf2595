import { describe, expect, it } from 'vitest';
import { describeRuntimeProblem } from '../../cli/runtime.ts';

describe('the check of the runtime', () => {
  it.each([
    ['20.20.0', '9'],
    ['22.18.0', '10'],
    ['24.1.0', '9'],
    ['24.1.0', undefined],
  ])('refuses Node %s with Node-API %s, and names a remedy', (node, napi) => {
    expect(describeRuntimeProblem({ node, napi })).toMatch(new RegExp(`Node 24 or newer.*Node ${node}.*npm start`));
  });

  it.each([
    ['24.21.0', '10'],
    ['26.0.0', '11'],
    ['100.0.0', '12'],
  ])('takes Node %s with Node-API %s', (node, napi) => {
    expect(describeRuntimeProblem({ node, napi })).toBeUndefined();
  });

  it('takes the Node that runs the tests', () => {
    expect(describeRuntimeProblem(process.versions)).toBeUndefined();
  });
});
