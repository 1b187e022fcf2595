// A website on loopback whose answers a test writes, and a resolver that gives it names.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { LookupAddress } from 'node:dns';
import { makeUrlGuard, type GuardSettings, type UrlGuard } from '../../../agent/net/guard.ts';

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Site {
  port: number;
  /** Origin on 127.0.0.1. */
  url: string;
  seen: SeenRequest[];
  close(): Promise<void>;
}

type Answer = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

export async function openSite(answer: Answer): Promise<Site> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(entry);
      void answer(entry, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Answers with a page, a status or headers. */
export function reply(
  response: ServerResponse,
  body: string | Uint8Array,
  extra: { status?: number; type?: string; headers?: Record<string, string> } = {},
): void {
  response.writeHead(extra.status ?? 200, {
    'content-type': extra.type ?? 'text/html; charset=utf-8',
    ...extra.headers,
  });
  response.end(body);
}

const NOTHING_ALLOWED: GuardSettings = { allowPrivateUrls: false, allowHosts: [], websiteBlocklist: [] };

/** A guard over names that only the test knows: host → addresses, asked for anew each time. */
export function makeTestGuard(
  settings: Partial<GuardSettings> = {},
  names: Readonly<Record<string, () => readonly string[]>> = {},
): UrlGuard {
  return makeUrlGuard({ ...NOTHING_ALLOWED, ...settings }, async (host): Promise<LookupAddress[]> => {
    const found = names[host];
    if (found === undefined) throw new Error(`ENOTFOUND ${host}`);
    return found().map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  });
}
