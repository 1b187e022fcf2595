// Receipts by reaction: only where they are asked for and the platform has them.
import { afterEach, describe, expect, it } from 'vitest';
import type { InboxRow } from '../../data/process/inbox.ts';
import { makeReceipts } from '../../gateway/chats/receipts.ts';
import { messageId, type MessageId } from '../../shared/ids.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

/** A fake platform that notes reactions. */
function makeReacting(reactions: 'full' | 'dropped') {
  const fake = makeFakePlatform({ capabilities: { reactions } });
  const seen: [MessageId, string | undefined][] = [];
  const account = {
    ...fake.account,
    async load() {
      const adapter = await fake.account.load();
      return Object.assign(adapter, {
        async react(_to: unknown, id: MessageId, emoji: string | undefined) {
          seen.push([id, emoji]);
          return { ok: true as const, ids: [] };
        },
      });
    },
  };
  return { fake: { ...fake, account }, seen };
}

describe('a receipt', () => {
  it.each([
    [
      'on',
      true,
      'full',
      [
        ['m1', '👀'],
        ['m1', undefined],
      ],
    ],
    ['off', false, 'full', []],
    ['on, where there are no reactions', true, 'dropped', []],
  ] as const)('%s', async (_title, receipts, reactions, expected) => {
    const { fake, seen } = makeReacting(reactions);
    gateway = await openTestGateway({ platforms: [fake], settings: { receipts } });
    await gateway.pair(fake, 'ann');
    await fake.say('hello', { id: messageId('m1') });
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: hello']);
    expect(seen).toEqual(expected);
  });

  it('of a turn that failed says so, and presses of buttons get none', () => {
    const seen: (string | undefined)[] = [];
    const adapter = {
      capabilities: () => ({ reactions: 'full' }),
      react: async (_at: unknown, _id: unknown, emoji: string | undefined) => void seen.push(emoji),
    };
    const receipts = makeReceipts({ isOn: () => true, find: () => adapter as never });
    const row = {
      kind: 'message',
      address: makeFakePlatform().address(),
      message: messageId('1'),
      payload: {},
    } as InboxRow;
    receipts.accepted({ ...row, kind: 'button' });
    receipts.ended([row], false);
    expect(seen).toEqual(['👎']);
  });
});
