// Where the browser comes back to after a login: a listener on this machine's loopback that takes one answer and is gone.
import { createServer, type Server } from 'node:http';
import type { Clock } from '../../../shared/clock.ts';
import { isSameSecret } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';

const PATH = '/mcp/callback';
const LOGIN_MS = 10 * 60_000;

export interface Callback {
  /** Such as http://127.0.0.1:43210/mcp/callback. */
  url: string;
  /** The code, once the browser brings it with the right `state`. Rejects with AppError; an answer with another state changes nothing. */
  code(state: string, signal: AbortSignal): Promise<string>;
  /**
   * The address that the browser was sent back to, brought by hand from another machine. Throws AppError `bad_input` when it is not the
   * answer to this login.
   */
  accept(address: string): void;
  close(): void;
}

interface Taken {
  /** False: it was another login's. */
  isTaken: boolean;
  /** For the page in the browser. */
  text: string;
}

/** `port` 0 takes any free one. Rejects with AppError `port_in_use`. */
export async function openCallback(port: number, clock: Clock): Promise<Callback> {
  let take: ((query: URLSearchParams) => Taken) | undefined;
  const server = createServer((request, answer) => {
    const url = URL.parse(request.url ?? '/', 'http://127.0.0.1');
    const isOurs = request.method === 'GET' && url?.pathname === PATH && isLoopbackHost(request.headers.host);
    const text = isOurs && take && url ? take(url.searchParams).text : 'There is nothing here.';
    answer.writeHead(isOurs ? 200 : 404, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'",
      connection: 'close',
    });
    answer.end(text);
  });
  const used = await listen(server, port);
  return {
    url: `http://127.0.0.1:${used}${PATH}`,
    code: (state, signal) =>
      new Promise((resolve, reject) => {
        const end = (finish: () => void) => {
          cancel();
          signal.removeEventListener('abort', onAbort);
          take = undefined;
          finish();
        };
        const onAbort = () => end(() => reject(new AppError('cancelled', 'The login was stopped.')));
        const cancel = clock.after(LOGIN_MS, () =>
          end(() => reject(new AppError('timeout', 'Nobody logged in within 10 minutes. Nothing was changed.'))),
        );
        if (signal.aborted) return onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        take = (query) => {
          if (!isSameSecret(query.get('state') ?? '', state))
            return { isTaken: false, text: 'This is not the login that was begun. Nothing was done.' };
          const code = query.get('code');
          if (code === null || code === '') {
            end(() => reject(new AppError('not_allowed', 'The server did not allow the login. Nothing was changed.')));
            return { isTaken: true, text: 'The login was not allowed. You can close this page.' };
          }
          end(() => resolve(code));
          return { isTaken: true, text: 'Herald is logged in. You can close this page.' };
        };
      }),
    accept(address) {
      const query = URL.parse(address.trim())?.searchParams;
      if (query === undefined || take === undefined || !take(query).isTaken)
        throw new AppError('bad_input', 'This is not the address that the login led to. Nothing was changed.');
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new AppError('port_in_use', `Port ${port} for the login is taken. Set another redirect_port, or 0.`, { cause }),
      ),
    );
    server.listen({ host: '127.0.0.1', port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function isLoopbackHost(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? '');
}
