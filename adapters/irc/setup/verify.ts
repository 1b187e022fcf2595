// Looks whether the server lets us in: connects, logs in under a nick that nobody has, and leaves. Loads no SDK.
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import type { AccountCheck } from '../../contract.ts';
import { FingerprintError, LineSocket, parseLine, type IrcLine } from '../connection/lines.ts';
import { portOf, type IrcSettings } from '../settings.ts';

const TIMEOUT_MS = 20_000;
/** An AUTHENTICATE line carries at most this many (https://ircv3.net/specs/extensions/sasl-3.1, read 2026-11-21). */
const MAX_AUTHENTICATE_CHARS = 400;

type Problem = Extract<AccountCheck, { ok: false }>;

/** Never rejects. With auth `nickserv` the password is not tried: NickServ answers in too many ways. */
export async function checkServer(settings: IrcSettings, signal: AbortSignal): Promise<AccountCheck> {
  return withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, (until) => logIn(settings, until));
}

async function logIn(settings: IrcSettings, deadline: AbortSignal): Promise<AccountCheck> {
  const socket = new LineSocket({
    host: settings.host,
    port: portOf(settings),
    secure: settings.tls ? { fingerprint: settings.tls_fingerprint } : undefined,
  });
  const { promise, resolve } = Promise.withResolvers<AccountCheck>();
  const stop = () => resolve(silent(settings));
  deadline.addEventListener('abort', stop, { once: true });
  if (deadline.aborted) stop();
  socket.on('close', (error: unknown) => resolve(explainNetwork(settings, error)));
  socket.on('open', () => {
    const { password, auth } = settings;
    if (password !== undefined && auth === 'server') socket.writeLine(`PASS ${password}`);
    socket.writeLine('CAP LS 302');
    socket.writeLine(`NICK ${guestNick()}`);
    socket.writeLine('USER herald 0 * :Herald');
  });
  const answer = makeAnswerer(settings, socket);
  socket.on('line', (text: string) => {
    const outcome = answer(parseLine(text));
    if (outcome) resolve(outcome);
  });
  socket.connect();
  try {
    return await promise;
  } finally {
    deadline.removeEventListener('abort', stop);
    socket.writeLine('QUIT', () => socket.close(true));
    if (!socket.isConnected()) socket.close(true);
  }
}

/** Goes through the login line by line; gives the outcome when there is one. */
function makeAnswerer(settings: IrcSettings, socket: LineSocket): (line: IrcLine) => AccountCheck | undefined {
  const usesSasl = settings.password !== undefined && settings.auth === 'sasl';
  let offered = '';
  let isIn = !usesSasl;
  return ({ command, params, from }) => {
    switch (command) {
      case 'PING':
        socket.writeLine(`PONG :${params.at(-1) ?? ''}`);
        return undefined;
      case 'CAP':
        if (params[1] === 'LS') {
          offered += ` ${params.at(-1) ?? ''}`;
          if (params[2] === '*') return undefined;
          const hasSasl = / sasl(?:=| |$)/.test(offered);
          socket.writeLine(usesSasl && hasSasl ? 'CAP REQ :sasl' : 'CAP END');
        } else if (params[1] === 'ACK') socket.writeLine('AUTHENTICATE PLAIN');
        return undefined;
      case 'AUTHENTICATE':
        if (params[0] === '+') for (const part of saslPlain(settings)) socket.writeLine(`AUTHENTICATE ${part}`);
        return undefined;
      case '903':
        isIn = true;
        socket.writeLine('CAP END');
        return undefined;
      case '902':
      case '904':
      case '905':
        return {
          ok: false,
          reason: 'auth',
          message: 'The server refuses account or password. Check account and IRC_PASSWORD.',
        };
      case '464':
        return { ok: false, reason: 'auth', message: 'The server refuses the password. Check IRC_PASSWORD and auth.' };
      case '465':
      case 'ERROR':
        return unreachable(settings, `it refused us: ${(params.at(-1) ?? '').slice(0, 200)}`);
      case '001':
        return isIn
          ? { ok: true, name: `${settings.nick} on ${from || settings.host}` }
          : wrong('The server knows no SASL. Try auth: nickserv, or auth: server.');
      default:
        return undefined;
    }
  };
}

/** One that is hardly taken: ours may be in use by ourselves. */
function guestNick(): string {
  return `hrld${Math.random().toString(36).slice(2, 7)}`;
}

function saslPlain({ account, nick, password = '' }: IrcSettings): readonly string[] {
  const name = account ?? nick;
  const text = Buffer.from(`${name}\0${name}\0${password}`).toString('base64');
  const parts = text.match(new RegExp(`.{1,${MAX_AUTHENTICATE_CHARS}}`, 'g')) ?? [];
  // A last part of full size would look as if more followed.
  return text.length % MAX_AUTHENTICATE_CHARS === 0 ? [...parts, '+'] : parts;
}

function explainNetwork(settings: IrcSettings, error: unknown): Problem {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof FingerprintError)
    return wrong(
      `The certificate is not the one of tls_fingerprint. ${error.message} Set that if the server has a new one.`,
    );
  if (/WRONG_VERSION_NUMBER|EPROTO|ERR_SSL/.test(code))
    return wrong(
      `Port ${portOf(settings)} of ${settings.host} does not speak TLS. Use the port for TLS, usually 6697, or tls: false.`,
    );
  if (/SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS/.test(code))
    return wrong(
      'No authority has signed the certificate of the server. Set tls_fingerprint to its SHA-256 fingerprint.',
    );
  if (/ENOTFOUND|EAI_/.test(code)) return unreachable(settings, 'this machine cannot find that name');
  if (code === 'ECONNREFUSED') return unreachable(settings, 'nothing listens there');
  return silent(settings);
}

function silent(settings: IrcSettings): Problem {
  return unreachable(settings, `no answer; the port may be one ${settings.tls ? 'without' : 'for'} TLS`);
}

function wrong(message: string): Problem {
  return { ok: false, reason: 'settings', message };
}

function unreachable(settings: IrcSettings, why: string): Problem {
  const message = `The IRC server ${settings.host}, port ${portOf(settings)}, could not be used: ${why}.`;
  return { ok: false, reason: 'unreachable', message };
}
