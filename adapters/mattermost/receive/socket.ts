// One WebSocket to the server: authentication, the order of events, and a watchdog that notices when nobody is there any more.
import { WebSocket } from 'ws';
import type { Clock } from '../../../shared/clock.ts';
import { ApiError } from '../errors.ts';
import { frameSchema, replySchema, type Frame } from '../schema.ts';
import { parseJson } from '../../transport/bodies.ts';
import { HANDSHAKE_MS, openSocket, opened } from '../../transport/web-socket.ts';

/** The server closes a connection that was silent for 100 s (pongWaitTime, app/platform/web_conn.go, read 2026-11-21). */
const PING_EVERY_MS = 20_000;
const SILENCE_MS = 50_000;

export interface SocketDeps {
  url: string;
  token: string;
  clock: Clock;
  /** Aborting it ends the connection. */
  signal: AbortSignal;
  /** The server has greeted us: from now on events come. */
  onHello(): void;
  onEvent(frame: Frame): void;
  /** The server has answered a ping that was sent at `heardUntil` (ms since the epoch, our clock): all that it told before has come. */
  onAlive(heardUntil: number): void;
}

/**
 * One connection. Resolves when it ended after the server had greeted us. Rejects with ApiError when the server refused it, or with a
 * connection error.
 */
export async function listenOnce(deps: SocketDeps): Promise<void> {
  const { clock, signal } = deps;
  signal.throwIfAborted();
  const socket = openSocket(deps.url);
  let aliveAt = clock.now();
  let sent = 0;
  let ping: { seq: number; at: number } | undefined;
  let cancelWatch = () => {};
  const say = (action: string, data?: Record<string, unknown>) => {
    if (socket.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ seq: ++sent, action, ...(data && { data }) }));
  };
  const watch = () => {
    if (clock.now() - aliveAt >= SILENCE_MS) return socket.terminate();
    say('ping');
    ping = { seq: sent, at: clock.now() };
    cancelWatch = clock.after(PING_EVERY_MS, watch);
  };
  const hangUp = () => socket.terminate();
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    const greeted = Promise.withResolvers<void>();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const reader = makeReader(deps, {
      socket,
      greeted,
      onSign: () => (aliveAt = clock.now()),
      onReply(seq) {
        if (seq === ping?.seq) deps.onAlive(ping.at);
      },
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) reader(data.toString('utf8'));
    });
    await opened(socket, (status, message) => new ApiError(status, '', message));
    say('authentication_challenge', { token: deps.token });
    const cancelGreeting = clock.after(HANDSHAKE_MS, hangUp);
    void closed.then(() => greeted.reject(new Error('The server closed the connection before it greeted us.')));
    await greeted.promise.finally(cancelGreeting);
    cancelWatch = clock.after(PING_EVERY_MS, watch);
    await closed;
  } finally {
    cancelWatch();
    signal.removeEventListener('abort', hangUp);
    socket.terminate();
  }
}

interface Connection {
  socket: WebSocket;
  greeted: PromiseWithResolvers<void>;
  onSign(): void;
  onReply(seq: number): void;
}

/** Events are numbered from 0; where a number is missing, something was lost, and the history must be asked. */
function makeReader(deps: SocketDeps, { socket, greeted, onSign, onReply }: Connection): (text: string) => void {
  let expected: number | undefined;
  return (text) => {
    onSign();
    const raw = parseJson(text);
    const reply = replySchema.safeParse(raw).data;
    if (reply) {
      if (reply.status !== 'OK' && reply.seq_reply === 1)
        greeted.reject(new ApiError(401, reply.error?.id ?? '', reply.error?.message ?? 'refused'));
      else onReply(reply.seq_reply);
      return;
    }
    const frame = frameSchema.safeParse(raw).data;
    if (!frame) return;
    if (frame.seq !== undefined) {
      if (expected !== undefined && frame.seq !== expected) return socket.terminate();
      expected = frame.seq + 1;
    }
    if (frame.event === 'hello') {
      greeted.resolve();
      deps.onHello();
    } else deps.onEvent(frame);
  };
}
