// Walks a person through the set-up: server, nick, account, channels, and a login to try it. Loads no SDK.
import { AppError } from '../../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../../login.ts';
import { ircSettings } from '../settings.ts';
import { checkServer } from './verify.ts';

const MAX_TRIES = 10;

/** Rejects with AppError: `cancelled` when the person breaks off, `platform_unreachable` after ten tries. */
export async function login(io: LoginIo): Promise<LoginResult> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const { settings, password } = await askAll(io);
    const parsed = ircSettings.safeParse({ ...settings, ...(password !== undefined && { password }) });
    if (!parsed.success) {
      io.say(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
      continue;
    }
    const check = await checkServer(parsed.data, io.signal);
    if (check.ok) {
      io.say(`The server lets us in: ${check.name}.`);
      return { name: check.name, settings, secrets: password === undefined ? {} : { password } };
    }
    io.say(check.message);
  }
  throw new AppError('platform_unreachable', 'IRC could not be set up. Check the server and try again.');
}

async function askAll(io: LoginIo): Promise<{ settings: Record<string, unknown>; password: string | undefined }> {
  const server = await io.ask({
    key: 'host',
    label: 'Server',
    hint: 'Such as irc.libera.chat, with :port behind it if that is an unusual one.',
    check: (text) => problemOf('host', splitServer(text).host),
  });
  const isPlain = await io.choose({
    key: 'tls',
    label: 'Is the connection encrypted?',
    options: [
      { value: 'yes', label: 'Yes, with TLS', hint: 'Port 6697. Right for every public network.' },
      { value: 'no', label: 'No', hint: 'Port 6667. Only for a server on this machine or at home.' },
    ],
  });
  const nick = await io.ask({
    key: 'nick',
    label: 'Nick',
    initial: 'herald',
    check: (text) => problemOf('nick', text.trim()),
  });
  const password = await io.ask({
    key: 'password',
    label: 'Password of the services account',
    hint: 'Register the nick with NickServ first, by any IRC client. Leave it empty if the server has no accounts.',
    secret: true,
    optional: true,
  });
  const channels = await io.ask({
    key: 'channels',
    label: 'Channels to join',
    hint: 'Names such as #herald, with commas between them. To be answered there, also name them in allowed_chats.',
    optional: true,
    check: (text) => problemOf('channels', splitChannels(text)),
  });
  const list = splitChannels(channels);
  return {
    settings: {
      ...splitServer(server),
      ...(isPlain === 'no' && { tls: false }),
      nick: nick.trim(),
      ...(list.length > 0 && { channels: list }),
    },
    password: password === '' ? undefined : password,
  };
}

function splitServer(text: string): { host: string; port?: number } {
  const match = /^([^:]+):(\d{1,5})$/.exec(text.trim());
  return match?.[1] ? { host: match[1], port: Number(match[2]) } : { host: text.trim() };
}

function splitChannels(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function problemOf(key: 'host' | 'nick' | 'channels', value: unknown): string | undefined {
  const parsed = ircSettings.shape[key].safeParse(value);
  return parsed.success ? undefined : `It ${parsed.error.issues[0]?.message ?? 'is not right'}.`;
}
