import { afterEach, expect, it } from 'vitest';
import { messageId, userId } from '../../../shared/ids.ts';
import { makeOutbound, sampleFile, withFile } from '../../contracts/adapter-samples.ts';
import { addressOf } from './matrix-harness.ts';
import { openRoomRig, type RoomRig } from './room-rig.ts';

let rig: RoomRig;
afterEach(() => rig.close());

const later = () => AbortSignal.timeout(10_000);
const ours = (rigNow: RoomRig) =>
  rigNow.dm.events.filter((event) => event.sender === rigNow.server.botId && event.type === 'm.room.message');

it('a message of several events is finished by the next attempt, each of them once', async () => {
  rig = await openRoomRig();
  await withFile(sampleFile('document'), (one) =>
    withFile(sampleFile('image'), async (two) => {
      const message = { ...makeOutbound('two files'), files: [one, two] };
      const route = /\/send\/m\.room\.message\/.*\.1$/;
      rig.server.fail({ method: 'PUT', route, status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } });
      const first = await rig.adapter.send(addressOf(rig.dm, 'dm'), message, later());
      expect(first).toMatchObject({ ok: false, code: 'rate_limited', reached: 'maybe' });
      const second = await rig.adapter.send(addressOf(rig.dm, 'dm'), message, later());
      expect(second.ok && second.ids).toHaveLength(3);
      expect(ours(rig)).toHaveLength(3);
    }),
  );
});

it('a send whose answer was lost is the same event after a restart', async () => {
  rig = await openRoomRig();
  const message = makeOutbound('exactly once');
  rig.server.fail({ method: 'PUT', route: /\/send\//, drop: 'after' });
  expect(await rig.adapter.send(addressOf(rig.dm, 'dm'), message, later())).toMatchObject({ reached: 'maybe' });
  await rig.restart();
  const again = await rig.adapter.send(addressOf(rig.dm, 'dm'), message, later());
  expect(ours(rig).map((event) => event.event_id)).toEqual(again.ok ? again.ids : []);
});

it.each([
  [403, { errcode: 'M_FORBIDDEN' }, 'forbidden', 'no'],
  [404, { errcode: 'M_NOT_FOUND' }, 'not_found', 'no'],
  [413, { errcode: 'M_TOO_LARGE' }, 'too_long', 'no'],
  [400, { errcode: 'M_BAD_JSON' }, 'bad_request', 'no'],
  [401, { errcode: 'M_UNKNOWN_TOKEN' }, 'auth', 'no'],
  [404, { errcode: 'M_UNRECOGNIZED' }, 'unsupported', 'no'],
  [500, { errcode: 'M_UNKNOWN' }, 'unreachable', 'maybe'],
  [503, 'no json', 'unreachable', 'maybe'],
  [200, '<html>a login page</html>', 'unreachable', 'maybe'],
  [302, '', 'bad_request', 'no'],
])('an answer of %i %j is %s, reached %s', async (status, body, code, reached) => {
  rig = await openRoomRig();
  rig.server.fail({ method: 'PUT', route: /\/send\//, status, body });
  expect(await rig.send(rig.dm, 'x')).toMatchObject({ ok: false, code, reached });
});

it('an upload that fails did not send anything', async () => {
  rig = await openRoomRig();
  rig.server.fail({ route: /upload$/, status: 500, body: {} });
  await withFile(sampleFile('document'), async (file) => {
    const message = { ...makeOutbound(''), files: [file] };
    const result = await rig.adapter.send(addressOf(rig.dm, 'dm'), message, later());
    expect(result).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
  });
});

it('only messages of ours can be edited', async () => {
  rig = await openRoomRig();
  const { event_id: id } = rig.ada.say(rig.dm, 'mine');
  const edit = rig.adapter.edit?.(addressOf(rig.dm, 'dm'), messageId(id), makeOutbound('yours'), later());
  expect(await edit).toMatchObject({ ok: false, code: 'not_found' });
});

it('a reaction replaces the one before, also after a restart', async () => {
  rig = await openRoomRig();
  const { event_id: id } = rig.ada.say(rig.dm, 'nice');
  const react = (emoji?: string) => rig.adapter.react?.(addressOf(rig.dm, 'dm'), messageId(id), emoji);
  const shown = () => rig.dm.events.filter((event) => event.type === 'm.reaction' && event.content['m.relates_to']);
  expect(await react('👀')).toMatchObject({ ok: true });
  await rig.restart();
  expect(await react('👍')).toMatchObject({ ok: true });
  expect(shown().map((event) => event.content['m.relates_to'])).toMatchObject([{ key: '👍' }]);
  expect(await react()).toMatchObject({ ok: true });
  expect(shown()).toEqual([]);
});

it('a DM is made for somebody who has none, and found again', async () => {
  rig = await openRoomRig();
  const bob = rig.server.person('Bob');
  const first = await rig.adapter.openDm?.(userId(bob.id));
  const room = rig.server.world.rooms.get(first?.chat ?? '');
  expect(room && rig.server.world.membership(room, bob.id)).toBe('invite');
  if (room) rig.server.world.setMember(room, bob.id, 'join');
  expect(await rig.adapter.openDm?.(userId(bob.id))).toEqual(first);
  expect(await rig.adapter.openDm?.(userId('no user id'))).toBeUndefined();
});

it('files of servers before version 1.11 are opened the old way, and nothing is fetched from elsewhere', async () => {
  rig = await openRoomRig();
  const ref = rig.server.world.storeMedia({ bytes: Buffer.from('old'), type: 'text/plain', name: 'a' });
  rig.server.fail({ route: /^client\/v1\/media\/download/, status: 404, body: { errcode: 'M_UNRECOGNIZED' } });
  rig.server.fail({ route: /^media\/v3\/download/, status: 200, body: 'old' });
  const stream = await rig.adapter.open({ kind: 'document', ref }, later());
  expect(await new Response(stream).text()).toBe('old');
  rig.server.fail({ route: /^client\/v1\/media\/download/, status: 307, body: '' });
  await expect(rig.adapter.open({ kind: 'document', ref }, later())).rejects.toMatchObject({ code: 'not_allowed' });
  const elsewhere = { kind: 'document', ref: 'https://evil.example/a' } as const;
  await expect(rig.adapter.open(elsewhere, later())).rejects.toMatchObject({ code: 'not_found' });
});

it('typing ends with the answer', async () => {
  rig = await openRoomRig();
  await rig.adapter.typing?.(addressOf(rig.dm, 'dm'));
  expect(rig.dm.typing.has(rig.server.botId)).toBe(true);
  await rig.send(rig.dm, 'done');
  await rig.until(() => rig.server.requests.filter((request) => request.includes('/typing/')).length === 2);
  expect(rig.dm.typing.has(rig.server.botId)).toBe(false);
});
