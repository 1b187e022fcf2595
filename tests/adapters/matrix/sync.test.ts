import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeAdapter } from './matrix-harness.ts';
import { openRoomRig, type RoomRig } from './room-rig.ts';

let rig: RoomRig;
afterEach(() => rig.close());

const texts = () => rig.record.received.map(({ text }) => text);
const HOUR = 3_600_000;
/** Waits for nothing. */
const HASTY = {
  clock: { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 1_000, signal) },
};

it('what was said before the first start is not answered', async () => {
  rig = await openRoomRig({
    before: ({ ada, dm }) => {
      for (let i = 0; i < 60; i++) ada.say(dm, `old ${i}`);
    },
  });
  rig.ada.say(rig.dm, 'new');
  await rig.record.waitFor((message) => message.text === 'new');
  expect(texts()).toEqual(['new']);
});

it('a limited timeline is filled from the history, whole and in order', async () => {
  rig = await openRoomRig({ kept: { backfill: { maxAgeMs: 24 * HOUR, maxMessages: 500 } } });
  const wanted = Array.from({ length: 230 }, (_, i) => `missed ${i}`);
  await rig.restart(() => wanted.forEach((text) => rig.ada.say(rig.dm, text)));
  await rig.record.waitUntil(() => rig.record.received.length >= wanted.length);
  expect(texts()).toEqual(wanted);
  expect(rig.record.gaps).toEqual([]);
  expect(rig.server.requests.filter((request) => request.endsWith('/messages'))).toHaveLength(2);
});

it('of more than may be fetched the latest come, and the rest is told as a gap', async () => {
  rig = await openRoomRig({ kept: { backfill: { maxAgeMs: 24 * HOUR, maxMessages: 60 } } });
  await rig.restart(() => Array.from({ length: 300 }, (_, i) => rig.ada.say(rig.dm, `missed ${i}`)));
  await rig.record.waitFor((message) => message.text === 'missed 299');
  expect(texts()).toEqual(Array.from({ length: 60 }, (_, i) => `missed ${240 + i}`));
  expect(rig.record.gaps).toMatchObject([{ reason: 'limit', chat: { id: rig.dm.id, kind: 'dm' } }]);
  expect(rig.record.gaps[0]?.missed).toBeUndefined();
});

it('after an absence what is too old is left out and counted', async () => {
  rig = await openRoomRig({ kept: { backfill: { maxAgeMs: HOUR, maxMessages: 60 } } });
  const now = Date.now();
  await rig.restart(
    () => {
      rig.ada.say(rig.dm, 'three hours old', { at: now - 3 * HOUR });
      rig.ada.say(rig.dm, 'two hours old', { at: now - 2 * HOUR });
      rig.ada.say(rig.dm, 'young', { at: now - HOUR / 2 });
      rig.record.cursors.set('at', String(now - 4 * HOUR));
    },
    { backfill: { maxAgeMs: HOUR, maxMessages: 60 } },
  );
  await rig.record.waitFor((message) => message.text === 'young');
  expect(texts()).toEqual(['young']);
  expect(rig.record.gaps).toMatchObject([{ since: now - 4 * HOUR, missed: 2, reason: 'limit' }]);
});

it('a clock of another server that is wrong loses nothing while we listen', async () => {
  rig = await openRoomRig();
  rig.ada.say(rig.dm, 'from the past', { at: 0 });
  rig.ada.say(rig.dm, 'from the future', { at: Date.now() + 48 * HOUR });
  const future = await rig.record.waitFor((message) => message.text === 'from the future');
  expect(texts()).toEqual(['from the past', 'from the future']);
  expect(future.sentAt).toBeLessThanOrEqual(Date.now());
});

it('a token that is refused while it runs asks for a login, and all goes on when it is good again', async () => {
  rig = await openRoomRig({ ports: HASTY });
  rig.server.revoke(true);
  await rig.record.waitUntil(() => rig.record.states.at(-1)?.state === 'needs-login');
  expect(rig.record.states.at(-1)?.detail).toContain('MATRIX_ACCESS_TOKEN');
  expect(await rig.send(rig.dm, 'x')).toMatchObject({ ok: false, code: 'auth', reached: 'no' });
  rig.server.revoke(false);
  rig.ada.say(rig.dm, 'welcome back');
  await rig.record.waitFor((message) => message.text === 'welcome back');
  expect(rig.record.states.at(-1)?.state).toBe('online');
});

it('a homeserver that does not know where we were is synced with anew, and that is told', async () => {
  rig = await openRoomRig({ ports: HASTY });
  await rig.restart(() => rig.record.cursors.set('since', 's999999'));
  await rig.record.waitUntil(() => rig.record.gaps.length > 0 && rig.record.cursors.get('since') !== 's999999');
  await rig.until(() => rig.record.states.at(-1)?.state === 'online');
  rig.ada.say(rig.dm, 'hello again');
  await rig.record.waitFor((message) => message.text === 'hello again');
  expect(rig.record.gaps).toMatchObject([{ reason: 'no-replay' }]);
});

it('the token of somebody else begins anew', async () => {
  rig = await openRoomRig();
  await rig.restart(() => {
    rig.record.cursors.set('me', '@other:hs.test');
    rig.ada.say(rig.dm, 'said to the other one');
  });
  rig.ada.say(rig.dm, 'said to us');
  await rig.record.waitFor((message) => message.text === 'said to us');
  expect(texts()).toEqual(['said to us']);
});

it('one room that the homeserver cannot tell about does not hold up the others for ever', async () => {
  rig = await openRoomRig({ ports: HASTY });
  const route = new RegExp(`rooms/${rig.dm.id.replaceAll('.', String.raw`\.`)}/joined_members`);
  rig.server.fail({ route, status: 500, body: { errcode: 'M_UNKNOWN', error: 'broken' }, times: 20 });
  rig.ada.say(rig.dm, 'in the broken room');
  rig.ada.say(rig.group, 'in the other');
  await rig.record.waitFor((message) => message.text === 'in the other');
  await rig.record.waitUntil(() => rig.record.gaps.length > 0);
  rig.ada.say(rig.dm, 'it is well again');
  await rig.record.waitFor((message) => message.text === 'it is well again');
  expect(rig.record.gaps).toMatchObject([{ reason: 'no-replay' }]);
});

it('a room that we were thrown out of meanwhile stops nothing', async () => {
  rig = await openRoomRig();
  const route = new RegExp(`rooms/${rig.group.id.replaceAll('.', String.raw`\.`)}/joined_members`);
  rig.server.fail({ route, status: 403, body: { errcode: 'M_FORBIDDEN', error: 'not in room' } });
  rig.ada.say(rig.group, 'unheard');
  rig.ada.say(rig.dm, 'heard');
  await rig.record.waitFor((message) => message.text === 'heard');
  expect(texts()).toEqual(['heard']);
});

it('direct invites are accepted and what was said with them is heard; others are left alone unless listed', async () => {
  rig = await openRoomRig({ extra: { rooms: ['#team:hs.test'] } });
  const { ada, eve, server, record } = rig;
  const listed = ada.invite({ direct: false, name: 'Listed' });
  server.world.aliases.set('#team:hs.test', listed.id);
  const other = eve.invite({ direct: false, name: 'Other' });
  const direct = server.world.createRoom(eve.id);
  for (let i = 0; i < 5; i++) eve.say(direct, `to myself ${i}`);
  server.world.setMember(direct, server.botId, 'invite', { by: eve.id, is_direct: true });
  eve.say(direct, 'hello Herald');
  await record.waitFor((message) => message.text === 'hello Herald');
  expect(record.received).toMatchObject([{ chatKind: 'dm', sender: { id: eve.id, name: 'Eve' } }]);
  await rig.until(() => server.world.membership(listed, server.botId) === 'join');
  expect(server.world.membership(other, server.botId)).toBe('invite');
});

it('an invite that cannot be accepted stops nothing', async () => {
  rig = await openRoomRig({ ports: HASTY });
  const { eve, ada, server, record } = rig;
  server.fail({
    route: /\/join$/,
    status: 502,
    body: { errcode: 'M_UNKNOWN', error: 'their server is away' },
    times: 5,
  });
  const room = eve.invite();
  ada.say(rig.dm, 'heard all the same');
  await record.waitFor((message) => message.text === 'heard all the same');
  await rig.until(() => record.logs.some((line) => line.includes('could not be accepted')));
  expect(server.world.membership(room, server.botId)).toBe('invite');
});

it('a flood that no answer holds is taken in smaller pieces, and nothing of it is lost', async () => {
  rig = await openRoomRig({ ports: HASTY });
  const flood = { route: /sync$/, query: /"limit":50/, status: 200, body: 'x'.repeat(33 * 1024 * 1024) };
  await rig.restart(() => {
    for (let i = 0; i < 12; i++) rig.ada.say(rig.dm, `flood ${i}`);
    rig.server.fail(flood);
  });
  await rig.record.waitUntil(() => rig.record.received.length >= 12);
  expect(texts()).toEqual(Array.from({ length: 12 }, (_, i) => `flood ${i}`));
});

it('a homeserver that is away at the start is waited for', async () => {
  rig = await openRoomRig({ ports: HASTY });
  await rig.adapter.stop();
  await rig.server.goAway();
  const record = makeRecordingHost({ cursors: rig.record.cursors });
  const adapter = makeAdapter(rig.server, {}, HASTY);
  await adapter.start(record.host);
  await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
  await rig.server.comeBack();
  rig.ada.say(rig.dm, 'there you are');
  await record.waitFor((message) => message.text === 'there you are');
  await adapter.stop();
  await record.close();
});

it('a new name of ours is no new beginning, and is the one that we are called by', async () => {
  rig = await openRoomRig();
  const { ada, group, server } = rig;
  await rig.restart(() => {
    ada.say(group, 'before the new name');
    server.world.displayNames.set(server.botId, 'Hermione');
    server.world.setMember(group, server.botId, 'join');
    ada.say(group, 'Hermione, hello');
  });
  await rig.record.waitFor((message) => message.text === 'hello');
  expect(texts()).toEqual(['before the new name', 'hello']);
  expect(rig.record.received.map(({ addressed }) => addressed)).toEqual([false, true]);
});

it('an account whose rooms are all in the clear has no device keys', async () => {
  rig = await openRoomRig();
  rig.ada.say(rig.dm, 'hello');
  await rig.record.waitFor((message) => message.text === 'hello');
  expect(rig.server.requests.filter((request) => request.includes('/keys/'))).toEqual([]);
  expect([...rig.record.cursors.keys()].filter((name) => name.startsWith('e2e:'))).toEqual([]);
});
