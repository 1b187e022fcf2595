import { afterEach, expect, it } from 'vitest';
import { makeSealedPerson, type SealedPerson } from '../../support/matrix/sealed-person.ts';
import type { Room } from '../../support/matrix/world.ts';
import { openRoomRig, type RoomRig } from './room-rig.ts';

let rig: RoomRig;
afterEach(() => rig.close());

async function openSealed(): Promise<{ ann: SealedPerson; room: Room }> {
  const { server } = rig;
  const ann = await makeSealedPerson(server.world, server.botId, { name: 'Ann' });
  await ann.sync();
  const room = ann.invite();
  await rig.until(() => server.world.membership(room, server.botId) === 'join');
  return { ann, room };
}

it('text goes both ways, and nothing of it is in the clear', async () => {
  rig = await openRoomRig();
  const { ann, room } = await openSealed();
  await ann.say(room, 'a secret question');
  const received = await rig.record.waitFor((message) => message.text === 'a secret question');
  expect(received).toMatchObject({ chatKind: 'dm', sender: { id: ann.id }, addressed: true });
  expect(await rig.send(room, 'a secret answer')).toMatchObject({ ok: true });
  const { events } = await ann.read(room);
  expect(events.at(-1)?.content).toMatchObject({ body: 'a secret answer' });
  expect(JSON.stringify(room.events)).not.toContain('secret');
});
