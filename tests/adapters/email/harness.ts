// Mail for the adapter contract: real dovecot and postfix, with relays in between for the faults.
import { makeCapabilities } from '../../../adapters/email/capabilities.ts';
import { makeEmailAdapter } from '../../../adapters/email/adapter.ts';
import { emailSettings } from '../../../adapters/email/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import type { AdapterHarness, AdapterRig } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { MAIL_DOMAIN } from '../../support/mail/postfix.ts';
import type { MailServer } from '../../support/mail/server.ts';
import { openMailRig, userOf, type MailRig } from './rig.ts';
import { BROKEN_MAILS } from './broken-mails.ts';

const THREAD = '<a-conversation@person.test>';

export function makeEmailHarness(server: () => MailServer): AdapterHarness {
  return {
    capabilities: makeCapabilities(),
    async open() {
      const rig = await openMailRig(server());
      try {
        return await openRig(rig);
      } catch (error) {
        await rig.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const rig = await openMailRig(server());
      const record = makeRecordingHost();
      const wrong = 'not-the-password-of-the-mailbox';
      const adapter = makeEmailAdapter({
        platform: 'email',
        account: accountId(rig.address),
        settings: emailSettings.parse(rig.settings({ password: wrong })),
        fetch,
      });
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.some(({ state }) => state === 'needs-login'));
      const close = async () => {
        await adapter.stop();
        await record.close();
        await rig.close();
      };
      return { error: undefined, record, secrets: [wrong, Buffer.from(wrong).toString('base64')], close };
    },
  };
}

async function openRig(mail: MailRig): Promise<AdapterRig> {
  const { server, bot, adaAddress } = mail;
  const rig: AdapterRig = {
    ...(await mail.start()),
    dm: mail.at(adaAddress),
    user: userOf(adaAddress),
    thread: mail.at(adaAddress, THREAD),
    nowhere: mail.at(`nobody@${MAIL_DOMAIN}`),
    secrets: [server.passwordOf(bot), Buffer.from(server.passwordOf(bot)).toString('base64')],
    faults: {
      dropBefore: () => mail.smtp.dropBeforeEnd(),
      dropAfter: () => mail.smtp.dropAnswer(),
      async goAway() {
        await Promise.all([mail.imap.goAway(), mail.smtp.goAway()]);
      },
      async comeBack() {
        await Promise.all([mail.imap.comeBack(), mail.smtp.comeBack()]);
      },
      disconnect: async () => mail.imap.disconnect(),
    },
    async say(message) {
      const id = await mail.say(message);
      // Mail servers promise no order among mails that are under way at the same time.
      await server.settle();
      return id;
    },
    seen: () => mail.seen(),
    sayAsBot: async (text) => void (await mail.say({ text }, { headers: { 'Auto-Submitted': 'auto-generated' } })),
    sayAsSelf: async (text) => void (await mail.say({ text }, { from: mail.address })),
    async injectGarbage() {
      for (const raw of BROKEN_MAILS) await server.deliver(bot, raw);
    },
    async restart(whileDown) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await mail.start({ cursors, received }));
    },
    close: () => mail.close(),
  };
  return rig;
}
