// Messages that leave: what they hold, that none is sent twice, and what is done when Discord refuses.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { OutboundMessage } from '../../../adapters/contract.ts';
import { makeNonce } from '../../../adapters/discord/send/pieces.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import type { Address, StoredFile } from '../../../shared/messages.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { addressOf } from './discord-harness.ts';
import { makeOggOpus } from './ogg.ts';
import { openRig, type Rig } from './rig.ts';

const SENDS = { method: 'POST', route: /^\/channels\/\d+\/messages$/ };
const postsOf = ({ server }: Rig) =>
  server.calls.filter((call) => call.method === 'POST' && SENDS.route.test(call.route));
const send = ({ adapter }: Rig, to: Address, message: OutboundMessage) =>
  adapter.send(to, message, AbortSignal.timeout(10_000));

const folders: string[] = [];

async function fileOf(name: string, mime: string, kind: StoredFile['kind'], bytes: Uint8Array): Promise<StoredFile> {
  const folder = await mkdtemp(path.join(tmpdir(), 'herald-discord-'));
  folders.push(folder);
  const file = path.join(folder, 'content');
  await writeFile(file, bytes);
  return { kind, path: file, name, mime, bytes: bytes.length };
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe('a message', () => {
  it('calls nobody but the one who is answered, opens no links, and carries its nonce', async () => {
    const rig = await openRig();
    const question = rig.ada.dm.say('hi');
    const message = {
      ...makeOutbound('@everyone <@123> https://example.org'),
      replyTo: messageId(question.id),
      silent: true,
    };
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: true });
    expect(postsOf(rig).at(-1)?.json).toEqual({
      content: '@everyone \\<@123> https://example.org',
      allowed_mentions: { parse: [], replied_user: true },
      message_reference: { message_id: question.id, fail_if_not_exists: false },
      flags: (1 << 2) | (1 << 12),
      nonce: makeNonce(message.key, 0),
      enforce_nonce: true,
    });
  });

  it('shows previews of links where that is switched on', async () => {
    const rig = await openRig({ settings: { link_previews: true } });
    await send(rig, rig.dm, makeOutbound('https://example.org'));
    expect(postsOf(rig).at(-1)?.json).not.toHaveProperty('flags');
  });

  it('is sent without its reference where the history may not be read', async () => {
    const rig = await openRig();
    const question = rig.ada.dm.say('hi');
    rig.server.fail({ ...SENDS, status: 403, code: 160002 });
    expect(await send(rig, rig.dm, { ...makeOutbound('answer'), replyTo: messageId(question.id) })).toMatchObject({
      ok: true,
    });
    expect(rig.server.sent(rig.dm.chat)).toMatchObject([{ content: 'answer', replyTo: undefined }]);
  });

  it('that answers something which is no message of Discord is sent without a reference', async () => {
    const rig = await openRig();
    expect(await send(rig, rig.dm, { ...makeOutbound('answer'), replyTo: messageId('m-1') })).toMatchObject({
      ok: true,
    });
    expect(postsOf(rig).at(-1)?.json).not.toHaveProperty('message_reference');
  });

  it('whose markup makes it too long comes in two, without losing anything', async () => {
    const rig = await openRig();
    const text = Array.from({ length: 68 }, (_, i) => `word\\_${i}\\* and more text here`).join('\n\n');
    const result = await send(rig, rig.dm, makeOutbound(text));
    expect(result.ok && result.ids.length).toBe(2);
    const sent = rig.server.sent(rig.dm.chat).map((message) => message.content);
    for (const content of sent) expect(content.length).toBeLessThanOrEqual(2_000);
    const joined = sent.join('\n').replaceAll('\\', '');
    for (let i = 0; i < 68; i++) expect(joined).toContain(`word_${i}*`);
  });

  it('with eleven files comes in two messages, the text with the first', async () => {
    const rig = await openRig();
    const files = await Promise.all(
      Array.from({ length: 11 }, (_, i) => fileOf(`f${i}.txt`, 'text/plain', 'document', Buffer.from(`file ${i}`))),
    );
    await send(rig, rig.dm, { ...makeOutbound('all of them'), files });
    const sent = rig.server.sent(rig.dm.chat);
    expect(sent.map((message) => [message.content, message.files.length])).toEqual([
      ['all of them', 10],
      ['', 1],
    ]);
    expect(sent.flatMap((message) => message.files.map((file) => Buffer.from(file.bytes).toString()))).toEqual(
      files.map((_, i) => `file ${i}`),
    );
  });

  it('with a file whose name could break the form arrives under a harmless one', async () => {
    const rig = await openRig();
    const file = await fileOf('a"b\r\nc/d.txt', 'text/plain', 'document', Buffer.from('x'));
    expect(await send(rig, rig.dm, { ...makeOutbound(''), files: [file] })).toMatchObject({ ok: true });
    expect(rig.server.sent(rig.dm.chat)[0]?.files[0]?.name).toBe('a_b_c_d.txt');
  });

  it('with more buttons than a row holds wraps them; with too many it is refused here', async () => {
    const rig = await openRig();
    const row = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ label: `B${i}${'x'.repeat(100)}`, data: `b:${i}` }));
    await send(rig, rig.dm, { ...makeOutbound('choose'), buttons: [row(7)] });
    const rows = rig.server.sent(rig.dm.chat)[0]?.components as { components: { label: string }[] }[];
    expect(rows.map((one) => one.components.length)).toEqual([5, 2]);
    expect(rows[0]?.components[0]?.label).toHaveLength(80);
    const refused = await send(rig, rig.dm, { ...makeOutbound('choose'), buttons: [row(26)] });
    expect(refused).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
  });
});

describe('a voice note', () => {
  it('goes out as a voice message with its length and loudness, after its text', async () => {
    const rig = await openRig();
    const voice = await fileOf('answer.ogg', 'audio/ogg', 'voice', makeOggOpus(3.2));
    const result = await send(rig, rig.dm, {
      ...makeOutbound('In short:'),
      files: [voice],
      buttons: [[{ label: 'Again', data: 'again' }]],
    });
    expect(result.ok && result.ids.length).toBe(2);
    const [text, spoken] = rig.server.sent(rig.dm.chat);
    expect(text).toMatchObject({ content: 'In short:', components: [{ type: 1 }] });
    expect(spoken).toMatchObject({ content: '', flags: 8_192, components: [] });
    expect(spoken?.files[0]).toMatchObject({
      type: 'audio/ogg',
      seconds: 3.2,
      waveform: expect.stringMatching(/^[\w+/]+=*$/),
    });
  });

  it('of another kind goes out as a file', async () => {
    const rig = await openRig();
    const voice = await fileOf('answer.mp3', 'audio/mpeg', 'voice', Buffer.from('mp3'));
    await send(rig, rig.dm, { ...makeOutbound('Listen'), files: [voice] });
    expect(rig.server.sent(rig.dm.chat)).toMatchObject([
      { content: 'Listen', files: [{ name: 'answer.mp3' }], flags: 4 },
    ]);
  });
});

describe('a repeated send', () => {
  it('within minutes is the same message, by its nonce', async () => {
    const rig = await openRig();
    const message = makeOutbound('once');
    rig.server.fail({ ...SENDS, drop: 'after' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: false, reached: 'maybe' });
    rig.server.fail({ method: 'GET', route: SENDS.route, status: 200, text: '[]' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: true });
    expect(rig.server.sent(rig.dm.chat)).toHaveLength(1);
  });

  it('after a crash and hours without power is found in the history', async () => {
    const rig = await openRig();
    const message = makeOutbound('a long **answer**');
    await send(rig, rig.dm, makeOutbound('another one'));
    rig.server.fail({ ...SENDS, drop: 'after' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: false, reached: 'maybe' });
    await rig.restart(() => rig.server.forgetNonces());
    const again = await send(rig, rig.dm, message);
    expect(again).toEqual({ ok: true, ids: [rig.server.sent(rig.dm.chat)[1]?.id] });
    expect(rig.server.sent(rig.dm.chat)).toHaveLength(2);
    // What is known to be out is not looked for again.
    const before = rig.server.calls.length;
    rig.server.forgetNonces();
    await send(rig, rig.dm, makeOutbound('a long **answer**'));
    expect(rig.server.calls.slice(before).map((call) => call.method)).toEqual(['POST']);
    expect(rig.server.sent(rig.dm.chat)).toHaveLength(3);
  });

  it('that did not arrive is sent after all', async () => {
    const rig = await openRig();
    const message = makeOutbound('not yet');
    rig.server.fail({ ...SENDS, drop: 'before' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: false, reached: 'maybe' });
    await rig.restart(() => rig.server.forgetNonces());
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: true });
    expect(rig.server.sent(rig.dm.chat)).toHaveLength(1);
  });

  it('of several pieces goes on where it broke', async () => {
    const rig = await openRig();
    const one = await fileOf('v.ogg', 'audio/ogg', 'voice', makeOggOpus(1));
    const message = { ...makeOutbound('text first'), files: [one] };
    rig.server.fail({ ...SENDS, times: 1, delayMs: 0 });
    rig.server.fail({ ...SENDS, drop: 'before' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: false, reached: 'maybe' });
    await rig.restart(() => rig.server.forgetNonces());
    const again = await send(rig, rig.dm, message);
    expect(again.ok && again.ids).toHaveLength(2);
    expect(rig.server.sent(rig.dm.chat).map((sent) => sent.flags & 8_192)).toEqual([0, 8_192]);
  });

  it('whose history cannot be read is not sent blindly', async () => {
    const rig = await openRig();
    const message = makeOutbound('careful');
    rig.server.fail({ ...SENDS, drop: 'after' });
    await send(rig, rig.dm, message);
    await rig.restart(() => rig.server.forgetNonces());
    rig.server.fail({ method: 'GET', route: SENDS.route, status: 503 });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: false, code: 'unreachable' });
    expect(await send(rig, rig.dm, message)).toMatchObject({ ok: true });
    expect(rig.server.sent(rig.dm.chat)).toHaveLength(1);
  });

  it('goes out all the same when it cannot be noted', async () => {
    const rig = await openRig();
    rig.record.host.cursor.update = () => Promise.reject(new Error('the disk is full'));
    expect(await send(rig, rig.dm, makeOutbound('anyway'))).toMatchObject({ ok: true });
  });
});

describe('a forum', () => {
  it('gets a post of its own for what is sent to it, and edits find it', async () => {
    const rig = await openRig();
    const forum = rig.server.group({ forum: true });
    const to = addressOf(rig.server, forum.id);
    const result = await send(rig, to, makeOutbound('## Report of today\n\nAll **well**.'));
    const id = result.ok ? (result.ids[0] ?? '') : '';
    expect(rig.server.channel(id)).toMatchObject({ parent: forum.id, name: 'Report of today All well.' });
    expect(rig.server.sent(id)).toMatchObject([{ id, content: '## Report of today\n\nAll **well**.' }]);
    await rig.adapter.edit?.(to, messageId(id), makeOutbound('Changed'), AbortSignal.timeout(5_000));
    expect(rig.server.sent(id)).toMatchObject([{ content: 'Changed' }]);
  });

  it('that was not told of yet is found out by the refusal', async () => {
    const rig = await openRig();
    const forum = rig.server.group({ forum: true });
    rig.server.emit('CHANNEL_DELETE', { id: forum.id });
    const result = await send(rig, addressOf(rig.server, forum.id), makeOutbound('A post'));
    expect(result).toMatchObject({ ok: true });
  });

  it('gets no second post from a repeated send', async () => {
    const rig = await openRig();
    const forum = rig.server.group({ forum: true });
    const to = addressOf(rig.server, forum.id);
    const message = makeOutbound('Only one post');
    rig.server.fail({ method: 'POST', route: /\/threads$/, drop: 'after' });
    expect(await send(rig, to, message)).toMatchObject({ ok: false, reached: 'maybe' });
    await rig.restart();
    const again = await send(rig, to, message);
    expect(again).toMatchObject({ ok: true });
    expect(rig.server.calls.filter((call) => call.method === 'POST' && call.route.endsWith('/threads'))).toHaveLength(
      1,
    );
  });
});

describe('signs of life', () => {
  it('a new reaction takes the place of the old one, and leaves those of others', async () => {
    const rig = await openRig();
    const said = rig.ada.dm.say('hi');
    said.reactions.set('🎉', new Set([rig.ada.user.id]));
    const react = (emoji: string | undefined) => rig.adapter.react?.(rig.dm, messageId(said.id), emoji);
    expect(await react('👀')).toMatchObject({ ok: true });
    expect(await react('✅')).toMatchObject({ ok: true });
    expect([...said.reactions.keys()]).toEqual(['🎉', '✅']);
    expect(await react('not an emoji')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
    await react(undefined);
    expect([...said.reactions.keys()]).toEqual(['🎉']);
  });

  it('typing in a channel that is gone is nobody’s trouble', async () => {
    const rig = await openRig();
    await rig.adapter.typing?.({ ...rig.dm, chat: addressOf(rig.server, '404404404404404404').chat });
  });

  it('a DM with nobody is undefined', async () => {
    const rig = await openRig();
    expect(await rig.adapter.openDm?.(userId('200000000009999999'))).toBeUndefined();
    expect(await rig.adapter.openDm?.(userId('../users'))).toBeUndefined();
  });
});
