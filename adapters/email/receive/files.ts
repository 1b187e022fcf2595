// Files of mails, opened where they lie. A reference names folder, UID and part; the Message-ID finds the mail again when the server has
// numbered its mails anew.
import { Readable } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { AttachmentRef } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { toAppError } from '../errors.ts';
import { makeImapClient } from '../imap.ts';
import type { MailAccount } from '../settings.ts';

/** Folder, and the numbering of its mails that UIDs refer to. */
export interface MailPlace {
  folder: string;
  uidValidity: string;
}

const fileRef = z.strictObject({
  folder: z.string(),
  uidValidity: z.string(),
  uid: z.int().positive(),
  part: z.string().regex(/^\d+(?:\.\d+)*$/),
  id: z.string().optional(),
});

export function makeFileRef(place: z.input<typeof fileRef>): string {
  return JSON.stringify(place);
}

const GONE = 'This mail is not in the mailbox any more.';

/** The decoded file, fetched in pieces as it is read. Rejects with AppError. */
export async function openFile(
  account: MailAccount,
  ref: AttachmentRef,
  { signal, redactor }: { signal: AbortSignal; redactor: Redactor },
): Promise<ReadableStream<Uint8Array>> {
  const place = readRef(ref.ref);
  const client = makeImapClient(account);
  const end = () => client.close();
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    const uid = await findMail(client, place);
    const download = uid === undefined ? undefined : await client.download(String(uid), place.part, { uid: true });
    if (!download?.content) throw new AppError('not_found', GONE);
    const content = download.content;
    const finish = () => {
      signal.removeEventListener('abort', end);
      end();
    };
    content.once('close', finish);
    // Told to the reader as well; without a listener it would end the process.
    content.on('error', finish);
    const stream: ReadableStream<Uint8Array> = Readable.toWeb(content);
    return stream;
  } catch (error) {
    signal.removeEventListener('abort', end);
    end();
    throw toAppError(error, redactor);
  }
}

function readRef(ref: string): z.output<typeof fileRef> {
  try {
    return fileRef.parse(JSON.parse(ref));
  } catch (cause) {
    throw new AppError('not_found', 'This is no file of a mail.', { cause });
  }
}

async function findMail(client: ImapFlow, place: z.output<typeof fileRef>): Promise<number | undefined> {
  const mailbox = await client.mailboxOpen(place.folder, { readOnly: true });
  if (String(mailbox.uidValidity) === place.uidValidity) return place.uid;
  if (place.id === undefined) return undefined;
  const found = await client.search({ header: { 'message-id': place.id } }, { uid: true });
  return Array.isArray(found) ? found.at(-1) : undefined;
}
