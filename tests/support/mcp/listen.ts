// A fetch-style handler on a port of this machine's loopback, as the gateway's HTTP server would serve it.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { HttpHandler } from '../../../adapters/contract.ts';

export interface Listening {
  /** Without a closing slash. */
  url: string;
  close(): Promise<void>;
}

export function listen(handler: HttpHandler): Promise<Listening> {
  const listener = getRequestListener((request) => handler(request, { local: false, remote: '127.0.0.1' }), {
    overrideGlobalObjects: false,
  });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    }),
  );
}
