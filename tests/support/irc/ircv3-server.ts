// A small server that knows what Debian's does not: accounts by SASL, account-tag, server-time, message ids and chathistory. After
// https://modern.ircdocs.horse and the specifications at https://ircv3.net/irc, read 2026-11-21.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { parseLine } from '../../../adapters/irc/connection/lines.ts';

const CAPABILITIES: Readonly<Record<string, string>> = {
  sasl: 'PLAIN,EXTERNAL',
  'message-tags': '',
  'server-time': '',
  batch: '',
  'account-tag': '',
  'account-notify': '',
  'multi-prefix': '',
  'draft/chathistory': '',
};
const HISTORY_LIMIT = 50;

interface Stored {
  id: string;
  time: string;
  from: string;
  account: string | undefined;
  target: string;
  text: string;
}

export interface IrcServerOptions {
  /** Accounts with their passwords. */
  accounts?: Readonly<Record<string, string>>;
  /** Capabilities that it does not have. */
  without?: readonly string[];
  /** Password that everybody must give (PASS). */
  password?: string;
  tls?: { key: string; cert: string };
}

export interface IrcServer {
  port: number;
  /** Lines that clients sent, with their nick. */
  lines: { nick: string; line: string }[];
  /** Somebody who needs no connection. `account` undefined: not logged in. */
  addUser(nick: string, account?: string): void;
  rename(from: string, to: string): void;
  removeUser(nick: string): void;
  /** What somebody says; gives the message's id, or undefined when nobody there hears it and it is not kept. */
  say(from: string, target: string, text: string, options?: SayOptions): string | undefined;
  /** What a user has heard, oldest first. */
  heard(nick: string): readonly { from: string; target: string; text: string }[];
  isOnline(nick: string): boolean;
  members(channel: string): readonly string[];
  /** A line as it is to a client. */
  sendRaw(nick: string, line: string, end?: string): void;
  kick(channel: string, nick: string): void;
  ban(channel: string, on: boolean): void;
  /** The next PRIVMSG of a client goes wrong. */
  failNext(fault: 'drop-before' | 'drop-after' | { numeric: string; reason: string }): void;
  refuse(numeric: string | undefined): void;
  /** Keeps its answers to itself. */
  silence(on: boolean): void;
  disconnect(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface SayOptions {
  type?: 'PRIVMSG' | 'NOTICE';
  tags?: Readonly<Record<string, string>>;
}

interface Client {
  socket: net.Socket;
  nick: string;
  user: boolean;
  account: string | undefined;
  capabilities: Set<string>;
  isNegotiating: boolean;
  isIn: boolean;
  password: string | undefined;
  sasl: string;
}

const lower = (name: string) => name.toLowerCase();

export async function startIrcServer(options: IrcServerOptions = {}): Promise<IrcServer> {
  const state = new ServerState(options);
  await state.listen(0);
  return {
    get port() {
      return state.port;
    },
    lines: state.lines,
    addUser: (nick, account) => void state.ghosts.set(lower(nick), { nick, account, heard: [] }),
    rename: (from, to) => state.rename(from, to),
    removeUser: (nick) => void state.ghosts.delete(lower(nick)),
    say: (from, target, text, say) => state.say(from, target, text, say),
    heard: (nick) => state.ghosts.get(lower(nick))?.heard ?? [],
    isOnline: (nick) => state.find(nick) !== undefined,
    members: (channel) => [...(state.channels.get(lower(channel)) ?? [])],
    sendRaw: (nick, line, end = '\r\n') => state.find(nick)?.socket.write(`${line}${end}`),
    kick(channel, nick) {
      state.toChannel(channel, `:op!op@host KICK ${channel} ${nick} :out`);
      state.channels.get(lower(channel))?.delete(lower(nick));
    },
    ban: (channel, on) => void (on ? state.banned.add(lower(channel)) : state.banned.delete(lower(channel))),
    failNext: (fault) => void (state.fault = fault),
    refuse: (numeric) => void (state.refusal = numeric),
    silence: (on) => void (state.isSilent = on),
    disconnect: () => state.disconnect(),
    goAway: () => state.stop(),
    comeBack: () => state.listen(state.port),
    close: () => state.stop(),
  };
}

class ServerState {
  readonly options: IrcServerOptions;
  readonly clients = new Set<Client>();
  readonly ghosts = new Map<
    string,
    { nick: string; account: string | undefined; heard: { from: string; target: string; text: string }[] }
  >();
  readonly channels = new Map<string, Set<string>>();
  readonly banned = new Set<string>();
  readonly history: Stored[] = [];
  readonly lines: { nick: string; line: string }[] = [];
  port = 0;
  fault: 'drop-before' | 'drop-after' | { numeric: string; reason: string } | undefined;
  refusal: string | undefined;
  isSilent = false;
  #server: net.Server | undefined;
  #messages = 0;
  #batches = 0;
  #now = 0;

  constructor(options: IrcServerOptions) {
    this.options = options;
  }

  async listen(port: number): Promise<void> {
    const accept = (socket: net.Socket) => this.#accept(socket);
    this.#server = this.options.tls ? tls.createServer(this.options.tls, accept) : net.createServer(accept);
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
  }

  async stop(): Promise<void> {
    if (!this.#server?.listening) return;
    this.disconnect();
    this.#server.close();
    await once(this.#server, 'close');
  }

  disconnect(): void {
    for (const client of this.clients) client.socket.destroy();
    this.clients.clear();
    this.channels.clear();
  }

  find(nick: string): Client | undefined {
    return [...this.clients].find((client) => client.isIn && lower(client.nick) === lower(nick));
  }

  /** Each moment is later than the one before. */
  #time(): string {
    this.#now = Math.max(this.#now + 1, Date.now());
    return new Date(this.#now).toISOString();
  }

  #capabilities(): readonly string[] {
    return Object.keys(CAPABILITIES).filter((name) => !this.options.without?.includes(name));
  }

  #accept(socket: net.Socket): void {
    const client: Client = {
      socket,
      nick: '',
      user: false,
      account: undefined,
      capabilities: new Set(),
      isNegotiating: false,
      isIn: false,
      password: undefined,
      sasl: '',
    };
    this.clients.add(client);
    let rest = '';
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.clients.delete(client);
      for (const members of this.channels.values()) members.delete(lower(client.nick));
    });
    socket.on('data', (data: string) => {
      const parts = (rest + data).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (!socket.destroyed) this.#take(client, part.replace(/\r$/, ''));
    });
  }

  #send(client: Client, line: string): void {
    if (!this.isSilent) client.socket.write(`${line}\r\n`);
  }

  #numeric(client: Client, numeric: string, ...params: readonly string[]): void {
    const last = params.at(-1) ?? '';
    const head = params.slice(0, -1).join(' ');
    this.#send(client, `:irc.test ${numeric} ${client.nick || '*'} ${head}${head ? ' ' : ''}:${last}`);
  }

  #take(client: Client, text: string): void {
    this.lines.push({ nick: client.nick, line: text });
    const { command, params } = parseLine(text);
    const [first = '', second = ''] = params;
    switch (command) {
      case 'CAP':
        return this.#cap(client, first.toUpperCase(), params.at(-1) ?? '');
      case 'AUTHENTICATE':
        return this.#authenticate(client, first);
      case 'PASS':
        client.password = first;
        return;
      case 'NICK':
        return this.#nick(client, first);
      case 'USER':
        client.user = true;
        return this.#welcome(client);
      case 'PING':
        return this.#send(client, `:irc.test PONG irc.test :${params.at(-1) ?? ''}`);
      case 'JOIN':
        return this.#join(client, first, second);
      case 'PRIVMSG':
        return this.#message(client, first, second);
      case 'WHOIS':
        return this.#whois(client, first);
      case 'CHATHISTORY':
        return this.#chatHistory(client, params);
      case 'QUIT':
        client.socket.end('ERROR :bye\r\n');
        return;
      default:
    }
  }

  #cap(client: Client, verb: string, last: string): void {
    const has = this.#capabilities();
    if (verb === 'LS') {
      client.isNegotiating = true;
      const words = has.map((name) => (CAPABILITIES[name] ? `${name}=${CAPABILITIES[name]}` : name));
      // In two lines, as large servers do.
      this.#send(client, `:irc.test CAP * LS * :${words.slice(0, 3).join(' ')}`);
      this.#send(client, `:irc.test CAP * LS :${words.slice(3).join(' ')}`);
    } else if (verb === 'REQ') {
      const wanted = last.split(' ').filter((name) => name !== '');
      const isKnown = wanted.every((name) => has.includes(name));
      if (isKnown) for (const name of wanted) client.capabilities.add(name);
      this.#send(client, `:irc.test CAP * ${isKnown ? 'ACK' : 'NAK'} :${last}`);
    } else if (verb === 'END') {
      client.isNegotiating = false;
      this.#welcome(client);
    }
  }

  #authenticate(client: Client, part: string): void {
    if (part === 'PLAIN') return this.#send(client, 'AUTHENTICATE +');
    client.sasl += part === '+' ? '' : part;
    if (part.length === 400) return;
    const [, account = '', password = ''] = Buffer.from(client.sasl, 'base64').toString().split('\0');
    client.sasl = '';
    if (this.options.accounts?.[account] !== password || password === '') {
      this.#numeric(client, '904', 'SASL authentication failed');
      return;
    }
    client.account = account;
    this.#numeric(client, '900', `${client.nick}!u@h`, account, `You are now logged in as ${account}`);
    this.#numeric(client, '903', 'SASL authentication successful');
  }

  #nick(client: Client, nick: string): void {
    const isTaken = this.ghosts.has(lower(nick)) || (this.find(nick) ?? client) !== client;
    if (isTaken) return this.#numeric(client, '433', nick, 'Nickname is already in use');
    if (client.isIn) this.#send(client, `:${client.nick}!u@h NICK :${nick}`);
    client.nick = nick;
    this.#welcome(client);
  }

  #welcome(client: Client): void {
    if (client.isIn || client.isNegotiating || client.nick === '' || !client.user) return;
    if (this.options.password !== undefined && client.password !== this.options.password) {
      this.#numeric(client, '464', 'Password incorrect');
      client.socket.end('ERROR :bad password\r\n');
      return;
    }
    client.isIn = true;
    this.#numeric(client, '001', 'Welcome');
    this.#numeric(
      client,
      '005',
      'CASEMAPPING=ascii',
      'CHANTYPES=#',
      'BOT=B',
      `CHATHISTORY=${HISTORY_LIMIT}`,
      'are supported',
    );
    this.#numeric(client, '422', 'No MOTD');
  }

  #join(client: Client, channel: string, key: string): void {
    if (this.banned.has(lower(channel))) return this.#numeric(client, '474', channel, 'Cannot join channel (+b)');
    if (channel === '#locked' && key !== 'sesame')
      return this.#numeric(client, '475', channel, 'Cannot join channel (+k)');
    const members = this.channels.get(lower(channel)) ?? new Set();
    this.channels.set(lower(channel), members.add(lower(client.nick)));
    this.toChannel(channel, `:${client.nick}!u@h JOIN ${channel}`);
    this.#numeric(client, '353', '=', channel, client.nick);
    this.#numeric(client, '366', channel, 'End of /NAMES list');
  }

  toChannel(channel: string, line: string): void {
    for (const member of this.channels.get(lower(channel)) ?? []) {
      const client = this.find(member);
      if (client) this.#send(client, line);
    }
  }

  #message(client: Client, target: string, text: string): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault === 'drop-before') return void client.socket.destroy();
    if (typeof fault === 'object') return this.#numeric(client, fault.numeric, target, fault.reason);
    // 408 is about colours and the like.
    const isMeant = this.refusal !== '408' || /[\u0002\u001d\u001e]/.test(text);
    if (this.refusal !== undefined && isMeant) return this.#numeric(client, this.refusal, target, 'refused');
    const isChannel = target.startsWith('#');
    const ghost = this.ghosts.get(lower(target));
    if (isChannel && !this.channels.get(lower(target))?.has(lower(client.nick)))
      return this.#numeric(client, this.channels.has(lower(target)) ? '404' : '403', target, 'No such channel');
    if (!isChannel && !ghost) return this.#numeric(client, '401', target, 'No such nick');
    const hearers = isChannel ? [...this.ghosts.values()] : ghost ? [ghost] : [];
    for (const hearer of hearers) hearer.heard.push({ from: client.nick, target, text });
    if (fault === 'drop-after') client.socket.destroy();
  }

  #whois(client: Client, nick: string): void {
    const user = this.ghosts.get(lower(nick)) ?? this.find(nick);
    if (!user) this.#numeric(client, '401', nick, 'No such nick');
    else {
      this.#numeric(client, '311', user.nick, 'u', 'h', '*', user.nick);
      if (user.account !== undefined) this.#numeric(client, '330', user.nick, user.account, 'is logged in as');
    }
    this.#numeric(client, '318', nick, 'End of /WHOIS list');
  }

  rename(from: string, to: string): void {
    const ghost = this.ghosts.get(lower(from));
    if (!ghost) throw new Error(`nobody is called ${from}`);
    this.ghosts.delete(lower(from));
    this.ghosts.set(lower(to), { ...ghost, nick: to });
    for (const client of this.clients) if (client.isIn) this.#send(client, `:${from}!u@h NICK :${to}`);
  }

  say(
    from: string,
    target: string,
    text: string,
    { type = 'PRIVMSG', tags = {} }: SayOptions = {},
  ): string | undefined {
    const ghost = this.ghosts.get(lower(from));
    const stored: Stored = {
      id: `m${++this.#messages}`,
      time: this.#time(),
      from: ghost?.nick ?? from,
      account: ghost?.account,
      target,
      text,
    };
    const keeps = this.#capabilities().includes('draft/chathistory');
    if (type === 'PRIVMSG' && keeps) this.history.push(stored);
    const members = target.startsWith('#') ? [...(this.channels.get(lower(target)) ?? [])] : [target];
    const clients = members.flatMap((member) => this.find(member) ?? []);
    for (const client of clients) this.#send(client, this.#line(client, stored, { type, tags }));
    return clients.length > 0 || keeps ? stored.id : undefined;
  }

  #line(
    client: Client,
    message: Stored,
    extra: { type?: string; tags?: Readonly<Record<string, string>>; batch?: string },
  ): string {
    const has = (name: string) => client.capabilities.has(name);
    const tags = {
      ...(extra.batch !== undefined && { batch: extra.batch }),
      ...(has('message-tags') && { msgid: message.id }),
      ...(has('server-time') && { time: message.time }),
      ...(has('account-tag') && message.account !== undefined && { account: message.account }),
      ...extra.tags,
    };
    const written = Object.entries(tags).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
    const prefix = written.length > 0 ? `@${written.join(';')} ` : '';
    return `${prefix}:${message.from}!u@host ${extra.type ?? 'PRIVMSG'} ${message.target} :${message.text}`;
  }

  #chatHistory(client: Client, params: readonly string[]): void {
    const time = (text: string | undefined) => text?.replace('timestamp=', '') ?? '';
    const batch = `b${++this.#batches}`;
    if (params[0] === 'TARGETS') {
      const since = this.history.filter(
        (one) => one.time > time(params[1]) && lower(one.target) === lower(client.nick),
      );
      this.#send(client, `:irc.test BATCH +${batch} draft/chathistory-targets`);
      for (const from of new Set(since.map((one) => one.from)))
        this.#send(client, `@batch=${batch} :irc.test CHATHISTORY TARGETS ${from} ${since.at(-1)?.time ?? ''}`);
      this.#send(client, `:irc.test BATCH -${batch}`);
      return;
    }
    const [, target = '', since = '', limit = '0'] = params;
    const isOf = (one: Stored) =>
      target.startsWith('#')
        ? lower(one.target) === lower(target)
        : lower(one.from) === lower(target) && lower(one.target) === lower(client.nick);
    const found = this.history.filter((one) => one.time > time(since) && isOf(one)).slice(-Number(limit));
    this.#send(client, `:irc.test BATCH +${batch} chathistory ${target}`);
    for (const one of found) this.#send(client, this.#line(client, one, { batch }));
    this.#send(client, `:irc.test BATCH -${batch}`);
  }
}
