// Another program that uses a mailbox: a person's mail client.
import { ImapFlow } from 'imapflow';
import type { MailServer } from './server.ts';

export async function withMailbox<Result>(
  server: MailServer,
  user: string,
  use: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: server.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth: { user, pass: server.passwordOf(user) },
    logger: false,
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
