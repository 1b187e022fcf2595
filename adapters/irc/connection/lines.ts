// The connection as lines, with or without TLS. It is the transport of the client library, whose own keeps any amount without a line
// end in memory and lets a line that the library cannot read end the process. https://modern.ircdocs.horse, read 2026-11-21.
import { EventEmitter } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

/** A line with all its tags has at most 8191 + 512 bytes (https://ircv3.net/specs/extensions/message-tags, read 2026-11-21). */
const MAX_LINE_BYTES = 16 * 1024;
const CONNECT_TIMEOUT_MS = 15_000;

export interface LineOptions {
  host: string;
  port: number;
  secure: { fingerprint: string | undefined } | undefined;
}

/** The certificate is not the one whose fingerprint is set. */
export class FingerprintError extends Error {
  override readonly name = 'FingerprintError';
  readonly code = 'FINGERPRINT';
}

/** Events: open() · line(text) · close(error or false), once. */
export class LineSocket extends EventEmitter {
  readonly #options: LineOptions;
  #socket: net.Socket | undefined;
  #isOpen = false;
  #error: Error | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: LineOptions) {
    super();
    this.#options = options;
  }

  connect(): void {
    const { host, port, secure } = this.#options;
    const socket = secure
      ? tls.connect({
          host,
          port,
          rejectUnauthorized: secure.fingerprint === undefined,
          ...(net.isIP(host) === 0 && { servername: host }),
        })
      : net.connect({ host, port });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(CONNECT_TIMEOUT_MS, () =>
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    socket.on(secure ? 'secureConnect' : 'connect', () => this.#opened(socket));
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', (error: Error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#isOpen = false;
      this.emit('close', this.#error ?? false);
    });
  }

  #opened(socket: net.Socket): void {
    const wanted = this.#options.secure?.fingerprint;
    if (wanted !== undefined && socket instanceof tls.TLSSocket) {
      const found = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase();
      if (found !== wanted) {
        socket.destroy(new FingerprintError(`The certificate has the fingerprint ${found ?? 'none'}.`));
        return;
      }
    }
    socket.setTimeout(0); // from here on pings tell whether it is alive
    this.#isOpen = true;
    this.emit('open');
  }

  #take(data: Buffer): void {
    let buffer = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data;
    for (let end = buffer.indexOf(0x0a); end >= 0; end = buffer.indexOf(0x0a)) {
      const line = buffer.subarray(0, end).toString('utf8').replace(/\r$/, '');
      buffer = buffer.subarray(end + 1);
      if (line !== '' && line.length <= MAX_LINE_BYTES) this.#tell(line);
    }
    this.#rest = buffer;
    if (buffer.length > MAX_LINE_BYTES) this.#socket?.destroy(new Error('The server sent a line without end.'));
  }

  /** What a listener cannot read is as good as not sent. */
  #tell(line: string): void {
    try {
      this.emit('line', line);
    } catch {
      this.emit('extra', 'unreadable line');
    }
  }

  isConnected(): boolean {
    return this.#isOpen;
  }

  /** `done` is called when the line was given to the operating system, or at once when nothing is connected. */
  writeLine(line: string, done?: () => void): boolean {
    if (!this.#socket || !this.#isOpen) {
      if (done) process.nextTick(done);
      return false;
    }
    return this.#socket.write(`${line.replaceAll('\0', ' ').replace(/[\r\n]+/g, ' ')}\r\n`, () => done?.());
  }

  close(force?: boolean): void {
    if (force || !this.#isOpen) this.#socket?.destroy();
    else this.#socket?.end();
  }

  disposeSocket(): void {
    this.#socket?.removeAllListeners();
    this.#socket?.on('error', () => undefined);
    this.#socket?.destroy();
  }

  /** UTF-8 is all there is. */
  setEncoding(): boolean {
    return true;
  }
}

export interface IrcLine {
  command: string;
  params: readonly string[];
  /** Nick or server that it comes from. */
  from: string;
}

/** Tags are left out. */
export function parseLine(line: string): IrcLine {
  const match = /^(?:@\S+ +)?(?::(\S+) +)?(\S+) *(.*)$/s.exec(line);
  const rest = match?.[3] ?? '';
  const at = rest.startsWith(':') ? 0 : rest.indexOf(' :');
  const head = at < 0 ? rest : rest.slice(0, at);
  const tail = at < 0 ? [] : [rest.slice(at + (at === 0 ? 1 : 2))];
  return {
    command: (match?.[2] ?? '').toUpperCase(),
    params: [...head.split(' ').filter((part) => part !== ''), ...tail],
    from: (match?.[1] ?? '').split('!')[0] ?? '',
  };
}
