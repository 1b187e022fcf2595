// Slash commands and presses, from the menu to the answer; mentions, deletions and files as people meet them.
import { describe, expect, it } from 'vitest';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { openRig } from './rig.ts';

const DEFERRED_UPDATE = 6;
const DEFERRED_MESSAGE = 5;

describe('slash commands', () => {
  it('are published to the menu as soon as it is known who we are', async () => {
    const rig = await openRig({ waitsForOnline: false });
    await rig.adapter.publishCommands?.([{ name: 'help', description: 'Show what I can do' }]);
    await rig.server.until('the menu', () => rig.server.commands().length > 0);
    expect(rig.server.commands()).toMatchObject([
      {
        type: 1,
        name: 'help',
        description: 'Show what I can do',
        contexts: [0, 1],
        options: [{ type: 3, name: 'text', required: false }],
      },
    ]);
  });

  it('are published again with the next session when that failed', async () => {
    const rig = await openRig({ fakeClock: true });
    rig.server.fail({ method: 'PUT', route: /\/commands$/, status: 500 });
    await rig.adapter.publishCommands?.([{ name: 'help', description: 'Help' }]);
    expect(rig.server.commands()).toEqual([]);
    rig.server.gateway.forgetSessions();
    rig.server.gateway.disconnect();
    for (let i = 0; i < 200 && rig.server.commands().length === 0; i++) {
      await rig.clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(rig.server.commands()).toHaveLength(1);
  });

  it('arrive as a message, are acknowledged for their sender alone, and leave nothing behind', async () => {
    const rig = await openRig();
    const { id } = rig.ada.dm.command('model', 'fast one');
    const got = await rig.record.waitFor((message) => message.text === '/model fast one');
    expect(got).toMatchObject({ kind: 'message', id, chat: rig.dm.chat, chatKind: 'dm', addressed: true });
    await rig.server.until('the end', () => rig.server.interaction(id)?.isDeleted);
    expect(rig.server.interaction(id)?.callbacks).toEqual([{ type: DEFERRED_MESSAGE, data: { flags: 64 } }]);
    // The answer refers to an id that is no message.
    const answer = { ...makeOutbound('Done.'), replyTo: got.id };
    expect(await rig.adapter.send(rig.dm, answer, AbortSignal.timeout(5_000))).toMatchObject({ ok: true });
    expect(rig.server.sent(rig.dm.chat)).toMatchObject([{ content: 'Done.', replyTo: undefined }]);
  });

  it('in a thread are of the thread', async () => {
    const rig = await openRig();
    const group = rig.server.group();
    const thread = group.thread('A thread', rig.ada);
    rig.ada.in(thread).command('status');
    const got = await rig.record.waitFor((message) => message.text === '/status');
    expect(got).toMatchObject({ chat: group.id, thread: thread.id, chatKind: 'group', addressed: true });
  });
});

describe('a press', () => {
  it('is acknowledged only when it is stored', async () => {
    const rig = await openRig();
    const outbound = { ...makeOutbound('Go?'), buttons: [[{ label: 'Go', data: 'go' }]] };
    const sent = await rig.adapter.send(rig.dm, outbound, AbortSignal.timeout(5_000));
    rig.record.failNext(1);
    const { id } = rig.ada.dm.press(sent.ok ? (sent.ids[0] ?? '') : '', 'go');
    await rig.record.waitUntil(() => rig.record.answers.length === 1);
    expect(rig.server.interaction(id)?.callbacks).toEqual([]);
    await rig.server.until('the acknowledgement', () => rig.server.interaction(id)?.callbacks.length === 1);
    expect(rig.server.interaction(id)?.callbacks).toEqual([{ type: DEFERRED_UPDATE }]);
    expect(rig.record.answers.map((answer) => answer.outcome)).toEqual(['failed', 'new']);
  });

  it('does not wait for what was missed', async () => {
    const rig = await openRig();
    const outbound = { ...makeOutbound('Go?'), buttons: [[{ label: 'Go', data: 'go' }]] };
    const sent = await rig.adapter.send(rig.dm, outbound, AbortSignal.timeout(5_000));
    rig.server.fail({ method: 'GET', route: /\/messages$/, delayMs: 400 });
    rig.ada.dm.say('first');
    rig.ada.dm.press(sent.ok ? (sent.ids[0] ?? '') : '', 'go');
    await rig.record.waitUntil(() => rig.record.received.length === 2);
    expect(rig.record.received.map((message) => message.kind)).toEqual(['button', 'message']);
  });
});

describe('people', () => {
  it('call us by our role as well', async () => {
    const rig = await openRig();
    const group = rig.server.group();
    rig.ada.in(group).say(`<@&${rig.server.botRole(group)}> are you there?`);
    const got = await rig.record.waitFor((message) => message.text === 'are you there?');
    expect(got.addressed).toBe(true);
  });

  it('delete messages, and only those that we know of are told', async () => {
    const rig = await openRig();
    const first = rig.ada.dm.say('first');
    rig.server.sayAsBot(rig.dm.chat, 'ours');
    await rig.record.waitFor((message) => message.text === 'first');
    rig.server.emit('MESSAGE_DELETE', { id: '999999999999999999', channel_id: rig.dm.chat });
    rig.server.emit('MESSAGE_DELETE_BULK', { ids: [first.id], channel_id: rig.dm.chat });
    rig.ada.dm.say('after');
    await rig.record.waitFor((message) => message.text === 'after');
    expect(rig.record.received.map((message) => [message.kind, message.id])).toEqual([
      ['message', first.id],
      ['delete', first.id],
      ['message', expect.any(String)],
    ]);
    expect(rig.record.received[1]?.sender.id).toBe(rig.ada.user.id);
  });

  it('send stickers', async () => {
    const rig = await openRig();
    const bytes = Buffer.from('a sticker');
    rig.ada.dm.sendSticker({ name: 'Wave', mime: 'image/png', bytes });
    const got = await rig.record.waitFor((message) => message.attachments.length > 0);
    const [ref] = got.attachments;
    expect(ref).toMatchObject({ kind: 'sticker', name: 'Wave', mime: 'image/png' });
    const opened = ref && (await rig.adapter.open(ref, AbortSignal.timeout(5_000)));
    expect(Buffer.from(await new Response(opened).arrayBuffer())).toEqual(bytes);
  });
});

describe('files', () => {
  it('are fetched from Discord’s own servers only, whatever a message says', async () => {
    const rig = await openRig();
    const message = rig.ada.dm.say('look', {
      extra: {
        attachments: [
          { id: '9', filename: 'x', size: 1, url: 'http://169.254.169.254/secrets', proxy_url: 'http://x.y/z' },
        ],
      },
    });
    const got = await rig.record.waitFor((one) => one.id === message.id);
    const [ref] = got.attachments;
    if (!ref) throw new Error('no attachment');
    await expect(rig.adapter.open(ref, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it.each(['../../users/@me', '1/2/3/4', 'sticker/1.exe', 'sticker/../x.png', 'http://x.y/z', ''])(
    'with the reference %j are not there',
    async (ref) => {
      const rig = await openRig();
      const before = rig.server.calls.length;
      await expect(rig.adapter.open({ kind: 'document', ref }, AbortSignal.timeout(5_000))).rejects.toMatchObject({
        name: 'AppError',
        code: 'not_found',
      });
      expect(rig.server.calls).toHaveLength(before);
    },
  );
});
