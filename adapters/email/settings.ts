// Settings of `platforms.email` in config.yaml.
import { z } from 'zod';
import { normalizeAddress } from './addresses.ts';
import { findProvider, findProviderOfHost, isLoopback, type Provider, type Server } from './providers.ts';

const address = z.string().transform((text, context) => {
  const normal = normalizeAddress(text);
  if (normal !== undefined) return normal;
  context.addIssue({ code: 'custom', message: 'must be a mail address, such as herald@example.org' });
  return z.NEVER;
});

const server = z
  .strictObject({
    host: z.string().trim().min(1).max(255).describe('Name of the server.'),
    port: z.int().min(1).max(65_535).describe('Port.'),
    tls: z
      .enum(['implicit', 'starttls', 'none'])
      .describe('TLS from the first byte (implicit), before the login (starttls), or none, on this machine only.'),
  })
  .refine(({ host, tls }) => tls !== 'none' || isLoopback(host), {
    message: 'cannot be none but for a server on this machine: the password would be read on the way',
    path: ['tls'],
  });

export const emailSettings = z
  .strictObject({
    address: address.describe('The mailbox, such as herald@example.org.'),
    password: z
      .string()
      .min(1)
      .describe('Password of the mailbox, mostly an app password. Environment: EMAIL_PASSWORD.'),
    username: z.string().trim().min(1).optional().describe('Name to log in with. Default: the address.'),
    name: z.string().trim().min(1).max(100).default('Herald').describe('Name that recipients see. Default Herald.'),
    imap: server.optional().describe('Server to receive from. Default: known for common mail services.'),
    smtp: server.optional().describe('Server to send through. Default: known for common mail services.'),
    folders: z
      .array(z.string().trim().min(1).max(200))
      .min(1)
      .max(20)
      .default(['INBOX'])
      .describe('Folders that are read. New mail is noticed at once in the first. Default [INBOX].'),
    aliases: z
      .array(address)
      .max(50)
      .default([])
      .describe('Other addresses of the mailbox, whose mails are its own and are not answered. Default [].'),
    require_authentication: z
      .boolean()
      .default(true)
      .describe(
        'Answer only senders whom the mail server vouches for (DMARC, DKIM or SPF). false: anybody can write as anybody. Default true.',
      ),
    trusted_authserv_ids: z
      .array(z.string().trim().toLowerCase().min(1).max(255))
      .max(20)
      .default([])
      .describe(
        'Names under which your mail server writes Authentication-Results, if it does so below its own Received line; *.example.org for all hosts, "-" for results without a name. It must check every mail. Default: known for common services; else results above that line.',
      ),
    mark: z
      .enum(['seen', 'keyword', 'none'])
      .default('seen')
      .describe('How a mail that was taken is marked: as read, with the keyword $Herald, or not. Default seen.'),
    save_sent: z
      .enum(['auto', 'always', 'never'])
      .default('auto')
      .describe('Keep sent mails in the Sent folder; auto: where the service does not do it itself. Default auto.'),
    poll_interval_s: z
      .int()
      .min(10)
      .max(3_600)
      .default(60)
      .describe('Seconds between looks at folders where the server does not tell of new mail by itself. Default 60.'),
    max_message_mb: z
      .int()
      .min(1)
      .max(100)
      .default(25)
      .describe('Attachments of larger mails are left out, and larger mails are not sent. Default 25.'),
    max_answers_per_hour: z
      .int()
      .min(1)
      .max(1_000)
      .default(60)
      .describe(
        'Mails to one recipient in an hour, after a burst of 30; a guard against two machines that answer each other. Default 60.',
      ),
  })
  .superRefine((settings, context) => {
    for (const key of ['imap', 'smtp'] as const) {
      if (settings[key] || findProvider(settings.address)) continue;
      const message = 'is needed: the servers of this mail service are not known. Set it, or run herald setup';
      context.addIssue({ code: 'custom', message, path: [key] });
    }
  });

export type EmailSettings = z.output<typeof emailSettings>;

/** What is needed to log in. */
export interface MailAccount {
  address: string;
  username: string;
  password: string;
  imap: Server;
  smtp: Server;
  /** The service that it belongs to, when it is a known one. */
  provider: Provider | undefined;
}

export function accountOf(settings: EmailSettings): MailAccount {
  const byAddress = findProvider(settings.address);
  const imap = settings.imap ?? byAddress?.imap;
  const smtp = settings.smtp ?? byAddress?.smtp;
  if (!imap || !smtp) throw new RangeError('settings without servers do not pass their schema');
  return {
    address: settings.address,
    username: settings.username ?? settings.address,
    password: settings.password,
    imap,
    smtp,
    provider: byAddress?.imap.host === imap.host ? byAddress : findProviderOfHost(imap.host),
  };
}

/** Servers whose results about senders are believed; none: those above our side's trace. */
export function trustedServers(settings: EmailSettings, provider: Provider | undefined): readonly string[] {
  return settings.trusted_authserv_ids.length > 0 ? settings.trusted_authserv_ids : (provider?.servers ?? []);
}
