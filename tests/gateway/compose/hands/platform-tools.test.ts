// Tools of platforms as the agent's dispatcher gets them.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PlatformTool } from '../../../../adapters/contract.ts';
import { makePlatformTools } from '../../../../gateway/compose/hands/platform-tools.ts';
import { chatId, accountId } from '../../../../shared/ids.ts';

const address = { platform: 'fake', account: accountId('a'), chat: chatId('c'), kind: 'dm' } as const;
const lamp: PlatformTool = {
  name: 'lamp',
  description: 'Switches a lamp.',
  parameters: z.strictObject({ on: z.boolean() }),
  effect: 'idempotent',
  summarize: () => 'switching the lamp',
  run: async (args) => `lamp: ${JSON.stringify(args)}`,
};

describe('a tool of a platform', () => {
  it('keeps its schema and effect, speaks with foreign words, and is made once', () => {
    const toTools = makePlatformTools();
    const [tool] = toTools([lamp]);
    expect(tool).toMatchObject({ name: 'lamp', effect: 'idempotent', origin: 'foreign' });
    expect(tool?.schema.parameters).toMatchObject({ properties: { on: { type: 'boolean' } } });
    expect(tool?.prepare({ on: 'yes' }).ok).toBe(false);
    expect(tool?.prepare({ on: true })).toMatchObject({ ok: true, call: { summary: 'switching the lamp' } });
    expect(toTools([lamp])[0]).toBe(tool);
  });

  it.each([
    ['owner', true],
    ['admin', true],
    ['member', false],
    ['guest', false],
  ] as const)('is offered to the %s: %s', (role, offered) => {
    expect(makePlatformTools()([lamp])[0]?.available({ role, address })).toBe(offered);
  });
});
