// HTTP requests over the gateway's unix socket.
import { request, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface TransportRequest {
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string | Readable | undefined;
  signal?: AbortSignal | undefined;
}

export interface TransportResponse {
  status: number;
  body: AsyncIterable<Uint8Array>;
}

/** Rejects when the gateway cannot be reached or the connection breaks before an answer. */
export type Transport = (path: string, init: TransportRequest) => Promise<TransportResponse>;

export function makeSocketTransport(socketPath: string): Transport {
  return (path, { method, headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      const options = {
        socketPath,
        path,
        method,
        headers: { host: 'localhost', ...headers },
        ...(signal && { signal }),
      };
      const sent = request(options, (answer: IncomingMessage) =>
        resolve({ status: answer.statusCode ?? 0, body: answer }),
      );
      sent.on('error', reject);
      if (body === undefined || typeof body === 'string') sent.end(body);
      else pipeline(body, sent).catch(reject);
    });
}
