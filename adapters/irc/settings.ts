// Settings of `platforms.irc` in config.yaml.
import { z } from 'zod';

const TLS_PORT = 6697;
const PLAIN_PORT = 6667;

/** No space, no control character, none of the signs that mean something in a line. */
const NICK = /^[A-Za-z_[\]\\`^{}|][A-Za-z0-9_[\]\\`^{}|-]{0,31}$/;
const CHANNEL = /^[#&+!][^\s,:]{0,63}(?: \S{1,64})?$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/;

export const ircSettings = z
  .strictObject({
    host: z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9_.:-]{1,253}$/, 'must be the name or address of a server, such as irc.libera.chat')
      .describe('Name of the server, such as irc.libera.chat.'),
    port: z.int().min(1).max(65_535).optional().describe(`Port. Default ${TLS_PORT} with TLS, ${PLAIN_PORT} without.`),
    tls: z.boolean().default(true).describe('Encrypts the connection. Default true.'),
    tls_fingerprint: z
      .string()
      .transform((text) => text.replaceAll(':', '').toLowerCase())
      .pipe(
        z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 fingerprint of the certificate, 64 hexadecimal digits'),
      )
      .optional()
      .describe('SHA-256 fingerprint of a certificate that no authority has signed. Default: authorities decide.'),
    nick: z
      .string()
      .regex(NICK, 'must be a nick of up to 32 letters, digits and _ - [ ] \\ ` ^ { } |')
      .default('herald')
      .describe('Our nick. Default herald.'),
    channels: z
      .array(
        z
          .string()
          .trim()
          .regex(CHANNEL, 'must be a channel such as #herald, with its key behind a space if it has one'),
      )
      .max(100)
      .default([])
      .describe('Channels to join, each with its key behind a space if it has one. Default: [].'),
    account: z
      .string()
      .regex(/^[^\s:]{1,64}$/, 'must be the name of an account')
      .optional()
      .describe('Our services account. Default: the nick.'),
    password: z
      .string()
      .min(1)
      .max(300)
      .regex(/^[^\r\n]+$/, 'must be one line')
      .optional()
      .describe('Password of the account (or of the server, see auth). Environment: IRC_PASSWORD.'),
    auth: z
      .enum(['sasl', 'nickserv', 'server'])
      .default('sasl')
      .describe('How the password is given: sasl, to NickServ after the login, or server (PASS). Default sasl.'),
    trust_nicks: z
      .boolean()
      .default(false)
      .describe(
        'Takes a nick for a person when the server tells no services account. Anybody can take a free nick: only for servers of your own. Default false.',
      ),
    line_interval_ms: z
      .int()
      .min(0)
      .max(60_000)
      .default(1_500)
      .describe('Pause between lines after the first five, in ms; servers throw out who floods. Default 1500.'),
  })
  .superRefine((settings, context) => {
    if (settings.password !== undefined && !settings.tls && !LOOPBACK.test(settings.host))
      context.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'must be on when there is a password, which would be readable on the way',
      });
    if (settings.password?.startsWith(':') || (settings.auth !== 'sasl' && settings.password?.includes(' ')))
      context.addIssue({ code: 'custom', path: ['password'], message: 'has a character that only sasl can send' });
  });

export type IrcSettings = z.output<typeof ircSettings>;

export function portOf({ port, tls }: Pick<IrcSettings, 'port' | 'tls'>): number {
  return port ?? (tls ? TLS_PORT : PLAIN_PORT);
}

export interface ChannelToJoin {
  name: string;
  key: string | undefined;
}

export function channelsOf({ channels }: Pick<IrcSettings, 'channels'>): readonly ChannelToJoin[] {
  return channels.map((channel) => {
    const [name = '', key] = channel.split(' ');
    return { name, key };
  });
}
