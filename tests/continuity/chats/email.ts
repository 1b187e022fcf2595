// The person's mails, over real dovecot and postfix.
import PostalMime from 'postal-mime';
import { openMailRig } from '../../adapters/email/rig.ts';
import { requestSocket, waitFor } from '../../support/gateway-process.ts';
import { startMailServer } from '../../support/mail/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function email(): Promise<PersonsChat> {
  const server = await startMailServer();
  const rig = await openMailRig(server);
  const { password, ...settings } = rig.settings({ max_answers_per_hour: 1_000 });
  /** By raw mail: a mail that has come does not change. */
  const read = new Map<string, string>();
  let socket = '';
  let isWatched = false;
  let sending = Promise.resolve();
  /** Of the first mail; all others belong to its thread. */
  let first: string | undefined;
  const send = async (text: string) => {
    const at = first === undefined ? undefined : rig.at(rig.adaAddress, first);
    const id = await rig.say({ text, at }, { subject: at ? 'Re: Continuity' : 'Continuity' });
    first ??= id.replace(/#.*$/, '');
    // The exchanger may hand over two mails in either order; a person writes the second when the first has gone.
    await server.settle();
  };
  return {
    platform: 'email',
    settings,
    secrets: [`EMAIL_PASSWORD=${String(password)}`],
    async say(text) {
      // What lies in the mailbox before Herald has ever looked into it is not for Herald.
      if (!isWatched) await waitFor('the mailbox', () => isOnline(socket));
      isWatched = true;
      sending = sending.then(() => send(text));
    },
    async told() {
      const raw = server.mails(rig.ada).map((mail) => mail.toString('latin1'));
      for (const mail of raw) if (!read.has(mail)) read.set(mail, (await PostalMime.parse(mail)).text ?? '');
      return raw.map((mail) => (read.get(mail) ?? '').trim());
    },
    gatewayAt: (gateway) => void (socket = gateway.socket),
    async close() {
      await sending;
      await rig.close();
      await server.close();
    },
  };
}

async function isOnline(socket: string): Promise<boolean> {
  const { body } = await requestSocket(socket, { path: '/status' });
  return /"email"[^}]*"online"/.test(body);
}
