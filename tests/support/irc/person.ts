// A person at an IRC client: a plain connection that says lines and keeps what it sees.
import { once } from 'node:events';
import net from 'node:net';
import { parseLine, type IrcLine } from '../../../adapters/irc/connection/lines.ts';

const WAIT_MS = 5_000;

export interface SeenLine {
  from: string;
  target: string;
  text: string;
  type: 'PRIVMSG' | 'NOTICE';
}

export interface Person {
  nick: string;
  /** Messages and notices, oldest first. */
  seen: SeenLine[];
  write(line: string): void;
  /** Resolves with what the server answered, once it has worked off all that was written before. */
  sync(): Promise<readonly IrcLine[]>;
  join(channel: string): Promise<void>;
  /** Resolves once the line reached somebody; tries again while the server knows no such nick, at most for `tryMs` (default 5,000). */
  say(target: string, text: string, tryMs?: number): Promise<void>;
  quit(): void;
}

/** Connects and waits for the welcome. */
export async function connectPerson(port: number, nick: string): Promise<Person> {
  const socket = net.connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const lines: IrcLine[] = [];
  const watchers = new Set<(line: IrcLine) => void>();
  const seen: SeenLine[] = [];
  let rest = '';
  let pings = 0;
  socket.setEncoding('utf8');
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  const write = (line: string) => void socket.write(`${line}\r\n`);
  const take = (text: string) => {
    const line = parseLine(text);
    const [target = '', said = ''] = line.params;
    if (line.command === 'PING') write(`PONG :${target}`);
    if (line.command === 'PRIVMSG' || line.command === 'NOTICE')
      seen.push({ from: line.from, target, text: said, type: line.command });
    lines.push(line);
    for (const watcher of watchers) watcher(line);
  };
  socket.on('data', (data: string) => {
    const parts = (rest + data).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) take(part.replace(/\r$/, ''));
  });
  const waitFor = (passes: (line: IrcLine) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      // Closed already: nothing more will come.
      if (socket.destroyed) return reject(new Error(`${nick} was thrown out`));
      const timer = setTimeout(() => end(new Error(`${nick} waited in vain`)), WAIT_MS);
      const onClose = () => end(new Error(`${nick} was thrown out`));
      const watcher = (line: IrcLine) => {
        if (passes(line)) end();
      };
      function end(error?: Error) {
        clearTimeout(timer);
        watchers.delete(watcher);
        socket.off('close', onClose);
        if (error) reject(error);
        else resolve();
      }
      watchers.add(watcher);
      socket.once('close', onClose);
    });
  const welcome = waitFor((line) => line.command === '001');
  write(`NICK ${nick}`);
  write(`USER ${nick} 0 * :${nick}`);
  await welcome;
  async function sync(): Promise<readonly IrcLine[]> {
    const token = `sync-${++pings}`;
    const from = lines.length;
    const answer = waitFor((line) => line.command === 'PONG' && line.params.at(-1) === token);
    write(`PING :${token}`);
    await answer;
    return lines.slice(from);
  }
  return {
    nick,
    seen,
    write,
    sync,
    async join(channel) {
      write(`JOIN ${channel}`);
      await sync();
    },
    async say(target, text, tryMs = WAIT_MS) {
      const until = performance.now() + tryMs;
      for (;;) {
        write(`PRIVMSG ${target} :${text}`);
        const refusal = (await sync()).find((line) => ['401', '403', '404'].includes(line.command));
        if (!refusal) return;
        if (performance.now() > until) throw new Error(`nobody hears it: ${refusal.params.join(' ')}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
    quit() {
      socket.destroy();
    },
  };
}
