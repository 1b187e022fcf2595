// A relay between the adapter and a mail server, without TLS, in which the network can fail at the moments that matter.
import { once } from 'node:events';
import net from 'node:net';

export interface Relay {
  port: number;
  /** The connection ends when a mail has been written but for its end: the server never has it. Once. */
  dropBeforeEnd(): void;
  /** The server takes a mail, and its answer is lost. Once. */
  dropAnswer(): void;
  /** The server takes a mail, and its answer is kept back. Resolves when that has happened. Once. */
  holdAnswer(): Promise<void>;
  /** Ends all connections; new ones are welcome. */
  disconnect(): void;
  /** The connections that there are pass nothing on any more, in either direction, and nobody is told. */
  freeze(): void;
  /** What the server says goes through `change`, piece by piece, until called without one. */
  tamper(change?: (said: string) => string): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Connections so far. */
  connections(): number;
  close(): Promise<void>;
}

const END_OF_MAIL = '\r\n.\r\n';

export async function startRelay(target: number): Promise<Relay> {
  const pairs = new Set<{ client: net.Socket; server: net.Socket; isFrozen: boolean }>();
  let fault: 'before' | 'after' | 'hold' | undefined;
  let onHeld = () => {};
  let change: ((said: string) => string) | undefined;
  let count = 0;

  function take(client: net.Socket): void {
    count++;
    const server = net.connect(target, '127.0.0.1');
    const pair = { client, server, isFrozen: false };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    let tail = '';
    let answer: 'passed' | 'lost' | 'held' = 'passed';
    client.on('data', (chunk: Buffer) => {
      if (pair.isFrozen) return;
      tail = (tail + chunk.toString('latin1')).slice(-END_OF_MAIL.length);
      const kind = tail === END_OF_MAIL ? fault : undefined;
      if (kind !== undefined) fault = undefined;
      if (kind === 'before') return end();
      if (kind !== undefined) answer = kind === 'after' ? 'lost' : 'held';
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (pair.isFrozen) return;
      if (answer === 'lost') return end();
      if (answer === 'held') return onHeld();
      client.write(change ? Buffer.from(change(chunk.toString('latin1')), 'latin1') : chunk);
    });
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', () => {
        if (!pair.isFrozen) end();
      });
    }
  }

  const server = net.createServer(take);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay does not listen');
  const { port } = address;
  const disconnect = () => {
    for (const pair of pairs) {
      pairs.delete(pair);
      pair.client.destroy();
      pair.server.destroy();
    }
  };
  const goAway = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    disconnect();
    await closed;
  };
  return {
    port,
    dropBeforeEnd: () => void (fault = 'before'),
    dropAnswer: () => void (fault = 'after'),
    holdAnswer: () =>
      new Promise((resolve) => {
        fault = 'hold';
        onHeld = resolve;
      }),
    disconnect,
    freeze() {
      for (const pair of pairs) pair.isFrozen = true;
    },
    tamper: (next) => void (change = next),
    goAway,
    async comeBack() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    connections: () => count,
    close: goAway,
  };
}
