// Inbound half of the adapter contract: what people do on the platform arrives once, in order, complete, and only when it is stored.
import { describe, expect } from 'vitest';
import type { AdapterHarness, AdapterRig, ContractCase } from './adapter-harness.ts';
import { makeOutbound, mediaKinds, sampleFile, sendOk } from './adapter-samples.ts';

export function describeInbound(harness: AdapterHarness, contractCase: ContractCase): void {
  describe('inbound text', () => describeText(contractCase));
  describe('inbound durability', () => describeDurability(contractCase));
  describe('inbound replies, edits and presses', () => describeReplies(harness, contractCase));
  describe('inbound files', () => describeFiles(harness, contractCase));
}

function describeText(contractCase: ContractCase): void {
  contractCase('a message arrives once, with who, where and when', async (rig) => {
    const before = Date.now();
    const id = await rig.say({ text: 'hello there' });
    const got = await rig.record.waitFor((message) => message.text === 'hello there');
    expect(got).toMatchObject({
      kind: 'message',
      id,
      revision: '',
      chat: rig.dm.chat,
      chatKind: 'dm',
      account: rig.dm.account,
    });
    expect(got.sender).toMatchObject({ id: rig.user, bot: false });
    expect(got.addressed, 'a DM always addresses us').toBe(true);
    expect(Math.abs(got.sentAt - before)).toBeLessThan(60_000);
    expect(got.attachments).toEqual([]);
    expect(rig.record.received).toHaveLength(1);
  });

  contractCase('messages of a chat arrive in the order in which they were sent', async (rig) => {
    const texts = Array.from({ length: 20 }, (_, i) => `number ${i}`);
    for (const text of texts) await rig.say({ text });
    await rig.record.waitUntil(() => rig.record.received.length >= texts.length);
    expect(rig.record.received.map((message) => message.text)).toEqual(texts);
    expect(new Set(rig.record.received.map((message) => message.id)).size).toBe(texts.length);
  });

  contractCase('text keeps its characters: scripts, emoji, markup, leading and inner white space', async (rig) => {
    const texts = [
      '日本語のテキスト',
      'עברית',
      '👩‍👩‍👧‍👦 family',
      '<b>not bold</b> & *stars* _x_',
      'line one\n\n  indented\ttab',
      '\\ ` ~',
    ].filter((text) => !rig.isSingleLine || !text.includes('\n'));
    for (const text of texts) await rig.say({ text });
    await rig.record.waitUntil(() => rig.record.received.length >= texts.length);
    expect(rig.record.received.map((message) => message.text)).toEqual(texts);
  });

  contractCase('unknown and malformed input is left out and stops nothing', async (rig, skip) => {
    if (!rig.injectGarbage) return skip();
    await rig.injectGarbage();
    await rig.say({ text: 'after the garbage' });
    await rig.record.waitFor((message) => message.text === 'after the garbage');
    expect(rig.record.received.map((message) => message.text)).toEqual(['after the garbage']);
  });

  contractCase('bots and our own echo are not received', async (rig) => {
    await rig.sayAsBot?.('I am a bot');
    await rig.sayAsSelf?.('I am you');
    await rig.say({ text: 'I am a person' });
    await rig.record.waitFor((message) => message.text === 'I am a person');
    expect(rig.record.received.map((message) => message.text)).toEqual(['I am a person']);
  });

  contractCase('in a group, only what names us or answers us is addressed to us', async (rig, skip) => {
    if (!rig.group) return skip();
    await rig.say({ at: rig.group, text: 'talking to others' });
    await rig.say({ at: rig.group, text: 'what time is it?', mention: true });
    await rig.record.waitUntil(() => rig.record.received.length >= 2);
    const [other, ours] = rig.record.received;
    expect(other).toMatchObject({
      chat: rig.group.chat,
      chatKind: 'group',
      addressed: false,
      text: 'talking to others',
    });
    expect(ours).toMatchObject({ chatKind: 'group', addressed: true, text: 'what time is it?' });

    const { ids } = await sendOk(rig, rig.group, 'It is noon.');
    await rig.say({ at: rig.group, text: 'thanks', replyTo: ids[0] });
    const answer = await rig.record.waitFor((message) => message.text === 'thanks');
    expect(answer).toMatchObject({ addressed: true, replyTo: { message: ids[0], mine: true } });
  });
}

function describeDurability(contractCase: ContractCase): void {
  contractCase('a message that could not be stored comes again, before those that follow it', async (rig) => {
    rig.record.failNext(2);
    const first = await rig.say({ text: 'first' });
    await rig.say({ text: 'second' });
    await rig.record.waitUntil(() => rig.record.received.length >= 2, 15_000);
    expect(rig.record.received.map((message) => message.text)).toEqual(['first', 'second']);
    expect(rig.record.received[0]?.id).toBe(first);
    expect(rig.record.answers.filter((answer) => answer.outcome === 'failed')).toHaveLength(2);
  });

  contractCase('a message whose acknowledgement was lost comes again under the same id and is one row', async (rig) => {
    rig.record.loseNextAck(1);
    const id = await rig.say({ text: 'stored, not acknowledged' });
    await rig.record.waitUntil(() => rig.record.answers.some((answer) => answer.outcome === 'duplicate'), 15_000);
    await rig.say({ text: 'next' });
    await rig.record.waitFor((message) => message.text === 'next');
    expect(rig.record.received.map((message) => message.text)).toEqual(['stored, not acknowledged', 'next']);
    expect(rig.record.received[0]?.id).toBe(id);
  });

  contractCase('a stored message does not come again', async (rig) => {
    await rig.say({ text: 'once' });
    await rig.record.waitFor((message) => message.text === 'once');
    await rig.say({ text: 'twice' });
    await rig.record.waitFor((message) => message.text === 'twice');
    await rig.restart(async () => {});
    await rig.say({ text: 'third' });
    await rig.record.waitFor((message) => message.text === 'third');
    const outcomes = rig.record.answers.map((answer) => `${answer.message.text} ${answer.outcome}`);
    // A redelivery of the last batch is allowed after a restart; a second row never is.
    expect(outcomes.filter((line) => line === 'once new')).toEqual([]);
    expect(rig.record.received.map((message) => message.text)).toEqual(['once', 'twice', 'third']);
  });
}

function describeReplies(harness: AdapterHarness, contractCase: ContractCase): void {
  const { capabilities } = harness;
  contractCase('a reply says what it answers', async (rig, skip) => {
    if (capabilities.replies !== 'full') return skip();
    const { ids } = await sendOk(rig, rig.dm, 'Which colour?');
    const earlier = await rig.say({ text: 'wait' });
    await rig.say({ text: 'blue', replyTo: ids[0] });
    await rig.say({ text: 'about that', replyTo: earlier });
    const blue = await rig.record.waitFor((message) => message.text === 'blue');
    expect(blue.replyTo).toMatchObject({ message: ids[0], mine: true, text: 'Which colour?' });
    const that = await rig.record.waitFor((message) => message.text === 'about that');
    expect(that.replyTo).toMatchObject({ message: earlier, text: 'wait' });
    expect(that.replyTo?.mine ?? false).toBe(false);
  });

  contractCase('an edit carries the id of the message and a revision of its own', async (rig, skip) => {
    if (!rig.editAsUser) return skip();
    const id = await rig.say({ text: 'helo' });
    await rig.record.waitFor((message) => message.text === 'helo');
    await rig.editAsUser(id, 'hello');
    const first = await rig.record.waitFor((message) => message.kind === 'edit' && message.text === 'hello');
    await rig.editAsUser(id, 'hello!');
    const second = await rig.record.waitFor((message) => message.kind === 'edit' && message.text === 'hello!');
    expect([first.id, second.id]).toEqual([id, id]);
    expect(first.revision).not.toBe('');
    expect(second.revision).not.toBe(first.revision);
  });

  contractCase('a deletion names the message', async (rig, skip) => {
    if (!rig.deleteAsUser) return skip();
    const id = await rig.say({ text: 'never mind' });
    await rig.record.waitFor((message) => message.text === 'never mind');
    await rig.deleteAsUser(id);
    const gone = await rig.record.waitFor((message) => message.kind === 'delete');
    expect(gone.id).toBe(id);
  });

  contractCase('a thread is told apart from its chat, and answers go into it', async (rig, skip) => {
    if (!rig.thread) return skip();
    await rig.say({ at: rig.thread, text: 'in the thread', mention: true });
    const got = await rig.record.waitFor((message) => message.text === 'in the thread');
    expect(got).toMatchObject({ chat: rig.thread.chat, thread: rig.thread.thread });
    await sendOk(rig, rig.thread, 'answer in the thread');
    const seen = (await rig.seen(rig.thread)).find((message) => message.text === 'answer in the thread');
    expect(seen?.thread).toBe(rig.thread.thread);
  });

  contractCase('each press of a button is an event of its own', async (rig, skip) => {
    if (capabilities.buttons !== 'full') return skip();
    const press = rig.press;
    if (!press) throw new Error('A platform with buttons needs `press` in its harness.');
    const outbound = {
      ...makeOutbound('Allow it?'),
      buttons: [[{ label: 'Yes', data: 'allow:1' }], [{ label: 'No', data: 'deny:1' }]],
    };
    const { ids } = await sendOk(rig, rig.dm, outbound);
    const message = ids.at(-1);
    if (!message) throw new Error('nothing was sent');
    expect((await rig.seen(rig.dm)).at(-1)?.buttons).toEqual(outbound.buttons);
    await press(rig.dm, message, 'allow:1');
    await press(rig.dm, message, 'deny:1');
    await rig.record.waitUntil(() => rig.record.received.length >= 2);
    const [yes, no] = rig.record.received;
    expect(yes).toMatchObject({ kind: 'button', button: { data: 'allow:1', message }, sender: { id: rig.user } });
    expect(no).toMatchObject({ kind: 'button', button: { data: 'deny:1', message } });
    expect(new Set([yes?.id, no?.id, message]).size).toBe(3);
  });
}

function describeFiles(harness: AdapterHarness, contractCase: ContractCase): void {
  for (const kind of mediaKinds()) {
    if (harness.capabilities.media[kind].support !== 'full') continue;
    contractCase(`a file of kind ${kind} arrives and opens with the same bytes`, async (rig) => {
      const file = sampleFile(kind);
      const caption = kind === 'sticker' ? '' : 'look at this';
      await rig.say({ text: caption, file });
      const got = await rig.record.waitFor((message) => message.attachments.length > 0);
      expect(got.text).toBe(caption);
      const attachment = got.attachments[0];
      if (!attachment) throw new Error('no attachment');
      expect(attachment.kind).toBe(kind);
      expect(await openBytes(rig, attachment)).toEqual(Buffer.from(file.bytes));
    });
  }

  contractCase('opening a file that is not there rejects with an AppError', async (rig) => {
    const ref = { kind: 'document', ref: 'no-such-file' } as const;
    await expect(rig.adapter.open(ref, AbortSignal.timeout(10_000))).rejects.toMatchObject({ name: 'AppError' });
  });
}

async function openBytes(rig: AdapterRig, ref: Parameters<AdapterRig['adapter']['open']>[0]): Promise<Buffer> {
  const stream = await rig.adapter.open(ref, AbortSignal.timeout(10_000));
  return Buffer.from(await new Response(stream).arrayBuffer());
}
