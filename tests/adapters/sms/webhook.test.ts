import { describe, expect, it } from 'vitest';
import { isSigned } from '../../../adapters/sms/receive/signature.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { OWN_NUMBER } from '../../support/sms/twilio.ts';
import { ADA, startSms, type Started } from './sms-harness.ts';

async function withSms(run: (rig: Started) => Promise<void>, options: Parameters<typeof startSms>[0] = {}) {
  const rig = await startSms(options);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

const SID = `SM${'c'.repeat(32)}`;
const message = (text: string) => ({ MessageSid: SID, From: ADA, To: OWN_NUMBER, Body: text, NumMedia: '0' });

describe('isSigned', () => {
  // The example of Twilio's own documentation and libraries.
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const fields = new URLSearchParams({
    CallSid: 'CA1234567890ABCDE',
    Caller: '+12349013030',
    Digits: '1234',
    From: '+12349013030',
    To: '+18005551212',
  });
  const signature = '0/KCTR6DLpKmkAf8muzZqo1nDgQ=';

  it('accepts the documented example, whatever the order of the fields', () => {
    expect(isSigned({ url, fields, signature }, '12345')).toBe(true);
    const turned = new URLSearchParams([...fields].reverse());
    expect(isSigned({ url, fields: turned, signature }, '12345')).toBe(true);
  });

  it.each([
    ['another token', { url, fields, signature }, '12346'],
    ['another address', { url: url.replace('foo=1', 'foo=2'), fields, signature }, '12345'],
    ['another field', { url, fields: new URLSearchParams([...fields, ['X', 'y']]), signature }, '12345'],
    ['no signature', { url, fields, signature: null }, '12345'],
    ['a part of it', { url, fields, signature: signature.slice(0, -1) }, '12345'],
  ])('refuses %s', (_name, input, token) => {
    expect(isSigned(input, token)).toBe(false);
  });
});

describe('webhook', () => {
  it('refuses what Twilio has not signed, is for another account, or is no form', async () => {
    await withSms(async ({ gateway, record, twilio }) => {
      const url = gateway?.url ?? '';
      const post = async (body: string | URLSearchParams, headers: Record<string, string> = {}, to = url) =>
        (await fetch(to, { method: 'POST', body, headers })).status;
      const fields = new URLSearchParams(message('forged'));
      expect(await post(fields)).toBe(403);
      expect(await post(fields, { 'x-twilio-signature': 'AAAA' })).toBe(403);
      expect(await twilio.call({ ...message('for another account'), AccountSid: `AC${'2'.repeat(32)}` })).toBe(403);
      expect(await post('x'.repeat(200_000))).toBe(400);
      expect((await fetch(url)).status).toBe(405);
      expect(record.received).toEqual([]);
    });
  });

  it('is idempotent: the same message again is one row, and asks the core no more', async () => {
    await withSms(async ({ record, twilio }) => {
      expect(await twilio.call(message('once'))).toBe(200);
      expect(await twilio.call(message('once'))).toBe(200);
      expect(record.received).toHaveLength(1);
      expect(record.answers).toHaveLength(1);
    });
  });

  it('answers empty TwiML once the message is stored', async () => {
    await withSms(async ({ gateway, record, twilio }) => {
      record.failNext(2);
      expect(await twilio.call(message('stored at the third try'))).toBe(200);
      expect(record.received.map(({ text }) => text)).toEqual(['stored at the third try']);
      const request = new Request('http://gateway/', { method: 'POST', body: 'x' });
      expect((await record.handler?.(request, { local: false, remote: '' }))?.status).toBe(403);
      expect(gateway?.url).toContain('/sms/default/');
    });
  });

  it('does not keep Twilio waiting, and goes on by itself', async () => {
    const clock = makeFakeClock();
    await withSms(
      async ({ record, twilio }) => {
        record.failNext(10);
        const first = twilio.call(message('slow'));
        await record.waitUntil(() => record.answers.length > 0);
        for (let at = 0; at < 15; at++) await clock.advance(1_000);
        expect(await first).toBe(503);
        for (let at = 0; at < 100 && record.received.length === 0; at++) await clock.advance(5_000);
        expect(record.received.map(({ text }) => text)).toEqual(['slow']);
      },
      { clock },
    );
  });

  it('tells what carriers refuse because of us, and logs the rest', async () => {
    await withSms(async ({ record, twilio }) => {
      const status = (code: string, state = 'undelivered') =>
        twilio.call({ MessageSid: SID, MessageStatus: state, ErrorCode: code, To: ADA, From: OWN_NUMBER }, 'status');
      expect(await status('', 'delivered')).toBe(204);
      expect(await status('30003')).toBe(204);
      expect(record.states.at(-1)).toEqual({ state: 'online', detail: undefined });
      expect(await status('30007', 'failed')).toBe(204);
      expect(record.states.at(-1)?.detail).toContain('30007');
      expect(record.logs.join('\n')).toContain('did not arrive');
      expect(record.received).toEqual([]);
    });
  });

  it('says so when Twilio calls another address', async () => {
    await withSms(async (rig) => {
      const { twilio, gateway } = rig;
      expect(rig.record.states.at(-1)?.detail).toBeUndefined();
      await rig.restart(() => twilio.setWebhook('https://elsewhere.example/sms/'));
      expect(rig.record.states.at(-1)?.detail).toContain(`Twilio does not call ${gateway?.url ?? ''}`);
      await twilio.setWebhook(gateway?.url);
      await twilio.write(ADA, 'found');
      expect(rig.record.states.at(-1)).toEqual({ state: 'online', detail: undefined });
    });
  });

  it('takes nothing while it stops', async () => {
    await withSms(async ({ adapter, twilio }) => {
      await adapter.stop();
      expect(await twilio.call(message('late'))).toBe(503);
    });
  });
});
