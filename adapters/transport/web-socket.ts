// WebSocket connections of clients that are our own.
import { WebSocket } from 'ws';

export const HANDSHAKE_MS = 15_000;
/** Long texts come in one frame, and lists do; files come apart. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;

/** A connection that is being made; see `opened`. */
export function openSocket(url: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const socket = new WebSocket(url, {
    headers,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  // Without a listener an error would end the process; what matters of it is told by `opened` or 'close'.
  socket.on('error', () => {});
  return socket;
}

/** Resolves when it is open. Rejects with what `refusal` makes of the server's answer, or with a connection error. */
export function opened(socket: WebSocket, refusal: (status: number, message: string) => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      socket.terminate();
      reject(refusal(response.statusCode ?? 0, response.statusMessage ?? ''));
    });
    socket.once('close', () => reject(new Error('The connection was closed at once.')));
  });
}
