// The Sent folder: where people look for what was written in their name.
import type { ImapFlow } from 'imapflow';
import { withImap } from '../imap.ts';
import type { MailAccount } from '../settings.ts';

/** Saves a copy. False when the mailbox has no such folder. Rejects when the server cannot be asked. */
export async function saveSent(account: MailAccount, raw: Buffer, signal: AbortSignal): Promise<boolean> {
  return withImap(account, signal, async (client) => {
    const folder = await findSentFolder(client);
    if (folder === undefined) return false;
    await client.append(folder, raw, ['\\Seen']);
    return true;
  });
}

/** Whether a mail with this Message-ID lies there. Rejects when the server cannot be asked. */
export async function isInSent(account: MailAccount, id: string, signal: AbortSignal): Promise<boolean> {
  return withImap(account, signal, async (client) => {
    const folder = await findSentFolder(client);
    if (folder === undefined) return false;
    await client.mailboxOpen(folder, { readOnly: true });
    const found = await client.search({ header: { 'message-id': id } }, { uid: true });
    if (!Array.isArray(found)) throw new Error('the mail server refused to search');
    return found.length > 0;
  });
}

/** By its special use (RFC 6154), or by what it is called where the server does not know that. */
async function findSentFolder(client: ImapFlow): Promise<string | undefined> {
  const folders = await client.list();
  return folders.find((folder) => folder.specialUse === '\\Sent')?.path;
}
