// What is on disk when: a linked device is killed at the worst moments, and its keys still fit.
import { describe, expect, it } from 'vitest';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { addressOf } from './web-harness.ts';
import { openWeb, until, type WebRig } from './web-rig.ts';

const FOREVER = 1_000_000;

function receiptsOf({ whatsapp }: WebRig, id: string) {
  return whatsapp.stanzas.filter(({ tag, attrs }) => tag === 'receipt' && attrs['id'] === id);
}

function refusalsOf({ whatsapp }: WebRig) {
  return whatsapp.stanzas.filter(({ tag, attrs }) => tag === 'ack' && attrs['error'] !== undefined);
}

describe('inbound', () => {
  it('a message is acknowledged only when it is stored', async () => {
    const rig = await openWeb();
    const { record } = await rig.start();
    record.failNext(2);
    const id = await rig.whatsapp.say(rig.ada, { conversation: 'keep me' });
    await record.waitUntil(() => record.answers.length === 2);
    expect(receiptsOf(rig, id)).toEqual([]);
    expect(rig.whatsapp.waiting).toEqual([id]);
    await record.waitFor(({ text }) => text === 'keep me');
    await until('the receipt', () => rig.whatsapp.waiting.length === 0);
    // "inactive": the phone goes on ringing.
    expect(receiptsOf(rig, id).map(({ attrs }) => attrs['type'])).toEqual(['inactive']);
    expect(refusalsOf(rig)).toEqual([]);
  });

  it.each(['first', 'second'] as const)(
    'killed between the used key and the store (%s message of a session): it comes again and is read',
    async (which) => {
      const rig = await openWeb();
      const first = await rig.start();
      if (which === 'second') {
        await rig.whatsapp.say(rig.ada, { conversation: 'before' });
        await first.record.waitFor(({ text }) => text === 'before');
        await until('the receipt', () => rig.whatsapp.waiting.length === 0);
      }
      first.record.failNext(FOREVER);
      await rig.whatsapp.say(rig.ada, { conversation: 'in between' });
      await first.record.waitUntil(() => first.record.answers.some(({ outcome }) => outcome === 'failed'));
      const killed = new Map(rig.cursors);
      await first.adapter.stop();

      const second = await rig.start({ kept: { cursors: killed } });
      await second.record.waitFor(({ text }) => text === 'in between');
      await until('the receipt', () => rig.whatsapp.waiting.length === 0);
      expect(refusalsOf(rig)).toEqual([]);
      await rig.whatsapp.say(rig.ada, { conversation: 'after' });
      await second.record.waitFor(({ text }) => text === 'after');
      expect(second.record.received.map(({ text }) => text)).toEqual(['in between', 'after']);
    },
  );

  it('without the copy that is written with the key it would be lost (so the test before sees something)', async () => {
    const rig = await openWeb();
    const first = await rig.start();
    first.record.failNext(FOREVER);
    await rig.whatsapp.say(rig.ada, { conversation: 'in between' });
    await first.record.waitUntil(() => first.record.answers.length > 0);
    const killed = new Map([...rig.cursors].filter(([key]) => !key.startsWith('replay:')));
    await first.adapter.stop();
    const second = await rig.start({ kept: { cursors: killed } });
    await until('the refusal', () => refusalsOf(rig).length > 0);
    expect(second.record.received).toEqual([]);
  });

  it('killed between the store and the acknowledgement: it comes again, is a duplicate, and is acknowledged', async () => {
    const rig = await openWeb();
    const first = await rig.start();
    rig.whatsapp.isMute = true; // no acknowledgement is noticed any more
    const id = await rig.whatsapp.say(rig.ada, { conversation: 'stored' });
    await first.record.waitFor(({ text }) => text === 'stored');
    await first.adapter.stop();
    rig.whatsapp.isMute = false;
    expect(rig.whatsapp.waiting).toEqual([id]);
    const second = await rig.start({ kept: { received: first.record.received } });
    await second.record.waitUntil(() => second.record.answers.length > 0);
    await until('the receipt', () => rig.whatsapp.waiting.length === 0);
    expect(second.record.answers.map(({ outcome }) => outcome)).toEqual(['duplicate']);
    expect(refusalsOf(rig)).toEqual([]);
  });

  it('a connection that drops while messages are stored loses none of them', async () => {
    const rig = await openWeb();
    const { record } = await rig.start({ web: { random: () => 1 } });
    record.failNext(3);
    for (let i = 0; i < 10; i++) await rig.whatsapp.say(rig.ada, { conversation: `number ${i}` });
    await record.waitUntil(() => record.answers.length > 0);
    rig.whatsapp.drop();
    await record.waitUntil(() => record.received.length === 10, 10_000);
    expect(record.received.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, (_, i) => `number ${i}`));
    await until('the receipts', () => rig.whatsapp.waiting.length === 0);
  });

  it('a disk that takes no keys holds a message up, and loses none', async () => {
    const rig = await openWeb();
    const { record } = await rig.start();
    const { update } = record.host.cursor;
    let isFull = true;
    record.host.cursor.update = (values) => (isFull ? Promise.reject(new Error('no space left')) : update(values));
    const id = await rig.whatsapp.say(rig.ada, { conversation: 'patience' });
    await until(
      'the attempts',
      () => record.logs.filter((line) => line.includes('keys could not be stored')).length > 2,
    );
    expect(rig.whatsapp.waiting).toEqual([id]);
    expect(refusalsOf(rig)).toEqual([]);
    isFull = false;
    await record.waitFor(({ text }) => text === 'patience');
    await until('the receipt', () => rig.whatsapp.waiting.length === 0);
  });
});

describe('a message that cannot be decrypted', () => {
  it('is asked for again, and arrives', async () => {
    const rig = await openWeb();
    const first = await rig.start();
    await rig.whatsapp.say(rig.ada, { conversation: 'before' });
    await first.record.waitFor(({ text }) => text === 'before');
    await first.adapter.send(addressOf(rig.ada.phone), makeOutbound('hello'), AbortSignal.timeout(5_000));
    await first.adapter.stop();
    const damaged = new Map([...rig.cursors].filter(([key]) => !key.startsWith('auth:key:session')));
    const second = await rig.start({ kept: { cursors: damaged } });
    const id = await rig.whatsapp.say(rig.ada, { conversation: 'do you read me?' });
    const got = await second.record.waitFor(({ text }) => text === 'do you read me?');
    expect(got.id).toBe(id);
    expect(receiptsOf(rig, id).map(({ attrs }) => attrs['type'])).toContain('retry');
    await until('the receipt', () => rig.whatsapp.waiting.length === 0);
  });
});

describe('outbound', () => {
  it('killed when a message has just arrived: the next one is not encrypted with the same key', async () => {
    const rig = await openWeb();
    // Sessions by number: for hidden addresses Baileys begins a new one in each process.
    rig.ada.addressing = 'pn';
    rig.ada.tellsOther = false;
    const first = await rig.start();
    await rig.whatsapp.say(rig.ada, { conversation: 'hello' });
    await first.record.waitFor(({ text }) => text === 'hello');
    const send = async (adapter: typeof first.adapter, text: string) =>
      expect(
        await adapter.send(addressOf(rig.ada.phone), makeOutbound(text), AbortSignal.timeout(5_000)),
      ).toMatchObject({ ok: true });
    await send(first.adapter, 'one');
    // A disk that takes its time: what is not awaited would not be there yet.
    const { update } = first.record.host.cursor;
    first.record.host.cursor.update = async (values) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      await update(values);
    };
    let killed = new Map<string, string>();
    rig.whatsapp.onArrival = () => (killed = new Map(rig.cursors));
    await send(first.adapter, 'two');
    rig.whatsapp.onArrival = undefined;
    await first.adapter.stop();
    const second = await rig.start({ kept: { cursors: killed } });
    await send(second.adapter, 'three');
    // A reader who sees a key twice cannot read the second message.
    expect(rig.whatsapp.seen.of(rig.ada.phone).map(({ raw }) => raw)).toEqual(['one', 'two', 'three']);
  });

  it('messages that cross each other leave both sides able to read', async () => {
    const rig = await openWeb();
    const { adapter, record } = await rig.start();
    const texts = Array.from({ length: 15 }, (_, i) => `crossing ${i}`);
    await Promise.all([
      ...texts.map((text) => rig.whatsapp.say(rig.ada, { conversation: text })),
      (async () => {
        for (const text of texts)
          await adapter.send(addressOf(rig.ada.phone), makeOutbound(text), AbortSignal.timeout(10_000));
      })(),
    ]);
    await record.waitUntil(() => record.received.length === texts.length, 10_000);
    expect(record.received.map(({ text }) => text)).toEqual(texts);
    expect(rig.whatsapp.seen.of(rig.ada.phone).map(({ raw }) => raw)).toEqual(texts);
    expect(refusalsOf(rig)).toEqual([]);
  });

  it('a reader who could not decrypt gets the message again, also after a restart', async () => {
    const rig = await openWeb();
    const first = await rig.start();
    const sent = await first.adapter.send(
      addressOf(rig.ada.phone),
      makeOutbound('say that again'),
      AbortSignal.timeout(5_000),
    );
    const id = sent.ok ? (sent.ids[0] ?? '') : '';
    await first.adapter.stop();
    await rig.start();
    rig.whatsapp.askAgain(rig.ada, id);
    const [entry] = rig.whatsapp.seen.of(rig.ada.phone);
    await until('the repeat', () => entry?.deliveries === 2);
  });

  it('the same key is the same id on every attempt, and looks like one of WhatsApp Web', async () => {
    const rig = await openWeb();
    const { adapter } = await rig.start();
    const message = makeOutbound('once');
    rig.whatsapp.fail({ kind: 'drop-after' });
    const to = addressOf(rig.ada.phone);
    const lost = await adapter.send(to, message, AbortSignal.timeout(5_000));
    expect(lost).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
    await until('the reconnect', () => rig.whatsapp.isConnected);
    let again = await adapter.send(to, message, AbortSignal.timeout(5_000));
    for (let i = 0; i < 50 && !again.ok; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      again = await adapter.send(to, message, AbortSignal.timeout(5_000));
    }
    expect(again).toMatchObject({ ok: true, ids: [expect.stringMatching(/^3EB0[0-9A-F]{18}$/)] });
    expect(rig.whatsapp.seen.of(rig.ada.phone)).toMatchObject([{ raw: 'once', deliveries: 2 }]);
  });
});
