// Receiving in json-rpc mode: one WebSocket, over which the server pushes and forgets. What is pushed waits in memory, in order, until
// it is stored; what is pushed while no socket is open is a gap.
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { SignalApi } from '../api.ts';
import { ApiError } from '../errors.ts';
import { parseJson } from '../../transport/bodies.ts';
import { openSocket, opened } from '../../transport/web-socket.ts';
import type { LastConnected } from './last-connected.ts';
import type { Receiver } from './receiver.ts';

/** The server pings every 54 s (pingPeriod of its api.go, read 2026-11-21); we ask more often, to know sooner that nobody is there. */
const PING_EVERY_MS = 20_000;
const SILENCE_MS = 50_000;
/** More than this is not kept in memory while nothing can be stored: the socket is closed, and the rest is a gap that is told. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface SocketDeps {
  api: SignalApi;
  number: string;
  host: AdapterHost;
  receiver: Receiver;
  lastConnected: LastConnected;
  clock: Clock;
  signal: AbortSignal;
  /** Called at each sign of life. */
  onAlive(): void;
}

/**
 * One connection. Resolves when it ended after it was open; all that it brought is stored then, or the adapter was stopped. Rejects
 * with ApiError when the server refused it, or with a connection error.
 */
export async function listenOnce(deps: SocketDeps): Promise<void> {
  const { clock, lastConnected } = deps;
  const waiting = new Waiting(deps);
  const { url, headers } = deps.api.socket(`/v1/receive/${encodeURIComponent(deps.number)}`);
  const socket = openSocket(url, headers);
  /** Until when everything was heard. */
  let aliveAt = clock.now();
  const alive = () => {
    aliveAt = clock.now();
    deps.onAlive();
  };
  let cancelWatch = () => {};
  const watch = () => {
    if (clock.now() - aliveAt >= SILENCE_MS) return socket.terminate();
    socket.ping();
    void lastConnected.mark(waiting.oldestAt ?? aliveAt);
    cancelWatch = clock.after(PING_EVERY_MS, watch);
  };
  const hangUp = () => socket.terminate();
  deps.signal.addEventListener('abort', hangUp, { once: true });
  try {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // Before anything is awaited: frames may come with the answer to the handshake.
    socket.on('message', (data: Buffer) => {
      alive();
      if (!waiting.add(data, aliveAt)) socket.terminate();
    });
    socket.on('ping', alive);
    socket.on('pong', alive);
    await opened(socket, (status, message) => new ApiError(status, message));
    alive();
    await lastConnected.open(aliveAt);
    cancelWatch = clock.after(PING_EVERY_MS, watch);
    await closed;
    cancelWatch();
    // A closed connection was heard to its end, one that fell silent was not.
    const heardUntil = clock.now() - aliveAt >= SILENCE_MS ? aliveAt : clock.now();
    if (waiting.oldestAt !== undefined) await lastConnected.close(waiting.oldestAt);
    await waiting.done();
    await lastConnected.close(waiting.oldestAt ?? heardUntil);
  } finally {
    cancelWatch();
    deps.signal.removeEventListener('abort', hangUp);
    socket.terminate();
  }
}

/** Frames that came and are not stored yet. */
class Waiting {
  readonly #receiver: Receiver;
  #frames: { data: Buffer; at: number }[] = [];
  #bytes = 0;
  #working: Promise<void> | undefined;

  constructor({ receiver }: { receiver: Receiver }) {
    this.#receiver = receiver;
  }

  /** When the oldest came that is not stored. */
  get oldestAt(): number | undefined {
    return this.#frames[0]?.at;
  }

  /** False when there are too many; this one is then left out. */
  add(data: Buffer, at: number): boolean {
    if (this.#bytes + data.length > MAX_WAITING_BYTES) return false;
    this.#bytes += data.length;
    this.#frames.push({ data, at });
    this.#working ??= this.#work();
    return true;
  }

  async done(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    for (let next = this.#frames[0]; next; next = this.#frames[0]) {
      // Refused only when the adapter stops; the frame stays, so that its time is known.
      if (!(await this.#receiver.take(parseJson(next.data.toString('utf8'))))) break;
      this.#frames.shift();
      this.#bytes -= next.data.length;
    }
    this.#working = undefined;
  }
}
