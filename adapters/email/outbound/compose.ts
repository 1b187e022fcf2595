// A message of the core as a mail: text and HTML, headers of its conversation, files.
import { stat } from 'node:fs/promises';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { OutboundMessage } from '../../contract.ts';
import { plainText } from '../../markdown.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { preview } from '../../../shared/text.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { renderHtml } from './render-html.ts';

/** Longer subjects are cut by everyone who shows them. */
const MAX_SUBJECT_CHARS = 78;

export interface Letterhead {
  from: { name: string; address: string };
  to: string;
  /** Of the mail itself. */
  messageId: string;
  /** Without "Re: "; '' = to be made from the text. */
  subject: string;
  /** Message-ID of the mail that it answers; undefined: it begins a conversation. */
  inReplyTo: string | undefined;
  references: readonly string[];
  date: Date;
}

/** The raw mail. Rejects with UnsendableError for what cannot be sent. */
export async function composeMail(
  message: OutboundMessage,
  head: Letterhead,
  maxBytes: number,
): Promise<{ raw: Buffer; subject: string }> {
  const text = plainText(message.body);
  if (text.trim() === '' && message.files.length === 0)
    throw new UnsendableError('bad_request', 'The message is empty.');
  await expectFiles(message.files, maxBytes);
  const subject = makeSubject(head, text, message.files);
  const hasHtml = !message.plain && message.body.length > 0;
  const composer = new MailComposer({
    from: head.from,
    to: head.to,
    subject,
    messageId: head.messageId,
    date: head.date,
    ...(head.inReplyTo !== undefined && { inReplyTo: head.inReplyTo, references: [...head.references] }),
    headers: {
      // RFC 3834: other machines do not answer it.
      'Auto-Submitted': head.inReplyTo === undefined ? 'auto-generated' : 'auto-replied',
      'X-Auto-Response-Suppress': 'All',
      'X-Loop': head.from.address,
    },
    text,
    ...(hasHtml && { html: renderHtml(message.body) }),
    textEncoding: isMostlyAscii(text) ? 'quoted-printable' : 'base64',
    attachments: message.files.map(({ name, path, mime }) => ({ filename: name, path, contentType: mime })),
    disableUrlAccess: true,
  });
  const raw = await composer.compile().build();
  if (raw.length > maxBytes)
    throw new UnsendableError('too_long', `The mail has ${raw.length} bytes; ${maxBytes} are allowed.`);
  return { raw, subject };
}

async function expectFiles(files: readonly StoredFile[], maxBytes: number): Promise<void> {
  let bytes = 0;
  for (const { path, name } of files) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) throw new UnsendableError('bad_request', `The file ${name} is not there any more.`);
    bytes += found.size;
  }
  if (bytes > maxBytes)
    throw new UnsendableError('too_long', `The files have ${bytes} bytes; ${maxBytes} are allowed.`);
}

function makeSubject(head: Letterhead, text: string, files: readonly StoredFile[]): string {
  if (head.subject !== '') return `Re: ${head.subject}`;
  if (head.inReplyTo !== undefined) return 'Re: your mail';
  const line = text.split('\n').find((one) => /[\p{L}\p{N}]/u.test(one)) ?? files[0]?.name ?? '';
  return preview(line, MAX_SUBJECT_CHARS) || `Message from ${head.from.name}`;
}

/** Letters of other scripts take nine bytes each in quoted-printable and four in base64. */
function isMostlyAscii(text: string): boolean {
  const sample = text.slice(0, 20_000);
  return Buffer.byteLength(sample) < sample.length * 1.3;
}
