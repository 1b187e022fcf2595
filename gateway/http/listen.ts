// Opens the two listeners: TCP, and a unix socket that only the owner of the machine account can open.
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type ListenOptions, type Socket } from 'node:net';
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';

// sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero byte
// (https://man7.org/linux/man-pages/man7/unix.7.html, read 2026-11-21).
const MAX_SOCKET_PATH_BYTES = 103;
const PROBE_TIMEOUT_MS = 1000;
/** How long requests that run may still take when a server closes. */
const CLOSE_GRACE_MS = 1500;

/** Resolves with the port in use. Rejects with AppError `port_in_use`, or `config_invalid` when the address cannot be used. */
export async function listenTcp(server: Server, host: string, port: number): Promise<number> {
  try {
    await listen(server, { host, port });
  } catch (error) {
    throw tcpError(error, host, port);
  }
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/**
 * Listens on `socketPath` with mode 0600, replacing the socket of a gateway that died. Resolves with a function that removes the
 * file, unless another gateway has replaced it meanwhile. Rejects with AppError: `db_locked` when another gateway answers there,
 * `config_invalid` when the path is too long, `home_unwritable` when its folder cannot be written.
 */
export async function listenSocket(server: Server, socketPath: string): Promise<() => Promise<void>> {
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    throw new AppError(
      'config_invalid',
      `The path of the local socket is longer than ${MAX_SOCKET_PATH_BYTES} bytes: ${socketPath}. Set HERALD_HOME to a shorter path.`,
    );
  }
  if (await answers(socketPath)) {
    throw new AppError(
      'db_locked',
      `Another Herald gateway already runs with ${socketPath}. Stop it first: herald stop.`,
    );
  }
  const folder = path.dirname(socketPath);
  let nest: string | undefined;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Bound in a private folder and moved into place: at no moment can another user connect, and the old file is replaced at once.
    nest = await mkdtemp(path.join(folder, '.s'));
    const first = path.join(nest, 's');
    await listen(server, { path: first });
    await chmod(first, 0o600);
    await rename(first, socketPath);
    const own = await stat(socketPath);
    return async () => {
      const now = await stat(socketPath).catch(() => undefined);
      if (now?.ino === own.ino && now.dev === own.dev) await rm(socketPath, { force: true });
    };
  } catch (error) {
    throw new AppError(
      'home_unwritable',
      `The local socket ${socketPath} cannot be created. Check that its folder can be written.`,
      {
        cause: error,
      },
    );
  } finally {
    if (nest !== undefined) await rm(nest, { recursive: true, force: true });
  }
}

/**
 * Makes the function that closes `server`: requests that run may finish within 1.5 s, every other connection ends at once. Node's own
 * closeIdleConnections leaves those alone that have not sent a request yet, and browsers open such ones in advance. Idempotent.
 */
export function makeCloser(server: Server): () => Promise<void> {
  const requests = new Map<Socket, number>();
  let closing: Promise<void> | undefined;
  const count = (socket: Socket, change: number) => {
    const left = (requests.get(socket) ?? 0) + change;
    requests.set(socket, left);
    if (closing !== undefined && left === 0) socket.destroySoon();
  };
  server.on('connection', (socket) => {
    requests.set(socket, 0);
    socket.once('close', () => requests.delete(socket));
  });
  server.on('request', ({ socket }, answer) => {
    count(socket, 1);
    answer.once('close', () => count(socket, -1));
  });
  const close = () =>
    new Promise<void>((resolve) => {
      const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      for (const [socket, running] of requests) if (running === 0) socket.destroySoon();
    });
  return () => (closing ??= server.listening ? close() : Promise.resolve());
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether a process accepts connections there. A file without a process behind it is what a crash leaves. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath });
    const finish = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

function tcpError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new AppError(
      'port_in_use',
      `Port ${port} on ${host} is taken, perhaps by another Herald. Stop that program, or choose another port: herald config set gateway.port ${port + 1}`,
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'ERR_SOCKET_BAD_PORT') {
    return new AppError(
      'config_invalid',
      `The gateway cannot listen on ${host}:${port} (${code}). Check gateway.port and gateway.host.`,
      {
        cause: error,
      },
    );
  }
  return error;
}
