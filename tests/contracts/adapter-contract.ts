// The contract of adapters/contract.ts as a suite. Every platform runs it: `describeAdapter('name', harness)` in tests/adapters/<platform>/.
import { afterAll, describe, expect, it } from 'vitest';
import type { AdapterHarness, AdapterRig, ContractCase } from './adapter-harness.ts';
import { describeInbound } from './adapter-inbound.ts';
import { describeLife } from './adapter-life.ts';
import { describeOutbound } from './adapter-outbound.ts';
import { describeOutboundFaults } from './adapter-outbound-faults.ts';
import { keepContractResult, type CaseResult } from './contract-results.ts';

export function describeAdapter(name: string, harness: AdapterHarness): void {
  const results = new Map<string, CaseResult>();
  const contractCase: ContractCase = (title, run) => {
    const reason = harness.skipCase?.(title);
    const shown = reason === undefined ? title : `${title} (skipped: ${reason})`;
    it.skipIf(reason !== undefined)(shown, async (context) => {
      results.set(title, 'failed');
      const rig = await harness.open();
      const skip = () => {
        results.set(title, 'not there');
        return context.skip('this platform has no such thing, by its capabilities or its nature');
      };
      try {
        await run(rig, skip);
        expectNoSecrets(rig);
        results.set(title, 'passed');
      } finally {
        await rig.close();
      }
    });
  };
  describe(`adapter contract: ${name}`, () => {
    contractCase('declares its capabilities as data', async (rig) => {
      expect(rig.adapter.capabilities(rig.dm)).toEqual(harness.capabilities);
    });
    describeInbound(harness, contractCase);
    describeOutbound(harness, contractCase);
    describeOutboundFaults(harness, contractCase);
    describeLife(harness, contractCase);
    afterAll(() => keepContractResult({ name, capabilities: harness.capabilities, cases: [...results] }));
  });
}

/** After each case: nothing that was logged or told to people holds a secret. */
function expectNoSecrets(rig: AdapterRig): void {
  const told = [...rig.record.logs, ...rig.record.states.map((entry) => entry.detail ?? '')].join('\n');
  for (const secret of rig.secrets)
    expect(told.includes(secret), 'a secret reached a log line or a status').toBe(false);
}
