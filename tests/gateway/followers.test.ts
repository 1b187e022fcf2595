// Who looks at a chat is told that something may be new: after it has settled, once for all that came together, and only while they look.
import { expect, it } from 'vitest';
import { makeBus } from '../../gateway/bus.ts';
import { makeFollowers } from '../../gateway/chats/followers.ts';
import { accountId, chatId } from '../../shared/ids.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

const chat = { platform: 'web', account: accountId('a'), chat: chatId('c'), kind: 'dm' } as const;

it('tells followers together, and nobody who left', async () => {
  const clock = makeFakeClock();
  const bus = makeBus();
  const follow = makeFollowers(bus, clock);
  bus.emit('outbox', chat);
  const told = { ann: 0, bob: 0 };
  const leave = follow(() => told.ann++);
  follow(() => told.bob++);
  bus.emit('outbox', chat);
  bus.emit('outbox', chat);
  expect(told).toEqual({ ann: 0, bob: 0 });
  await clock.advance(200);
  expect(told).toEqual({ ann: 1, bob: 1 });
  leave();
  bus.emit('outbox', chat);
  await clock.advance(200);
  expect(told).toEqual({ ann: 1, bob: 2 });
});
