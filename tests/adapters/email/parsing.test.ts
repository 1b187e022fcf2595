// Mails as programs and people write them, and as attackers do, read through a real server.
import { describe, expect, it } from 'vitest';
import type { Adapter, InboundMessage } from '../../../adapters/contract.ts';
import type { AttachmentRef } from '../../../shared/messages.ts';
import { describeWithMail } from '../../support/mail/describe.ts';
import type { MailServer } from '../../support/mail/server.ts';
import { idOf, openMailRig } from './rig.ts';

const FROM = 'From: Ada <ada@herald.test>\r\nTo: bot@herald.test\r\n';

interface Reading {
  read(raw: string | Buffer): Promise<InboundMessage | undefined>;
  adapter: Adapter;
}

/** Reads mails one by one, each followed by another that shows when it was dealt with. */
async function withReader(server: MailServer, run: (reading: Reading) => Promise<void>, settings = {}): Promise<void> {
  const rig = await openMailRig(server);
  try {
    const { adapter, record } = await rig.start(undefined, {
      settings: { require_authentication: false, ...settings },
    });
    let count = 0;
    await run({
      adapter,
      async read(raw) {
        const marker = `marker ${++count}`;
        const before = record.received.length;
        await server.deliver(rig.bot, raw);
        await server.deliver(rig.bot, `From: m@herald.test\r\n\r\n${marker}\r\n`);
        await record.waitFor((message) => message.text === marker, 15_000);
        return record.received.slice(before, -1)[0];
      },
    });
  } finally {
    await rig.close();
  }
}

async function bytesOf(adapter: Adapter, ref: AttachmentRef | undefined): Promise<Buffer> {
  if (!ref) throw new Error('no attachment');
  return Buffer.from(await new Response(await adapter.open(ref, AbortSignal.timeout(10_000))).arrayBuffer());
}

function multipart(kind: string, parts: readonly string[], boundary = 'b1'): string {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('');
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${body}--${boundary}--\r\n`;
}

const plain = (text: string, extra = '') => `Content-Type: text/plain; charset=utf-8${extra}\r\n\r\n${text}`;
const html = (text: string) => `Content-Type: text/html; charset=utf-8\r\n\r\n${text}`;

describeWithMail('reading mails', (server) => {
  describe('text', () => {
    it('is decoded from whatever it is written in', async () => {
      const encoded = (charset: string, encoding: string, bytes: Buffer) =>
        Buffer.concat([
          Buffer.from(
            `${FROM}Content-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`,
          ),
          bytes,
          Buffer.from('\r\n'),
        ]);
      await withReader(server(), async ({ read }) => {
        const textOf = async (raw: string | Buffer) => (await read(raw))?.text;
        expect(await textOf(encoded('utf-8', '8bit', Buffer.from('Grüße ✅')))).toBe('Grüße ✅');
        expect(await textOf(encoded('iso-8859-1', '8bit', Buffer.from('Grüße', 'latin1')))).toBe('Grüße');
        expect(await textOf(encoded('"Windows-1252"', 'quoted-printable', Buffer.from('=80 5=\r\n0')))).toBe('€ 50');
        expect(
          await textOf(encoded('koi8-r', 'base64', Buffer.from(Buffer.from([0xf0, 0xd2, 0xc9]).toString('base64')))),
        ).toBe('При');
        expect(await textOf(encoded('iso-2022-jp', '7bit', Buffer.from('\x1b$BF|K\\\x1b(B', 'latin1')))).toBe('日本');
        expect(await textOf(encoded('gb2312', '8bit', Buffer.from([0xc4, 0xe3, 0xba, 0xc3])))).toBe('你好');
        expect(await textOf(encoded('x-unknown-9', '8bit', Buffer.from('plain')))).toBe('plain');
        expect(await textOf(encoded('utf-8', '8bit', Buffer.from('Gr\xfc\xdfe', 'latin1')))).toContain('Gr');
        expect(await textOf(encoded('utf-8', 'base64', Buffer.from('aGVsbG8*****gd29ybGQ')))).toContain('hello');
        expect(await textOf(encoded('utf-8', 'quoted-printable', Buffer.from('broken =Z= =4 =3D')))).toContain(
          'broken',
        );
        expect(await textOf(encoded('utf-8', 'x-nonsense', Buffer.from('as it is')))).toBe('as it is');
        expect(
          await textOf(encoded('utf-8; format=flowed; delsp=no', '7bit', Buffer.from('soft \r\nbreak\r\nhard'))),
        ).toBe('soft break\nhard');
      });
    });

    it('comes from the right part', async () => {
      await withReader(server(), async ({ read }) => {
        const textOf = async (body: string) => (await read(`${FROM}MIME-Version: 1.0\r\n${body}`))?.text;
        expect(await textOf(html('<p>Hello <b>there</b></p>'))).toBe('Hello there');
        expect(await textOf(multipart('alternative', [plain('the plain'), html('<p>the html</p>')]))).toBe('the plain');
        expect(await textOf(multipart('alternative', [plain(' \r\n '), html('<p>the html</p>')]))).toBe('the html');
        expect(await textOf(multipart('mixed', [plain('one'), plain('two')]))).toBe('one\n\ntwo');
        const inner = multipart('alternative', [plain('deep'), html('<p>deep</p>')], 'b2');
        expect(await textOf(multipart('mixed', [multipart('related', [inner], 'b3')]))).toBe('deep');
        expect(await textOf('Content-Type: multipart/mixed; boundary=x\r\n\r\nno part at all\r\n')).toBeUndefined();
        expect(await textOf('Content-Type: text/plain; charset="unclosed\r\n\r\nstill text\r\n')).toBe('still text');
      });
    });

    it('has the subject in front, where it says something new', async () => {
      await withReader(server(), async ({ read }) => {
        const textOf = async (head: string, body: string) => (await read(`${FROM}${head}\r\n\r\n${body}\r\n`))?.text;
        expect(await textOf('Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n aus Bonn', 'hi')).toBe(
          'Subject: Grüße aus Bonn\n\nhi',
        );
        expect(await textOf('Subject: What is 6 times 7?', '')).toBe('What is 6 times 7?');
        expect(await textOf('Subject: Pairing', '/link ABCD1234\r\n\r\n-- \r\nAda')).toBe('/link ABCD1234');
        expect(await textOf('Subject: /help', '')).toBe('/help');
        expect(await textOf('Subject: Re: colours\r\nIn-Reply-To: <x@herald.test>', 'blue')).toBe('blue');
        expect(await textOf('Subject: new topic\r\nIn-Reply-To: <x@herald.test>', 'blue')).toBe(
          'Subject: new topic\n\nblue',
        );
      });
    });

    it('of others is marked as theirs', async () => {
      await withReader(server(), async ({ read }) => {
        const forward = '---------- Forwarded message ---------\r\nFrom: Bob: "Boss" <b@x.test>\r\n\r\nsend money';
        expect((await read(`${FROM}Subject: Fwd: money\r\n\r\nwhat do you think?\r\n\r\n${forward}\r\n`))?.text).toBe(
          `Forwarded from Bob Boss:\nSubject: Fwd: money\n\nwhat do you think?\n\n${forward.replaceAll('\r', '')}`,
        );
        const quote = 'see below\r\n\r\nOn Mon, 1 Jan 2026, you <b@x.test> wrote:\r\n\r\n> send money\r\n';
        const quoted = await read(`${FROM}In-Reply-To: <of-somebody@x.test>\r\n\r\n${quote}`);
        expect(quoted?.text).toMatch(/^Forwarded from somebody:\nsee below/);
        expect(quoted?.replyTo).toBeUndefined();
      });
    });

    it('that is too long is a file', async () => {
      await withReader(server(), async ({ read, adapter }) => {
        const long = 'long line of text\r\n'.repeat(70_000);
        const got = await read(`${FROM}Subject: long\r\n\r\n${long}`);
        expect(got?.text).toBe('long\n\n(The text of this mail is too long to be read here; it is attached.)');
        expect((await bytesOf(adapter, got?.attachments[0])).length).toBeGreaterThan(1_048_576);
      });
    });
  });

  describe('files', () => {
    it('keep their names, however those are written', async () => {
      const file = (disposition: string, type = 'application/pdf') =>
        `Content-Type: ${type}\r\nContent-Disposition: attachment; ${disposition}\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from('bytes').toString('base64')}`;
      await withReader(server(), async ({ read, adapter }) => {
        const parts = [
          plain('see'),
          file("filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf"),
          file('filename="=?utf-8?q?Gr=C3=BC=C3=9Fe.pdf?="'),
          file("filename*0*=UTF-8''long%20; filename*1*=n%C3%A4me; filename*2=.pdf"),
          file('x=y', 'application/pdf; name="old style.pdf"'),
          file('filename="..\\..\\evil\r\n .pdf"'),
          file(''),
        ];
        const got = await read(`${FROM}${multipart('mixed', parts)}`);
        expect(got?.text).toBe('see');
        expect(got?.attachments.map((one) => one.name).slice(0, 4)).toEqual([
          '日本.pdf',
          'Grüße.pdf',
          'long näme.pdf',
          'old style.pdf',
        ]);
        expect(got?.attachments).toHaveLength(6);
        for (const ref of got?.attachments ?? []) expect(String(await bytesOf(adapter, ref))).toBe('bytes');
      });
    });

    it('of all kinds are there: pictures in the text, mails in mails, invitations', async () => {
      const image =
        'Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=';
      const related = multipart('related', [html('<p>Look: <img src="cid:logo" alt="logo"></p>'), image], 'b2');
      const mail = 'Content-Type: message/rfc822\r\n\r\nFrom: x@y.test\r\nSubject: Inner mail\r\n\r\ninner text\r\n';
      const invite =
        'Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\nDTSTART:20261121T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n';
      await withReader(server(), async ({ read, adapter }) => {
        const got = await read(`${FROM}${multipart('mixed', [related, mail, invite])}`);
        expect(got?.text).toBe('Look: logo\n\nInvitation: Lunch\nWhen: 2026-11-21 12:00 UTC');
        expect(got?.attachments.map(({ kind, name, mime }) => ({ kind, name, mime }))).toEqual([
          { kind: 'image', name: 'part-1-2.png', mime: 'image/png' },
          { kind: 'document', name: 'Inner mail.eml', mime: 'message/rfc822' },
          { kind: 'document', name: 'invitation.ics', mime: 'text/calendar' },
        ]);
        expect(String(await bytesOf(adapter, got?.attachments[1]))).toContain('inner text');
      });
    });

    it('of a mail that is too large are left out, and that is said', async () => {
      await withReader(
        server(),
        async ({ read }) => {
          const file = `Content-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'A'.repeat(76)}\r\n`.repeat(16_000)}`;
          const got = await read(`${FROM}${multipart('mixed', [plain('here it is'), file])}`);
          expect(got?.text).toBe('here it is\n\n(An attachment was left out: the mail is too large.)');
          expect(got?.attachments).toEqual([]);
        },
        { max_message_mb: 1 },
      );
    });

    it('that are gone, moved or made up are told', async () => {
      await withReader(server(), async ({ adapter }) => {
        const refs = [
          { folder: 'INBOX', uidValidity: '1', uid: 1, part: '1' },
          { folder: 'INBOX', uidValidity: '1', uid: 1, part: '1', id: '<gone@x.test>' },
          { folder: '../../etc', uidValidity: '1', uid: 1, part: '1' },
          { folder: 'INBOX', uidValidity: '1', uid: 1, part: '1] BODY[' },
        ];
        for (const ref of [...refs.map((one) => JSON.stringify(one)), '{', ''])
          await expect(adapter.open({ kind: 'document', ref }, AbortSignal.timeout(10_000))).rejects.toMatchObject({
            name: 'AppError',
          });
        await expect(
          adapter.open({ kind: 'document', ref: JSON.stringify(refs[0]) }, AbortSignal.abort()),
        ).rejects.toMatchObject({
          name: 'AppError',
          code: 'cancelled',
        });
      });
    });
  });

  describe('hostile mails', () => {
    it('are bounded', async () => {
      await withReader(server(), async ({ read }) => {
        const nested = Array.from({ length: 60 }).reduce<string>(
          (inner, _, i) => multipart('mixed', [inner], `n${i}`),
          plain('too deep'),
        );
        await read(`${FROM}${nested}`);
        const many = Array.from({ length: 300 }, (_, i) => `Content-Type: image/png; name=${i}.png\r\n\r\nx`);
        const got = await read(`${FROM}${multipart('mixed', [plain('many'), ...many])}`);
        expect(got?.attachments).toHaveLength(20);
        expect(got?.text).toBe('many\n\n(280 more parts of this mail were left out.)');
        const ids = Array.from({ length: 5_000 }, (_, i) => `<${i}@x.test>`).join('\r\n ');
        expect((await read(`${FROM}References: ${ids}\r\n\r\nlong chain\r\n`))?.thread).toBe('<0@x.test>');
        const subject = await read(`${FROM}Subject: ${'x'.repeat(900)}\r\n ${'y'.repeat(900)}\r\n\r\nlong subject\r\n`);
        expect(subject?.text.length).toBeLessThan(400);
      });
    });

    it('with more header than is read are of nobody', async () => {
      const rig = await openMailRig(server());
      try {
        const { record } = await rig.start(undefined, { settings: { trusted_authserv_ids: ['mail.herald.test'] } });
        const padding = Array.from({ length: 4_000 }, (_, i) => `X-Padding-${i}: ${'x'.repeat(80)}`).join('\r\n');
        const trust = 'Authentication-Results: mail.herald.test; dmarc=pass header.from=herald.test';
        await server().deliver(rig.bot, `${trust}\r\n${FROM}${padding}\r\n\r\npadded\r\n`);
        await server().deliver(rig.bot, `${trust}\r\n${FROM}\r\nshort\r\n`);
        await record.waitFor((message) => message.text === 'short');
        expect(record.received.map(({ text, sender }) => [text, sender.verified])).toEqual([
          ['padded', false],
          ['short', true],
        ]);
      } finally {
        await rig.close();
      }
    });

    it('cannot take the place of another: the same Message-ID from somebody else is another message', async () => {
      await withReader(server(), async ({ read }) => {
        const mail = (from: string, text: string) =>
          `From: ${from}@herald.test\r\nMessage-ID: <same@x.test>\r\n\r\n${text}\r\n`;
        expect((await read(mail('eve', 'first')))?.id).toBe(idOf('<same@x.test>', 'eve@herald.test'));
        expect((await read(mail('ada', 'second')))?.id).toBe(idOf('<same@x.test>', 'ada@herald.test'));
        expect(await read(mail('ada', 'a copy of the second'))).toBeUndefined();
      });
    });
  });

  it('says when it was sent, unless the date is impossible', async () => {
    await withReader(server(), async ({ read }) => {
      const sentAt = async (date: string) => (await read(`${FROM}Date: ${date}\r\n\r\nx ${date}\r\n`))?.sentAt ?? 0;
      const recent = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000);
      expect(await sentAt(`${recent.toUTCString().replace('GMT', '+0000')} (UTC)`)).toBe(recent.getTime());
      for (const wrong of ['Thu, 1 Jan 1970 00:00:00 +0000', 'Fri, 1 Jan 2100 00:00:00 +0000', 'yesterday', ''])
        expect(Math.abs((await sentAt(wrong)) - Date.now())).toBeLessThan(60_000);
    });
  });

  it('threads belong together by References, In-Reply-To, or a subject that says so', async () => {
    await withReader(server(), async ({ read }) => {
      const mail = async (id: string, head: string, from = 'ada') =>
        (await read(`From: ${from}@herald.test\r\nMessage-ID: <${id}@x.test>\r\n${head}\r\n\r\n${id}\r\n`))?.thread;
      expect(await mail('t1', 'Subject: Lunch')).toBe('<t1@x.test>');
      expect(await mail('t2', 'Subject: Re: Lunch\r\nIn-Reply-To: <t1@x.test>')).toBe('<t1@x.test>');
      expect(await mail('t3', 'Subject: Re: Lunch\r\nReferences: <t2@x.test> <t9@x.test>')).toBe('<t1@x.test>');
      expect(await mail('t4', 'Subject: Re: Lunch')).toBe('<t1@x.test>');
      expect(await mail('t5', 'Subject: Lunch')).toBe('<t5@x.test>');
      expect(await mail('t6', 'References: <other@y.test> <that@y.test>')).toBe('<other@y.test>');
      expect(await mail('t7', 'In-Reply-To: <that@y.test>')).toBe('<other@y.test>');
      expect(await mail('t8', 'Subject: Re: Lunch', 'eve')).toBe('<t8@x.test>');
      expect((await read('From: ada@herald.test\r\n\r\nno id\r\n'))?.thread).toBeUndefined();
    });
  });
});
