// Mail services that many people have: their servers, what to know about passwords, and how they sign their checks of senders.
//
// Servers and ports: each service's own help page, as named; read 2026-11-21. Names in Authentication-Results: fields of real mails
// published by many, read 2026-11-21; a name stands here only where mails of that service show it without exception.
import { domainOf } from './addresses.ts';

export type Tls = 'implicit' | 'starttls' | 'none';

export interface Server {
  host: string;
  port: number;
  /** implicit: TLS from the first byte · starttls: TLS before the login, or no login · none: on this machine only. */
  tls: Tls;
}

export interface Provider {
  title: string;
  domains: readonly string[];
  imap: Server;
  smtp: Server;
  /** Page on which a password for programs is made. */
  passwordUrl?: string | undefined;
  /** What a person must know before they log in. */
  hint: string;
  /** Servers whose Authentication-Results are the service's own; see `trusted_authserv_ids`. */
  servers: readonly string[];
  /** True when the service itself keeps a copy of what is sent through it. */
  savesSent: boolean;
}

const tls = (host: string, port: number): Server => ({ host, port, tls: 'implicit' });
const starttls = (host: string, port: number): Server => ({ host, port, tls: 'starttls' });

export const PROVIDERS: readonly Provider[] = [
  {
    title: 'Gmail', // https://support.google.com/mail/answer/7126229
    domains: ['gmail.com', 'googlemail.com'],
    imap: tls('imap.gmail.com', 993),
    smtp: tls('smtp.gmail.com', 465),
    passwordUrl: 'https://myaccount.google.com/apppasswords',
    hint: 'Gmail takes an app password (16 letters), not the one of the account. It needs 2-Step Verification.',
    servers: ['mx.google.com'],
    savesSent: true,
  },
  {
    title: 'Outlook.com and Microsoft 365', // https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040
    domains: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com'],
    imap: tls('outlook.office365.com', 993),
    smtp: starttls('smtp-mail.outlook.com', 587),
    hint: 'Microsoft has refused passwords for IMAP since September 2024 and takes only its own sign-in, which Herald does not have. Let Outlook forward to another mailbox, and give that one here.',
    servers: ['-'],
    savesSent: true,
  },
  {
    title: 'iCloud Mail', // https://support.apple.com/102525
    domains: ['icloud.com', 'me.com', 'mac.com'],
    imap: tls('imap.mail.me.com', 993),
    smtp: starttls('smtp.mail.me.com', 587),
    passwordUrl: 'https://account.apple.com/account/manage',
    hint: 'iCloud takes an app-specific password (Sign-In and Security, App-Specific Passwords), not the one of the Apple account.',
    servers: ['dmarc.icloud.com'],
    savesSent: false,
  },
  {
    title: 'Fastmail', // https://www.fastmail.help/hc/en-us/articles/1500000278342
    domains: ['fastmail.com', 'fastmail.fm', 'sent.com'],
    imap: tls('imap.fastmail.com', 993),
    smtp: tls('smtp.fastmail.com', 465),
    passwordUrl: 'https://app.fastmail.com/settings/security/apps',
    hint: 'Fastmail takes an app password (Settings, Privacy and Security), not the one of the account.',
    servers: ['*.messagingengine.com'],
    savesSent: false,
  },
  {
    title: 'Yahoo Mail', // https://help.yahoo.com/kb/SLN4075.html
    domains: ['yahoo.com', 'yahoo.de', 'yahoo.co.uk', 'yahoo.fr', 'ymail.com', 'rocketmail.com'],
    imap: tls('imap.mail.yahoo.com', 993),
    smtp: tls('smtp.mail.yahoo.com', 465),
    passwordUrl: 'https://login.yahoo.com/account/security',
    hint: 'Yahoo takes an app password (Account Security, Generate app password), not the one of the account.',
    servers: [],
    savesSent: false,
  },
  {
    title: 'GMX', // https://hilfe.gmx.net/pop-imap/imap/imap-serverdaten.html
    domains: ['gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch'],
    imap: tls('imap.gmx.net', 993),
    smtp: tls('mail.gmx.net', 465),
    hint: 'First allow IMAP in the settings of the mailbox (POP3/IMAP). With two-factor authentication GMX takes an application-specific password.',
    servers: ['gmx.net'],
    savesSent: false,
  },
  {
    title: 'WEB.DE', // https://hilfe.web.de/pop-imap/imap/imap-serverdaten.html
    domains: ['web.de'],
    imap: tls('imap.web.de', 993),
    smtp: starttls('smtp.web.de', 587),
    hint: 'First allow IMAP in the settings of the mailbox (POP3/IMAP). With two-factor authentication WEB.DE takes an application-specific password.',
    servers: ['web.de'],
    savesSent: false,
  },
  {
    title: 'Zoho Mail', // https://www.zoho.com/mail/help/imap-access.html
    domains: ['zoho.com', 'zohomail.com', 'zohomail.eu'],
    imap: tls('imap.zoho.com', 993),
    smtp: tls('smtp.zoho.com', 465),
    passwordUrl: 'https://accounts.zoho.com/home#security/app_password',
    hint: 'First allow IMAP in the settings of the mailbox. With two-factor authentication Zoho takes an app password.',
    servers: ['mx.zohomail.com'],
    savesSent: true,
  },
  {
    title: 'Proton Mail through Proton Mail Bridge', // https://proton.me/support/imap-smtp-and-pop3-setup
    domains: ['proton.me', 'protonmail.com', 'pm.me'],
    imap: starttls('127.0.0.1', 1143),
    smtp: starttls('127.0.0.1', 1025),
    hint: 'Proton Mail needs Proton Mail Bridge to run on this machine. The password is the one that Bridge shows for the mailbox.',
    servers: ['*.protonmail.ch'],
    savesSent: true,
  },
  {
    title: 'Posteo', // https://posteo.de/en/help/how-do-i-set-up-posteo-in-an-email-client-pop3-imap-and-smtp
    domains: ['posteo.de', 'posteo.net', 'posteo.org', 'posteo.eu', 'posteo.at', 'posteo.ch'],
    imap: tls('posteo.de', 993),
    smtp: tls('posteo.de', 465),
    hint: 'Posteo takes the password of the account, or an app password where the additional protection is on.',
    servers: [],
    savesSent: false,
  },
  {
    title: 'mailbox.org', // https://kb.mailbox.org/en/private/e-mail/e-mail-configuration
    domains: ['mailbox.org'],
    imap: tls('imap.mailbox.org', 993),
    smtp: tls('smtp.mailbox.org', 465),
    hint: 'With two-factor authentication mailbox.org takes an application password (All settings, Security).',
    servers: [],
    savesSent: false,
  },
];

/** The service of an address, by its domain. */
export function findProvider(address: string): Provider | undefined {
  const domain = domainOf(address);
  return PROVIDERS.find((provider) => provider.domains.includes(domain));
}

/** The service behind a server, for addresses in domains of their own. */
export function findProviderOfHost(host: string): Provider | undefined {
  if (isLoopback(host)) return undefined;
  return PROVIDERS.find((provider) => provider.imap.host === host.toLowerCase());
}

/** Servers on this machine, whose certificates are their own: what is said there does not leave it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
