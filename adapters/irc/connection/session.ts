// One connection to the server: logging in, and then writing, asking and listening, until it ends.
import { Client } from 'irc-framework';
import { z } from 'zod';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import { NotCalledError } from '../../transport/failures.ts';
import { NoAnswerError, RegistrationError } from '../errors.ts';
import { portOf, type IrcSettings } from '../settings.ts';
import { LineSocket, parseLine, type IrcLine } from './lines.ts';
import { nextNick } from './nicks.ts';

const REGISTER_TIMEOUT_MS = 45_000;
const ANSWER_TIMEOUT_MS = 20_000;
const QUIT_WAIT_MS = 1_000;
const PING_INTERVAL_SECONDS = 30;
const PING_TIMEOUT_SECONDS = 90;
/** Asked for besides what the library asks for. */
const MORE_CAPABILITIES = ['draft/chathistory'];

export interface Session {
  /** As the server has it now. */
  nick(): string;
  /** In lower case as the server compares names (CASEMAPPING). */
  lower(name: string): string;
  isChannel(name: string): boolean;
  hasCapability(name: string): boolean;
  /** ISUPPORT. */
  option(name: string): string | undefined;
  /** Throws NotCalledError when the connection has ended. Line ends in it become spaces. */
  write(line: string): void;
  /**
   * Resolves when the server has worked off all lines written before. Rejects with NotCalledError or NoAnswerError when the connection ends
   * before, with the signal's reason when that is aborted.
   */
  sync(signal: AbortSignal): Promise<void>;
  /** Tells each line of the server as it comes, until the function that this gives is called. */
  watch(onLine: (line: IrcLine) => void): () => void;
  /** An event of the client library (its README lists them). Payloads are to be checked. */
  on(event: string, listener: (payload: unknown) => void): void;
  /** Services account of whoever has the nick now. */
  whois(nick: string, signal: AbortSignal): Promise<{ isThere: boolean; account: string | undefined }>;
  /** Resolves when the connection has ended. */
  closed: Promise<void>;
  /** Resolves when it has ended, after a second at most. */
  quit(): Promise<void>;
}

export interface SessionInput {
  settings: IrcSettings;
  clock: Clock;
  signal: AbortSignal;
  /** Listens before anything can come in: servers may send messages right behind the welcome. */
  prepare(session: Session): void;
}

/** Rejects with RegistrationError, the error of the connection, or the signal's reason. */
export async function openSession({ settings, clock, signal, prepare }: SessionInput): Promise<Session> {
  const client = new Client();
  const sockets: LineSocket[] = [];
  client.requestCap(MORE_CAPABILITIES);
  const closed = Promise.withResolvers<void>();
  const registered = Promise.withResolvers<void>();
  const fail = (error: Error) => registered.reject(error);
  watchRegistration(client, { settings, fail, succeed: registered.resolve });
  client.on('socket close', (error) => {
    closed.resolve();
    fail(error instanceof Error ? error : new NoAnswerError('The server closed the connection.'));
  });
  const cancelTimer = clock.after(REGISTER_TIMEOUT_MS, () => fail(new NoAnswerError('The server does not answer.')));
  const onAbort = () => fail(abortReason(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  const session = makeSession(client, {
    clock,
    closed: closed.promise,
    destroy: () => sockets.forEach((socket) => socket.close(true)),
  });
  prepare(session);
  client.connect({
    ...connectOptions(settings),
    transport: class extends LineSocket {
      constructor() {
        super({
          host: settings.host,
          port: portOf(settings),
          secure: settings.tls ? { fingerprint: settings.tls_fingerprint } : undefined,
        });
        sockets.push(this);
      }
    },
  });
  if (signal.aborted) onAbort();
  try {
    await registered.promise;
    return session;
  } catch (error) {
    client.connection.end(null, false);
    for (const socket of sockets) socket.close(true);
    throw error;
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', onAbort);
  }
}

function connectOptions(settings: IrcSettings) {
  const { nick, password, auth, account = nick } = settings;
  return {
    host: settings.host,
    port: portOf(settings),
    nick,
    username: nick.replace(/[^A-Za-z0-9]/g, '').slice(0, 9) || 'herald',
    gecos: 'Herald',
    version: '',
    account: password !== undefined && auth === 'sasl' ? { account, password } : {},
    ...(password !== undefined && auth === 'server' && { password }),
    sasl_disconnect_on_fail: true,
    auto_reconnect: false as const,
    ping_interval: PING_INTERVAL_SECONDS,
    ping_timeout: PING_TIMEOUT_SECONDS,
  };
}

/** Until the server welcomes us or refuses. */
function watchRegistration(
  client: Client,
  { settings, fail, succeed }: { settings: IrcSettings; fail(error: Error): void; succeed(): void },
): void {
  let attempt = 0;
  let isIn = false;
  let isLoggedIn = settings.password === undefined || settings.auth !== 'sasl';
  client.on('registered', () => {
    isIn = true;
    // A server without SASL never asks for the password, and lets us in as nobody.
    if (isLoggedIn) succeed();
    else fail(new RegistrationError('login', 'The server knows no SASL; try auth: nickserv.'));
  });
  client.on('sasl failed', () => fail(new RegistrationError('login', 'The server refuses account or password.')));
  client.on('raw', (payload) => {
    const line = readServerLine(payload);
    if (!line || isIn) return;
    switch (line.command) {
      case '903':
        isLoggedIn = true;
        return;
      case '432':
      case '433':
      case '436':
      case '437': {
        const next = nextNick(settings.nick, ++attempt);
        if (next === undefined) fail(new RegistrationError('nick', 'Our nick and others like it are taken.'));
        else client.raw(`NICK ${next}`);
        return;
      }
      case '464':
        fail(new RegistrationError('login', 'The server refuses the password.'));
        return;
      case '465':
        fail(new RegistrationError('banned', `The server has banned us: ${line.params.at(-1) ?? ''}`));
        return;
      case 'ERROR':
        fail(new RegistrationError('other', `The server ended the connection: ${line.params.at(-1) ?? ''}`));
        return;
      default:
    }
  });
}

const rawSchema = z.looseObject({ line: z.string(), from_server: z.boolean() });

function readServerLine(payload: unknown): IrcLine | undefined {
  const raw = rawSchema.safeParse(payload);
  return raw.success && raw.data.from_server ? parseLine(raw.data.line) : undefined;
}

interface Life {
  clock: Clock;
  closed: Promise<void>;
  destroy(): void;
}

function makeSession(client: Client, { clock, closed, destroy }: Life): Session {
  let isOpen = true;
  let pings = 0;
  void closed.then(() => (isOpen = false));

  function write(line: string): void {
    if (!isOpen) throw new NotCalledError('The IRC server is not connected.');
    client.raw(line);
  }

  function watch(onLine: (line: IrcLine) => void): () => void {
    const onRaw = (payload: unknown) => {
      const line = readServerLine(payload);
      if (line) onLine(line);
    };
    client.on('raw', onRaw);
    return () => void client.off('raw', onRaw);
  }

  /** Resolves at the PONG of a PING of its own: servers work off lines in order. */
  async function sync(signal: AbortSignal): Promise<void> {
    const token = `herald-${++pings}`;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const unwatch = watch(({ command, params }) => {
      if (command === 'PONG' && params.at(-1) === token) resolve();
    });
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    const late = clock.after(ANSWER_TIMEOUT_MS, () => reject(new NoAnswerError('The server does not answer.')));
    try {
      write(`PING :${token}`);
      if (signal.aborted) onAbort();
      await Promise.race([promise, closed.then(() => Promise.reject(new NoAnswerError('The connection broke.')))]);
    } finally {
      late();
      signal.removeEventListener('abort', onAbort);
      unwatch();
    }
  }

  return {
    nick: () => client.user.nick,
    lower: (name) => client.caseLower(name),
    isChannel: (name) => client.network.isChannelName(name),
    hasCapability: (name) => client.network.cap.isEnabled(name),
    option(name) {
      const value = client.network.options[name];
      return typeof value === 'string' ? value : undefined;
    },
    write,
    sync,
    watch,
    on: (event, listener) => void client.on(event, listener),
    async whois(nick, signal) {
      let isThere = false;
      let account: string | undefined;
      const unwatch = watch(({ command, params }) => {
        if (client.caseLower(params[1] ?? '') !== client.caseLower(nick)) return;
        if (command === '311') isThere = true;
        if (command === '330') account = params[2];
      });
      try {
        write(`WHOIS ${nick}`);
        await sync(signal);
      } finally {
        unwatch();
      }
      return { isThere, account };
    },
    closed,
    async quit() {
      if (!isOpen) return closed;
      isOpen = false;
      client.connection.end('QUIT :Herald stops', false);
      const enough = Promise.withResolvers<void>();
      const timer = setTimeout(enough.resolve, QUIT_WAIT_MS);
      await Promise.race([closed, enough.promise]);
      clearTimeout(timer);
      destroy();
      await closed;
    },
  };
}
