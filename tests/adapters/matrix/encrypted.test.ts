import { afterEach, expect, it } from 'vitest';
import { BROKEN_NOTICE, MISSING_NOTICE, UNREADABLE_NOTICE } from '../../../adapters/matrix/crypto/encryption.ts';
import { messageId } from '../../../shared/ids.ts';
import { makeOutbound, sampleFile, withFile } from '../../contracts/adapter-samples.ts';
import { makeSealedPerson } from '../../support/matrix/sealed-person.ts';
import type { Room } from '../../support/matrix/world.ts';
import { addressOf } from './matrix-harness.ts';
import { makeShiftedClock, openSealedRig, type SealedRig } from './sealed-rig.ts';

let rig: SealedRig;
afterEach(() => rig.close());

const later = () => AbortSignal.timeout(10_000);

it('text goes both ways, and nothing of it is in the clear', async () => {
  rig = await openSealedRig();
  const { ann, room, record } = rig;
  await ann.say(room, 'a secret question');
  expect(await record.waitFor(({ text }) => text === 'a secret question')).toMatchObject({
    chatKind: 'dm',
    sender: { id: ann.id, name: 'Ann' },
    addressed: true,
  });
  expect(await rig.send(room, 'a secret answer')).toMatchObject({ ok: true });
  expect(await rig.answers()).toEqual(['a secret answer']);
  expect(JSON.stringify([room.events, record.logs])).not.toMatch(/secret/);
});

it('the device is signed with keys of its account, and its keys are there when the room is entered', async () => {
  rig = await openSealedRig();
  const { server } = rig;
  await rig.until(() => server.world.keys.isSigned({ user: server.botId, device: 'HERALD' }));
  const at = (what: RegExp) => server.requests.findIndex((request) => what.test(request));
  expect(at(/keys\/upload/)).toBeLessThan(at(/\/join$/));
});

it('a file goes out encrypted, without its name, and opens on the other side', async () => {
  rig = await openSealedRig();
  const { ann, room, server } = rig;
  const sample = sampleFile('image');
  await withFile(sample, async (file) => {
    const message = { ...makeOutbound('look'), files: [file] };
    expect(await rig.adapter.send(addressOf(room, 'dm'), message, later())).toMatchObject({ ok: true });
  });
  const { events } = await ann.read(room);
  const last = events.at(-1);
  expect(last?.content).toMatchObject({ body: 'look', msgtype: 'm.image', file: { v: 'v2' } });
  expect(last && Buffer.from(ann.download(last)).equals(Buffer.from(sample.bytes))).toBe(true);
  const stored = [...server.world.media.values()].at(-1);
  expect(stored).toMatchObject({ name: '', type: 'application/octet-stream' });
  expect(stored && Buffer.from(sample.bytes).equals(stored.bytes)).toBe(false);
});

it('a file whose stored bytes were changed is refused', async () => {
  rig = await openSealedRig();
  const { ann, room, record, server } = rig;
  await ann.say(room, '', { file: { ...sampleFile('document'), kind: 'document' } });
  const { attachments } = await record.waitFor((message) => message.attachments.length > 0);
  const stored = [...server.world.media.values()].at(-1);
  if (stored) stored.bytes = Buffer.from(stored.bytes.map((byte, index) => (index === 3 ? byte ^ 1 : byte)));
  const [file] = attachments;
  if (!file) throw new Error('No file came.');
  const stream = await rig.adapter.open(file, later());
  await expect(new Response(stream).arrayBuffer()).rejects.toMatchObject({ code: 'bad_input' });
});

it('an edit of ours replaces the message, sealed as it is', async () => {
  rig = await openSealedRig();
  const { ann, room } = rig;
  const first = await rig.send(room, 'first words');
  const id = first.ok ? first.ids[0] : undefined;
  await rig.restart();
  const edit = rig.adapter.edit?.(addressOf(room, 'dm'), messageId(id ?? ''), makeOutbound('second words'), later());
  expect(await edit).toMatchObject({ ok: true });
  const { events } = await ann.read(room);
  expect(events.at(-1)?.content).toMatchObject({
    'm.new_content': { body: 'second words' },
    'm.relates_to': { rel_type: 'm.replace', event_id: id },
  });
  expect(JSON.stringify(room.events)).not.toContain('words');
});

it('the keys of the device outlive restarts, and what was said meanwhile is read', async () => {
  rig = await openSealedRig();
  const { ann, room, server } = rig;
  await rig.send(room, 'before');
  const keys = () => JSON.stringify(server.world.keys.devices.get(server.botId)?.get('HERALD')?.keys['keys']);
  const identity = keys();
  await rig.adapter.stop();
  await ann.say(room, 'while it was away');
  await rig.restart();
  await rig.record.waitFor(({ text }) => text === 'while it was away');
  await rig.send(room, 'after');
  expect(await rig.answers()).toEqual(['before', 'after']);
  expect(keys()).toBe(identity);
  // The same session goes on: nobody needs new keys.
  expect(new Set(rig.sent().map(({ content }) => content['session_id'])).size).toBe(1);
});

it('a send whose answer was lost is one message after a restart, and one that could not share its key is sent then', async () => {
  rig = await openSealedRig();
  const { room, server } = rig;
  const first = makeOutbound('exactly once');
  server.fail({ method: 'PUT', route: /sendToDevice/, drop: 'before' });
  const to = addressOf(room, 'dm');
  expect(await rig.adapter.send(to, first, later())).toMatchObject({ ok: false, reached: 'no' });
  await rig.restart();
  server.fail({ method: 'PUT', route: /\/send\/m\.room\.encrypted/, drop: 'after' });
  expect(await rig.adapter.send(to, first, later())).toMatchObject({ ok: false, reached: 'maybe' });
  await rig.restart();
  expect(await rig.adapter.send(to, first, later())).toMatchObject({ ok: true });
  expect(await rig.answers()).toEqual(['exactly once']);
});

it('each one-time key is used once, and they are filled up again', async () => {
  rig = await openSealedRig();
  const { room, server } = rig;
  const { world, botId } = server;
  for (const name of ['Bea', 'Cid', 'Dan']) {
    const person = await makeSealedPerson(world, botId, { name });
    await person.sync();
    world.setMember(room, person.id, 'join');
    await person.say(room, `hello from ${name}`);
    await rig.record.waitFor(({ text }) => text === `hello from ${name}`);
  }
  const { claimed, devices } = world.keys;
  expect(new Set(claimed).size).toBe(claimed.length);
  await rig.until(() => devices.get(botId)?.get('HERALD')?.oneTime.size === 50);
});

it('a member who has left cannot read what is sent afterwards, and one who comes cannot read what was', async () => {
  rig = await openSealedRig();
  const { room, server, ann } = rig;
  const { world, botId } = server;
  const eve = await makeSealedPerson(world, botId, { name: 'Evi' });
  await eve.sync();
  await rig.send(room, 'before she came');
  world.setMember(room, eve.id, 'join');
  await ann.say(room, 'she is here');
  await rig.record.waitFor(({ text }) => text === 'she is here');
  await rig.send(room, 'while she was here');
  await eve.sync();
  world.setMember(room, eve.id, 'leave');
  await ann.say(room, 'she is gone');
  await rig.record.waitFor(({ text }) => text === 'she is gone');
  await rig.send(room, 'after she left');
  expect(await rig.answers()).toEqual(['before she came', 'while she was here', 'after she left']);
  const read = (await eve.read(room)).events.filter(
    ({ sender, type }) => sender === botId && type === 'm.room.message',
  );
  expect(read.map(({ content }) => content['body'])).toEqual(['while she was here']);
});

it('a device that is new reads what is sent from then on', async () => {
  rig = await openSealedRig();
  const { room, server, ann } = rig;
  const { world, botId } = server;
  await rig.send(room, 'to the phone');
  const laptop = await makeSealedPerson(world, botId, { name: 'Ann', device: 'ANN-LAPTOP' });
  await laptop.sync();
  await laptop.say(room, 'from the laptop');
  await rig.record.waitFor(({ text, sender }) => text === 'from the laptop' && sender.id === ann.id);
  await rig.send(room, 'to both');
  const bodies = async (person: typeof ann) =>
    (await person.read(room)).events.filter(({ sender }) => sender === botId).map(({ content }) => content['body']);
  expect(await bodies(laptop)).toContain('to both');
  expect(await bodies(laptop)).not.toContain('to the phone');
  expect(await bodies(ann)).toEqual(expect.arrayContaining(['to the phone', 'to both']));
});

it('a key that comes late opens what waited, once and in order, also after a restart', async () => {
  rig = await openSealedRig();
  const { ann, room, server, record } = rig;
  const { keys } = server.world;
  keys.isHeld = true;
  await ann.say(room, 'one');
  await ann.say(room, 'two');
  const waits = () => [...rig.record.cursors.keys()].filter((name) => name.startsWith('waiting:')).length;
  await rig.until(() => waits() === 2);
  expect(record.received).toEqual([]);
  await rig.restart();
  keys.release();
  await rig.record.waitFor(({ text }) => text === 'two');
  await rig.until(() => waits() === 0);
  await ann.say(room, 'three');
  await rig.record.waitFor(({ text }) => text === 'three');
  expect(rig.texts()).toEqual(['one', 'two', 'three']);
});

it('a message that stays unreadable is told once, sealed, and is still read when its key comes', async () => {
  const { clock, pass, waiting } = makeShiftedClock();
  rig = await openSealedRig({ ports: { clock } });
  const { ann, room, server } = rig;
  server.world.keys.isHeld = true;
  await ann.say(room, 'one');
  await ann.say(room, 'two');
  await rig.until(() => waiting() === 1);
  pass(61_000);
  await rig.until(() => rig.sent().length === 1);
  await rig.until(() =>
    [...rig.record.cursors].every(([name, row]) => !name.startsWith('waiting:') || row.includes('"isTold":true')),
  );
  await rig.restart();
  pass(61_000);
  server.world.keys.release();
  await rig.record.waitFor(({ text }) => text === 'two');
  expect(rig.texts()).toEqual(['one', 'two']);
  expect(await rig.answers()).toEqual([UNREADABLE_NOTICE]);
});

it('what somebody else sends as hers, or a second time, is left out', async () => {
  rig = await openSealedRig();
  const { ann, room, server, record } = rig;
  const { world } = server;
  world.setMember(room, rig.eve.id, 'join');
  const said = await ann.say(room, 'pay the bill');
  await record.waitFor(({ text }) => text === 'pay the bill');
  const more = await ann.seal(room, 'm.room.message', { msgtype: 'm.text', body: 'stolen' });
  world.append(room, { type: 'm.room.encrypted', sender: rig.eve.id, content: more });
  world.append(room, { type: 'm.room.encrypted', sender: ann.id, content: said.content });
  const damaged = { ...more, ciphertext: String(more['ciphertext']).replace(/.{8}$/, 'AAAAAAAA') };
  world.append(room, { type: 'm.room.encrypted', sender: ann.id, content: damaged });
  await ann.say(room, 'thank you');
  await record.waitFor(({ text }) => text === 'thank you');
  expect(rig.texts()).toEqual(['pay the bill', 'thank you']);
});

it('malformed encrypted events are left out and stop nothing', async () => {
  rig = await openSealedRig();
  const { ann, room, server, record } = rig;
  const good = await ann.seal(room, 'm.room.message', { msgtype: 'm.text', body: 'good' });
  const { ciphertext: _, ...bare } = good;
  for (const content of [
    {},
    { ciphertext: 7 },
    { ciphertext: { key: { type: 0, body: 'AwgA' } }, algorithm: 'm.olm.v1.curve25519-aes-sha2', sender_key: 'x' },
    { ...good, algorithm: 'm.megolm.v9' },
    { ...good, session_id: [1] },
    { ...good, ciphertext: 'AwgA' },
    { ...good, ciphertext: '' },
    { ciphertext: 'AwgA', algorithm: 'm.megolm.v1.aes-sha2' },
    bare,
  ])
    server.world.append(room, { type: 'm.room.encrypted', sender: ann.id, content });
  server.world.keys.send(ann.id, 'm.room.encrypted', { messages: { [server.botId]: { HERALD: { garbage: true } } } });
  server.world.keys.send(ann.id, 'm.room_key', { messages: { [server.botId]: { HERALD: { room_id: 7 } } } });
  await ann.say(room, 'after it');
  await record.waitFor(({ text }) => text === 'after it');
  expect(rig.texts()).toEqual(['after it']);
  expect(record.states.at(-1)?.state).toBe('online');
});

it('what a device that is not known yet seals is not taken as said by somebody else', async () => {
  rig = await openSealedRig();
  const { ann, room, server, record } = rig;
  const { world, botId } = server;
  const evi = await makeSealedPerson(world, botId, { name: 'Evi' });
  await evi.sync();
  world.setMember(room, evi.id, 'join');
  const forged = await evi.seal(room, 'm.room.message', { msgtype: 'm.text', body: 'I am Ann' });
  world.append(room, { type: 'm.room.encrypted', sender: ann.id, content: forged });
  await evi.say(room, 'I am Evi');
  await record.waitFor(({ text, sender }) => text === 'I am Evi' && sender.id === evi.id);
  expect(rig.texts()).toEqual(['I am Evi']);
});

it('a room that was encrypted stays so, whatever the homeserver says', async () => {
  rig = await openSealedRig();
  const { ann, room } = rig;
  await rig.send(room, 'sealed');
  room.state.delete('m.room.encryption ');
  await rig.restart();
  await rig.send(room, 'sealed too');
  expect(await rig.answers()).toEqual(['sealed', 'sealed too']);
  const clear = rig.ada.send(room, 'm.room.message', { msgtype: 'm.text', body: 'said in the clear' });
  expect(await rig.record.waitFor(({ id }) => id === clear.event_id)).toMatchObject({ sender: { verified: false } });
  await ann.sync();
});

it('another token is another device: it has keys of its own, and the old ones are gone', async () => {
  rig = await openSealedRig();
  const { ann, room, server } = rig;
  await rig.send(room, 'from the first');
  const token = server.logIn('SECOND');
  server.world.keys.removeDevice({ user: server.botId, device: 'HERALD' });
  await rig.restart(undefined, {}, { extra: { access_token: token } });
  await rig.until(() => server.world.keys.devices.get(server.botId)?.has('SECOND') === true);
  await ann.say(room, 'to the second');
  await rig.record.waitFor(({ text }) => text === 'to the second');
  expect([...rig.record.cursors.keys()].filter((name) => name.startsWith('e2e:HERALD'))).toEqual([]);
});

it('without its package nothing is lost: it is read once the package is there again', async () => {
  const missing = { loadCrypto: () => Promise.reject(new Error('not installed')) };
  rig = await openSealedRig();
  const { ann, room } = rig;
  await rig.restart(undefined, {}, { ports: missing });
  await ann.say(room, 'can you read this?');
  await rig.until(() => rig.record.cursors.has(`encrypted:${room.id}`));
  expect(room.events.at(-1)?.content['body']).toBe(MISSING_NOTICE);
  expect(await rig.send(room, 'no')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
  await rig.restart();
  await rig.record.waitFor(({ text }) => text === 'can you read this?');
});

it('signing keys that another app made stay, and a room is told what an unsigned device means', async () => {
  const { clock, pass, waiting } = makeShiftedClock();
  rig = await openSealedRig({
    ports: { clock },
    before: ({ server }) => {
      const { keys, usage } = {
        keys: { 'ed25519:x': 'Hwm6kXwDqlZHBpIuzqTGOdmTHpzQcOxDpAtYBFKQjU8' },
        usage: ['master'],
      };
      server.world.keys.setSigningKeys(server.botId, { master_key: { user_id: server.botId, usage, keys } });
    },
  });
  const { ann, room, server } = rig;
  server.world.keys.isHeld = true;
  await ann.say(room, 'one');
  await rig.until(() => waiting() === 1 && rig.record.cursors.has('cross-signing'));
  pass(61_000);
  await rig.until(() => rig.sent().length === 1);
  server.world.keys.release();
  const [told] = await rig.answers();
  expect(told).toContain('not signed');
  expect(server.world.keys.isSigned({ user: server.botId, device: 'HERALD' })).toBe(false);
});

it('keys that cannot be opened hold up no other room, and what is said meanwhile is read when they can', async () => {
  rig = await openSealedRig();
  const { ann, room } = rig;
  const kept = rig.record.cursors.get('e2e:HERALD:schema') ?? '';
  await rig.restart(() => rig.record.cursors.set('e2e:HERALD:schema', 'damaged'));
  await ann.say(room, 'can you read this?');
  await rig.until(() => rig.record.cursors.has(`encrypted:${room.id}`));
  expect(room.events.at(-1)?.content['body']).toBe(BROKEN_NOTICE);
  rig.ada.say(rig.dm, 'in the clear');
  await rig.record.waitFor(({ text }) => text === 'in the clear');
  await rig.restart(() => rig.record.cursors.set('e2e:HERALD:schema', kept));
  await rig.record.waitFor(({ text }) => text === 'can you read this?');
});

it('a room that was entered before, or is encrypted later, gets keys before anybody writes there', async () => {
  const scene: { old?: Room } = {};
  rig = await openSealedRig({
    before: ({ server, ada }) => {
      scene.old = server.room('Old', [ada]);
      server.world.encrypt(scene.old, ada.id);
      for (let index = 0; index < 5; index++) ada.send(scene.old, 'm.reaction', {});
    },
    invite: false,
  });
  const { ann, room, server } = rig;
  const { old } = scene;
  if (!old) throw new Error('There is no room.');
  await rig.until(() => server.world.keys.devices.has(server.botId));
  server.world.setMember(old, ann.id, 'join');
  await ann.say(old, 'in the old room');
  await rig.record.waitFor(({ text }) => text === 'in the old room');
  server.world.encrypt(room, ann.id);
  await ann.say(room, 'sealed from now on');
  await rig.record.waitFor(({ text }) => text === 'sealed from now on');
});

it('while nothing is new about keys, nothing of them is written', async () => {
  rig = await openSealedRig();
  const { ann, room, record } = rig;
  await ann.say(room, 'sealed');
  await record.waitFor(({ text }) => text === 'sealed');
  await rig.until(() => rig.server.world.keys.devices.get(rig.server.botId)?.get('HERALD')?.oneTime.size === 50);
  rig.ada.say(rig.dm, 'settled');
  await record.waitFor(({ text }) => text === 'settled');
  const keys = () => [...record.cursors].filter(([name]) => name.startsWith('e2e:'));
  const before = keys();
  const { length } = rig.server.requests;
  for (const text of ['one', 'two', 'three']) {
    rig.ada.say(rig.dm, text);
    await record.waitFor((message) => message.text === text);
  }
  expect(keys()).toEqual(before);
  expect(rig.server.requests.slice(length).filter((request) => request.includes('/keys/'))).toEqual([]);
});

it('a login without a device says so, and a homeserver without signing keys is taken as it is', async () => {
  rig = await openSealedRig({
    before: ({ server }) => server.fail({ route: /device_signing/, status: 404, body: { errcode: 'M_UNRECOGNIZED' } }),
  });
  const { ann, room, server } = rig;
  await rig.until(() => rig.record.cursors.get('cross-signing') === 'HERALD refused');
  const whoami = { route: /whoami$/, status: 200, body: { user_id: server.botId } };
  await rig.restart(() => server.fail(whoami));
  await ann.say(room, 'hello');
  await rig.until(() => rig.record.cursors.has(`encrypted:${room.id}`));
  expect(room.events.at(-1)?.content['body']).toContain('application service');
  expect(rig.record.received).toEqual([]);
});
