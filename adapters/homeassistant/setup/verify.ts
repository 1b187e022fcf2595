// Looks whether address and token are right, and says in plain words what is not. Loads no SDK.
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import type { AccountCheck } from '../../contract.ts';
import { currentUserSchema } from '../connection/answers.ts';
import { openSocket, TokenRefusedError, type HomeSocket } from '../connection/socket.ts';
import { parseJson } from '../../transport/bodies.ts';
import { codesOf } from '../../transport/failures.ts';

const TIMEOUT_MS = 10_000;
const MAX_BODY_CHARS = 200_000;

export interface HomeAddress {
  url: string;
  token: string;
}

interface CheckOptions {
  fetch: typeof fetch;
  signal: AbortSignal;
  needsAdmin: boolean;
}

type Problem = Extract<AccountCheck, { ok: false }>;

/**
 * Asks over HTTP who is there, then opens the WebSocket, which a proxy may not let through, and looks whether the user of the token is an
 * administrator when `needsAdmin`. Never rejects.
 */
export async function checkHome(at: HomeAddress, options: CheckOptions): Promise<AccountCheck> {
  return withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: options.signal }, (signal) =>
    lookRound(at, { ...options, signal }),
  );
}

async function lookRound(at: HomeAddress, options: CheckOptions): Promise<AccountCheck> {
  const { signal } = options;
  try {
    const api = await get(options.fetch, at, '/api/', signal);
    const wrong = explainStatus(at.url, api);
    if (wrong) return wrong;
    const config = configSchema.safeParse(parseJson((await get(options.fetch, at, '/api/config', signal)).body));
    const refused = await checkSocket(at, options.needsAdmin, signal);
    if (refused) return refused;
    const date = Date.parse(api.date);
    return {
      ok: true,
      name: config.success ? `${config.data.location_name} (Home Assistant ${config.data.version})` : 'Home Assistant',
      ...(Number.isFinite(date) && { serverTime: date }),
    };
  } catch (error) {
    return explainNetwork(at.url, error);
  }
}

const configSchema = z.looseObject({ location_name: z.string().max(200), version: z.string().max(50) });

interface Answer {
  status: number;
  body: string;
  location: string;
  date: string;
}

async function get(fetchIt: typeof fetch, at: HomeAddress, path: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetchIt(`${at.url}${path}`, {
    headers: { authorization: `Bearer ${at.token}` },
    redirect: 'manual', // a redirect must not take the token elsewhere
    signal,
  });
  return {
    status: response.status,
    body: (await response.text()).slice(0, MAX_BODY_CHARS),
    location: response.headers.get('location') ?? '',
    date: response.headers.get('date') ?? '',
  };
}

function explainStatus(url: string, { status, body, location }: Answer): Problem | undefined {
  if (status >= 300 && status < 400) {
    const elsewhere = URL.canParse(location, url) ? new URL(location, url).origin : 'another address';
    return settings(`${url} sends us on to ${elsewhere}. Use that address as url.`);
  }
  if (status === 401)
    return {
      ok: false,
      reason: 'auth',
      message:
        'Home Assistant refuses the token. Make a new long-lived access token on your profile page there (Security) and set it again.',
    };
  if (status === 403)
    return settings(
      'Home Assistant refuses this machine: it may have banned its address after wrong logins (ip_bans.yaml there).',
    );
  if (status === 400 && /https/i.test(body)) return settings(`${url} wants https. Write the address with https://.`);
  if (status === 400)
    return settings(
      'Home Assistant refuses requests through this proxy. Set use_x_forwarded_for and trusted_proxies under http there.',
    );
  if (status >= 500) return unreachable(url, `it answered with status ${status}`);
  const answer = z.looseObject({ message: z.string() }).safeParse(parseJson(body));
  if (status !== 200 || !answer.success || !/API running/i.test(answer.data.message))
    return settings(
      `What answers at ${url} is not Home Assistant. Its address is usually http://homeassistant.local:8123.`,
    );
  return undefined;
}

async function checkSocket(at: HomeAddress, needsAdmin: boolean, signal: AbortSignal): Promise<Problem | undefined> {
  let socket: HomeSocket;
  try {
    socket = await openSocket(at, signal);
  } catch (error) {
    if (error instanceof TokenRefusedError)
      return { ok: false, reason: 'auth', message: 'Home Assistant refuses the token on its WebSocket.' };
    return settings(
      `${at.url} answers, but its WebSocket (/api/websocket) does not. A proxy in front of it must let WebSockets through.`,
    );
  }
  try {
    if (!needsAdmin || (await isAdmin(socket, signal))) return undefined;
    return settings(
      'The user of the token is no administrator, and Home Assistant tells only these of the events with which people write to Herald. Make the user an administrator, or set conversation: false.',
    );
  } finally {
    socket.close();
  }
}

const resultSchema = z.looseObject({ id: z.literal(2), type: z.literal('result'), result: currentUserSchema });

async function isAdmin(socket: HomeSocket, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onClose = () => reject(new AppError('platform_unreachable', 'The WebSocket was closed.'));
  const onMessage = (event: MessageEvent) => {
    for (const frame of [parseJson(event.data)].flat()) {
      const result = resultSchema.safeParse(frame);
      if (result.success) resolve(result.data.result.is_admin);
    }
  };
  socket.addEventListener('close', onClose);
  socket.addEventListener('message', onMessage);
  signal.addEventListener('abort', onClose, { once: true });
  socket.send(JSON.stringify({ id: 2, type: 'auth/current_user' }));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onClose);
    socket.removeEventListener('close', onClose);
  }
}

/** Codes of Node's errors, by what a person can do. */
const NETWORK: readonly [RegExp, (url: string) => Problem][] = [
  [
    /WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH|EPROTO/,
    (url) => settings(`${url} does not speak https. Write the address with http://.`),
  ],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_|ERR_TLS_CERT/,
    (url) =>
      settings(
        `The certificate of ${url} cannot be trusted. Use the name that it was made for, or have Node trust it with NODE_EXTRA_CA_CERTS.`,
      ),
  ],
  [/ENOTFOUND|EAI_/, (url) => unreachable(url, 'this machine cannot find that name; try its IP address')],
  [/ECONNREFUSED/, (url) => unreachable(url, 'nothing listens there; the usual port is 8123')],
  [
    /UND_ERR_SOCKET|ECONNRESET|HPE_/,
    (url) =>
      unreachable(url, `the connection was closed; it may want ${url.startsWith('https:') ? 'http' : 'https'}://`),
  ],
];

/** The error's text is left out: it tells people nothing. */
function explainNetwork(url: string, error: unknown): Problem {
  const codes = codesOf(error).join(' ');
  const found = NETWORK.find(([pattern]) => pattern.test(codes));
  return found ? found[1](url) : unreachable(url, 'no answer');
}

function settings(message: string): Problem {
  return { ok: false, reason: 'settings', message };
}

function unreachable(url: string, why: string): Problem {
  return {
    ok: false,
    reason: 'unreachable',
    message: `Home Assistant could not be reached at ${url}: ${why}. Check url and the network.`,
  };
}
