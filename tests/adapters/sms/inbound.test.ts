import { describe, expect, it } from 'vitest';
import { mediaPath, readPage, readSms, readWebhook, type Sms } from '../../../adapters/sms/receive/inbound.ts';
import { smsSettings } from '../../../adapters/sms/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { ACCOUNT, AUTH_TOKEN, OWN_NUMBER } from '../../support/sms/twilio.ts';
import { ADA, startSms } from './sms-harness.ts';

const account = accountId('default');
const base = { account_sid: ACCOUNT, auth_token: AUTH_TOKEN };
const ofNumber = { account, settings: smsSettings.parse({ ...base, from: OWN_NUMBER }) };
const SERVICE = `MG${'d'.repeat(32)}`;
const ofService = { account, settings: smsSettings.parse({ ...base, messaging_service_sid: SERVICE }) };
const MEDIA = `ME${'e'.repeat(32)}`;

const sms: Sms = {
  sid: `SM${'a'.repeat(32)}`,
  from: ADA,
  to: OWN_NUMBER,
  body: 'hello',
  service: undefined,
  sentAt: 5,
  media: [],
  optOut: undefined,
};

describe('readSms', () => {
  it('is a DM of the number', () => {
    expect(readSms(sms, ofNumber)).toMatchObject({
      kind: 'message',
      message: {
        chat: ADA,
        chatKind: 'dm',
        id: sms.sid,
        sender: { id: ADA },
        text: 'hello',
        sentAt: 5,
        addressed: true,
      },
    });
  });

  it.each([
    ['ourselves', { from: OWN_NUMBER }],
    ['a short code', { from: '72975' }],
    ['a name', { from: 'Bank' }],
    ['another channel', { from: `whatsapp:${ADA}` }],
    ['somebody who writes to another number', { to: '+15550002222' }],
    ['somebody who opts out', { optOut: 'STOP' }],
    ['somebody who opts out by word', { body: ' Stop ' }],
    ['somebody who says nothing', { body: '' }],
  ])('leaves out %s', (_name, more) => {
    expect(readSms({ ...sms, ...more }, ofNumber).kind).toBe('ignored');
  });

  it('takes what comes through the messaging service, to whichever of its numbers', () => {
    expect(readSms({ ...sms, service: SERVICE, to: '+15550002222' }, ofService).kind).toBe('message');
    expect(readSms(sms, ofService).kind).toBe('ignored');
  });

  it('has files that are named by their ids', () => {
    const media = [
      { sid: MEDIA, mime: 'image/jpeg' },
      { sid: MEDIA, mime: 'audio/amr' },
      { sid: MEDIA, mime: 'text/vcard' },
    ];
    const result = readSms({ ...sms, body: '', media }, ofNumber);
    expect(result.kind === 'message' && result.message.attachments).toMatchObject([
      { kind: 'image', ref: `${sms.sid}/${MEDIA}` },
      { kind: 'audio' },
      { kind: 'document', mime: 'text/vcard' },
    ]);
  });
});

describe('readWebhook', () => {
  const read = (fields: Record<string, string>) => readWebhook(new URLSearchParams(fields), 7);

  it('takes ids alone of the addresses of files', () => {
    const found = read({
      MessageSid: sms.sid,
      From: ADA,
      To: OWN_NUMBER,
      NumMedia: '3',
      MediaUrl0: `https://evil.example/x/Media/${MEDIA}`,
      MediaContentType0: 'image/png',
      MediaUrl1: 'https://evil.example/picture.png',
    });
    expect(found).toMatchObject({ sentAt: 7, body: '', media: [{ sid: MEDIA, mime: 'image/png' }] });
  });

  it.each([
    [{}],
    [{ MessageSid: 'SM1', From: ADA }],
    [{ MessageSid: sms.sid }],
    [{ MessageSid: `XX${'a'.repeat(32)}`, From: ADA }],
  ])('refuses %j', (fields) => {
    expect(read(fields)).toBeUndefined();
  });

  it('is not led astray by numbers of files', () => {
    for (const NumMedia of ['-1', 'x', '1e9'])
      expect(read({ MessageSid: sms.sid, From: ADA, NumMedia })?.media).toEqual([]);
  });
});

describe('readPage', () => {
  it('leaves out what it cannot read, and keeps what waits for a sender', () => {
    const entry = { sid: sms.sid, direction: 'outbound-api', from: null, to: ADA, date_sent: null, num_media: '0' };
    const page = readPage({
      messages: [{ ...entry, date_created: 'Sat, 21 Nov 2026 17:41:23 +0000' }, { sid: 'x' }, null],
      next_page_uri: null,
    });
    expect(page).toMatchObject({ next: undefined, messages: [{ sid: sms.sid, isInbound: false }] });
    expect(page.messages[0]?.sentAt).toBe(Date.UTC(2026, 10, 21, 17, 41, 23));
    expect(() => readPage({ hello: 'world' })).toThrow();
  });
});

describe('files', () => {
  it('open with our login, which the host of the files does not see', async () => {
    const rig = await startSms();
    try {
      const bytes = new Uint8Array(3_000).map((_, i) => i % 251);
      await rig.twilio.write(ADA, 'look', { files: [{ mime: 'image/jpeg', bytes }] });
      const got = await rig.record.waitFor((one) => one.text === 'look');
      const [file] = got.attachments;
      if (!file) throw new Error('no file');
      expect(file).toMatchObject({ kind: 'image', mime: 'image/jpeg' });
      const opened = await rig.adapter.open(file, AbortSignal.timeout(5_000));
      expect(new Uint8Array(await new Response(opened).arrayBuffer())).toEqual(bytes);
      const gone = { ...file, ref: `${sms.sid}/${MEDIA}` };
      await expect(rig.adapter.open(gone, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'not_found' });
    } finally {
      await rig.close();
    }
  });

  it.each(['', 'x/y', `${sms.sid}/../../Keys`, `${sms.sid}/${MEDIA}/x`, `https://evil.example/${MEDIA}`])(
    '%j is no file',
    (ref) => {
      expect(mediaPath(ref)).toBeUndefined();
    },
  );
});
