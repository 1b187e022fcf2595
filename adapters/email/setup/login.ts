// From a mail address to a mailbox that works: the servers are known, told by the domain or asked for, and both logins are tried.
import type { LoginIo, LoginResult } from '../../login.ts';
import { AppError } from '../../../shared/errors.ts';
import { domainOf, normalizeAddress } from '../addresses.ts';
import { findProvider, type Server } from '../providers.ts';
import { emailSettings } from '../settings.ts';
import { checkAccount } from './check.ts';
import { findServers, type FoundServers } from './autoconfig.ts';
import { suggestServers } from './learn-servers.ts';

const MAX_ATTEMPTS = 5;

export async function logIn(io: LoginIo): Promise<LoginResult> {
  const address = await askAddress(io);
  const provider = findProvider(address);
  if (provider) {
    io.say(`${provider.title}: ${provider.hint}`);
    if (provider.passwordUrl !== undefined)
      io.show({ kind: 'url', url: provider.passwordUrl, caption: 'Make a password for Herald here.' });
  } else io.say('Many mail services want an app password for programs, made in the settings of the account.');
  let servers: FoundServers | undefined = provider && { imap: provider.imap, smtp: provider.smtp, username: address };
  servers ??= await discover(io, address);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    servers ??= await askServers(io, address);
    const password = await io.ask({ key: 'password', label: 'Password of the mailbox', secret: true });
    // Services show app passwords in groups; their spaces are not part of them.
    const isGrouped = /^(?:[a-z0-9]{4} ){3}[a-z0-9]{4}$/i.test(password.trim());
    const secret = isGrouped ? password.replace(/\s+/g, '') : password;
    const { imap, smtp, username } = servers;
    const own = { address, imap, smtp, ...(username !== address && { username }) };
    const settings = emailSettings.parse({ ...own, password: secret });
    io.say(`Logging in to ${imap.host} and ${smtp.host} …`);
    const result = await checkAccount(settings, io.signal);
    if (result.ok) {
      const trusted = await askTrusted(io, settings);
      return {
        name: result.name,
        settings: { ...own, ...(trusted.length > 0 && { trusted_authserv_ids: trusted }) },
        secrets: { password: secret },
      };
    }
    io.say(result.message);
    // A wrong password says nothing against the servers.
    if (result.reason !== 'auth') servers = await askServers(io, address, servers);
  }
  throw new AppError(
    'platform_auth',
    'The mailbox could not be logged in to. Check its settings with your mail service.',
  );
}

async function askAddress(io: LoginIo): Promise<string> {
  const check = (answer: string) =>
    normalizeAddress(answer) === undefined ? 'This is no mail address, such as herald@example.org.' : undefined;
  const hint = 'A mailbox of its own is best: everything that arrives in it is read.';
  for (;;) {
    const address = normalizeAddress(await io.ask({ key: 'address', label: 'Mail address', hint, check }));
    if (address !== undefined) return address;
  }
}

async function discover(io: LoginIo, address: string): Promise<FoundServers | undefined> {
  const found = await findServers(address, io.fetch, io.signal);
  if (found) io.say(`${domainOf(address)} names its servers: ${found.imap.host} and ${found.smtp.host}.`);
  return found;
}

async function askServers(io: LoginIo, address: string, before?: FoundServers): Promise<FoundServers> {
  const domain = domainOf(address);
  const imap = await askServer(io, 'imap', before?.imap ?? { host: `imap.${domain}`, port: 993, tls: 'implicit' });
  const smtp = await askServer(io, 'smtp', before?.smtp ?? { host: `smtp.${domain}`, port: 465, tls: 'implicit' });
  const username = await io.ask({ key: 'username', label: 'User name', initial: before?.username ?? address });
  return { imap, smtp, username: username.trim() || address };
}

async function askServer(io: LoginIo, key: 'imap' | 'smtp', initial: Server): Promise<Server> {
  const label = key === 'imap' ? 'Server for incoming mail (IMAP)' : 'Server for outgoing mail (SMTP)';
  const answer = await io.ask({
    key,
    label,
    hint: 'Name and port, such as imap.example.org:993.',
    initial: `${initial.host}:${initial.port}`,
    check: (text) => (readServer(text, key) ? undefined : 'Write it as name:port, such as imap.example.org:993.'),
  });
  return readServer(answer, key) ?? initial;
}

/** Ports for TLS from the first byte are fixed (RFC 8314); all others begin TLS before the login. */
function readServer(text: string, key: 'imap' | 'smtp'): Server | undefined {
  const match = /^\s*([a-z0-9.-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?\s*$/i.exec(text);
  if (!match?.[1]) return undefined;
  const port = Number(match[2] ?? (key === 'imap' ? 993 : 465));
  if (port < 1 || port > 65_535) return undefined;
  const host = match[1].replace(/^\[|\]$/g, '').toLowerCase();
  return { host, port, tls: port === 993 || port === 465 ? 'implicit' : 'starttls' };
}

/** Where the server's checks of senders cannot be told from forged ones by their place, the person says whose they are. */
async function askTrusted(io: LoginIo, settings: Parameters<typeof suggestServers>[0]): Promise<readonly string[]> {
  const suggestion = await suggestServers(settings, io.signal);
  if (suggestion === undefined) return [];
  const choice = await io.choose({
    key: 'trusted_authserv_ids',
    label: `Of the last ${suggestion.looked} mails, ${suggestion.seen} carry sender checks by “${suggestion.server}”. Is that your own mail server?`,
    options: [
      { value: 'yes', label: 'Yes', hint: 'Senders whom it vouches for are answered.' },
      { value: 'no', label: 'No, or I do not know', hint: 'Nobody is answered until trusted_authserv_ids is set.' },
    ],
  });
  return choice === 'yes' ? [suggestion.server] : [];
}
