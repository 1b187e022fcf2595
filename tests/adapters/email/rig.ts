// Mailboxes and an adapter on real servers: what the contract suite and the other tests of mail share.
import { createHash } from 'node:crypto';
import PostalMime from 'postal-mime';
import { createTransport } from 'nodemailer';
import { makeEmailAdapter, type EmailOptions } from '../../../adapters/email/adapter.ts';
import { emailSettings } from '../../../adapters/email/settings.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import { accountId, chatId, messageId, threadId, userId, type MessageId } from '../../../shared/ids.ts';
import type { Address, MediaKind } from '../../../shared/messages.ts';
import type { SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { MAIL_DOMAIN } from '../../support/mail/postfix.ts';
import { startRelay, type Relay } from '../../support/mail/relay.ts';
import type { MailServer } from '../../support/mail/server.ts';

/** Fast enough that a test need not wait for the server to tell of new mail. */
const LOOK_MS = 25;

export interface MailRig {
  server: MailServer;
  /** Name of our mailbox, and of the correspondent's. */
  bot: string;
  ada: string;
  address: string;
  adaAddress: string;
  imap: Relay;
  smtp: Relay;
  /** Settings for the mailbox, through the relays. */
  settings(extra?: Record<string, unknown>): Record<string, unknown>;
  /** Starts an adapter and waits until it is online. */
  start(kept?: RecordingHostOptions, options?: StartOptions): Promise<{ adapter: Adapter; record: RecordingHost }>;
  at(user: string, thread?: string): Address;
  /** Sends a mail as a person with a mail program would, with the checks of the exchanger. */
  say(message: UserMessage, options?: SayOptions): Promise<MessageId>;
  /** Our mails in a person's mailbox. */
  seen(user?: string): Promise<readonly SeenMessage[]>;
  close(): Promise<void>;
}

export interface StartOptions {
  settings?: Record<string, unknown>;
  options?: EmailOptions;
}

export interface SayOptions {
  from?: string;
  /** Sender of the envelope, whose domain the exchanger vouches for. Default: `from`. */
  envelope?: string;
  subject?: string;
  headers?: Record<string, string>;
  html?: string;
}

let count = 0;

/** New mailboxes on a server that runs. */
export async function openMailRig(server: MailServer): Promise<MailRig> {
  const number = ++count;
  const bot = `bot${number}`;
  const ada = `ada${number}`;
  const imap = await startRelay(server.ports.imap);
  const smtp = await startRelay(server.ports.plain);
  const exchanger = createTransport({ host: '127.0.0.1', port: server.ports.exchanger, ignoreTLS: true, pool: true });
  const address = `${bot}@${MAIL_DOMAIN}`;
  const adaAddress = `${ada}@${MAIL_DOMAIN}`;
  const running: { adapter: Adapter; record: RecordingHost }[] = [];
  let mails = 0;
  const sent = new Map<string, string>();

  const rig: MailRig = {
    server,
    bot,
    ada,
    address,
    adaAddress,
    imap,
    smtp,
    settings: (extra = {}) => ({
      address,
      password: server.passwordOf(bot),
      imap: { host: '127.0.0.1', port: imap.port, tls: 'none' },
      smtp: { host: '127.0.0.1', port: smtp.port, tls: 'none' },
      ...extra,
    }),
    async start(kept, { settings = {}, options = {} } = {}) {
      const record = makeRecordingHost(kept);
      const adapter = makeEmailAdapter(
        {
          platform: 'email',
          account: accountId(address),
          settings: emailSettings.parse(rig.settings(settings)),
          fetch,
        },
        { waits: { idleMs: LOOK_MS, pollMs: LOOK_MS, retryMs: 100 }, ...options },
      );
      running.push({ adapter, record });
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      return { adapter, record };
    },
    at: (user, thread) => ({
      platform: 'email',
      account: accountId(address),
      chat: chatId(user),
      kind: 'dm',
      ...(thread !== undefined && { thread: threadId(thread) }),
    }),
    async say(message, options = {}) {
      const from = options.from ?? adaAddress;
      const id = `<mail${++mails}.${number}@person.test>`;
      const replied = message.replyTo === undefined ? undefined : headerOf(message.replyTo);
      const thread = message.at?.thread;
      const quote = replied === undefined ? undefined : (sent.get(replied) ?? (await textOf(replied)));
      const text =
        quote === undefined
          ? message.text
          : `${message.text}\n\nOn Mon, 1 Jan 2026 at 10:00, Bot <${address}> wrote:\n\n${quote.replace(/^/gm, '> ')}\n`;
      sent.set(id, message.text);
      await exchanger.sendMail({
        envelope: { from: options.envelope ?? from, to: address },
        from: { name: 'Ada Lovelace', address: from },
        to: address,
        messageId: id,
        text,
        textEncoding: 'quoted-printable',
        ...(options.html !== undefined && { html: options.html }),
        ...(options.subject !== undefined && { subject: options.subject }),
        ...(replied !== undefined && { inReplyTo: replied, references: [replied] }),
        ...(thread !== undefined && { references: [thread] }),
        headers: options.headers ?? {},
        attachments: message.file
          ? [{ filename: message.file.name, content: Buffer.from(message.file.bytes), contentType: message.file.mime }]
          : [],
      });
      return idOf(id, from);
    },
    seen: (user = ada) => readSeen(server, user),
    async close() {
      exchanger.close();
      for (const { adapter, record } of running) {
        await adapter.stop();
        await record.close();
      }
      await imap.close();
      await smtp.close();
    },
  };

  async function textOf(id: string): Promise<string | undefined> {
    const own = (await readSeen(server, ada)).find((mail) => mail.id === id);
    return own?.text;
  }
  return rig;
}

/** What a mail's id must be, written down here once more: its Message-ID and a short hash of who sent it. */
export function idOf(header: string, sender: string): MessageId {
  return messageId(`${header}#${createHash('sha256').update(sender).digest('hex').slice(0, 12)}`);
}

function headerOf(id: MessageId): string {
  return id.replace(/#[0-9a-f]{12}$/, '');
}

export const userOf = (address: string) => userId(address);

async function readSeen(server: MailServer, user: string): Promise<readonly SeenMessage[]> {
  await server.settle();
  const seen: SeenMessage[] = [];
  for (const raw of server.mails(user)) {
    const mail = await PostalMime.parse(raw);
    const replied = mail.inReplyTo;
    const root = /<[^<>\s]+>/.exec(mail.references ?? '')?.[0];
    seen.push({
      id: messageId(mail.messageId ?? ''),
      text: (mail.text ?? '').trimEnd(),
      formatted: mail.html !== undefined,
      buttons: [],
      replyTo: replied === undefined ? undefined : idOf(replied, `${user}@${MAIL_DOMAIN}`),
      thread: root === undefined ? undefined : threadId(root),
      files: mail.attachments.map((file) => ({
        kind: kindOf(file.mimeType),
        name: file.filename ?? '',
        bytes: file.content instanceof ArrayBuffer ? file.content.byteLength : file.content.length,
      })),
      reactions: [],
    });
  }
  return seen;
}

function kindOf(mime: string): MediaKind {
  const top = mime.split('/', 1)[0];
  return top === 'image' || top === 'audio' || top === 'video' ? top : 'document';
}
