import { describe, expect, it } from 'vitest';
import { startSms, ADA, type Started } from './sms-harness.ts';

const BOB = '+15557770002';

async function withSms(run: (rig: Started) => Promise<void>, options: Parameters<typeof startSms>[0] = {}) {
  const rig = await startSms(options);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

const texts = (rig: Started) => rig.record.received.map(({ text }) => text);

describe('catching up', () => {
  it('brings what webhooks missed, with files, before what comes in now', async () => {
    await withSms(async (rig) => {
      const { twilio } = rig;
      await rig.restart(async () => {
        await twilio.write(ADA, 'one');
        await twilio.write(BOB, 'two', { files: [{ mime: 'image/png', bytes: new Uint8Array([1, 2, 3]) }] });
      });
      await twilio.write(ADA, 'three');
      await rig.record.waitUntil(() => rig.record.received.length === 3);
      expect(texts(rig)).toEqual(['one', 'two', 'three']);
      expect(rig.record.received[1]?.attachments).toMatchObject([{ kind: 'image', mime: 'image/png' }]);
    });
  });

  it('fetches nothing from before it was set up', async () => {
    await withSms(async (rig) => {
      await rig.restart(async () => {
        await rig.twilio.write(ADA, 'long ago');
        rig.record.cursors.clear();
      });
      await rig.twilio.write(ADA, 'now');
      await rig.record.waitFor((message) => message.text === 'now');
      expect(texts(rig)).toEqual(['now']);
    });
  });

  it('asks for the time since the last look, and for what is addressed to us', async () => {
    await withSms(async ({ twilio, record }) => {
      const [first] = twilio.requests.filter(({ route }) => route === 'GET /Messages.json');
      expect(first?.query.get('To')).toBe('+15550001111');
      expect(first?.query.get('DateSent>')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Number(record.cursors.get('listed-until'))).toBeGreaterThan(Date.now() - 60_000);
    });
  });

  it('of each chat only the latest are answered, and what was left out is told there', async () => {
    await withSms(async (rig) => {
      await rig.restart(
        async () => {
          for (let i = 0; i < 5; i++) await rig.twilio.write(ADA, `ada ${i}`);
          await rig.twilio.write(BOB, 'bob');
        },
        { backfill: { maxAgeMs: 3_600_000, maxMessages: 2 } },
      );
      await rig.record.waitUntil(() => rig.record.gaps.length > 0);
      expect(texts(rig)).toEqual(['ada 3', 'ada 4', 'bob']);
      expect(rig.record.gaps).toMatchObject([{ reason: 'limit', missed: 3, chat: { id: ADA, kind: 'dm' } }]);
    });
  });

  it('what is too old is left out, and told', async () => {
    await withSms(async (rig) => {
      await rig.restart(async () => void (await rig.twilio.write(ADA, 'old')), {
        // Times of the list have seconds only.
        backfill: { maxAgeMs: -2_000, maxMessages: 100 },
      });
      await rig.record.waitUntil(() => rig.record.gaps.length > 0);
      expect(texts(rig)).toEqual([]);
      expect(rig.record.gaps).toMatchObject([{ reason: 'limit', missed: 1 }]);
    });
  });

  it('reads as many pages as there are', async () => {
    await withSms(async (rig) => {
      await rig.restart(
        async () => {
          for (let i = 0; i < 230; i++) await rig.twilio.write(ADA, `number ${i}`);
        },
        { backfill: { maxAgeMs: 3_600_000, maxMessages: 1_000 } },
      );
      await rig.record.waitUntil(() => rig.record.received.length === 230, 15_000);
      expect(texts(rig)).toEqual(Array.from({ length: 230 }, (_, i) => `number ${i}`));
    });
  });

  it('looks again at what could not be stored before the stop', async () => {
    await withSms(
      async (rig) => {
        rig.record.failNext(1_000);
        await rig.twilio.write(ADA, 'kept at Twilio');
        await rig.record.waitUntil(() => rig.record.answers.length > 0);
        await rig.restart(async () => {});
        await rig.record.waitFor((message) => message.text === 'kept at Twilio');
        expect(texts(rig)).toEqual(['kept at Twilio']);
      },
      { mode: 'polling' },
    );
  });

  it('a list that cannot be had keeps nobody from being heard, and is asked for again', async () => {
    await withSms(async (rig) => {
      rig.twilio.fail({ route: 'GET /Messages.json', status: 500, times: 2 });
      await rig.restart(async () => void (await rig.twilio.write(ADA, 'while down')));
      await rig.twilio.write(ADA, 'while up');
      await rig.record.waitUntil(() => rig.record.received.length === 2, 10_000);
      expect(texts(rig).toSorted()).toEqual(['while down', 'while up']);
    });
  });
});
