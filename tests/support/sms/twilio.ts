// Twilio on loopback: the emulator's API and signed webhooks, behind a proxy that adds what it lacks (limits, opt-outs, files, errors,
// lost connections) and records what Herald asks for.
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createEmulator } from 'emulate';
import { Recording } from './recording.ts';

export const ACCOUNT = `AC${'1'.repeat(32)}`;
export const AUTH_TOKEN = 'auth_token_of_the_tests_0123456789';
export const OWN_NUMBER = '+15550001111';
/** "The phone number is invalid" among Twilio's test numbers. */
export const INVALID_NUMBER = '+15005550001';
const API = `/2010-04-01/Accounts/${ACCOUNT}`;
/** "Body … up to 1,600 characters" */
const MAX_BODY_CHARS = 1_600;

export interface Fault {
  /** Hits requests whose method and path begin like this; the path without the account. */
  route: string;
  /** Default 1. */
  times?: number;
  /** Answers this instead of doing anything. */
  status?: number;
  code?: number;
  headers?: Readonly<Record<string, string>>;
  /** Cuts the connection: before anything is done, or with all done and no answer. */
  drop?: 'before' | 'after';
}

export interface InboundFile {
  mime: string;
  bytes: Uint8Array;
}

export interface TwilioMessage {
  sid: string;
  to: string;
  from: string;
  body: string;
  direction: string;
}

export interface Twilio {
  /** Of the API. */
  url: string;
  /** A person writes. Resolves with the message's id when the webhook, if there is one, has answered. */
  write(
    from: string,
    body: string,
    options?: { files?: readonly InboundFile[]; fields?: Record<string, string> },
  ): Promise<string>;
  /** Calls the webhook as Twilio does, for a message that it has or has not. Resolves with the status. */
  call(fields: Readonly<Record<string, string>>, path?: string): Promise<number>;
  /** Where messages to our number go; undefined: nowhere. */
  setWebhook(url: string | undefined): Promise<void>;
  webhook(): Promise<string | null>;
  /** What we sent to a number, oldest first. */
  sentTo(number: string): Promise<readonly TwilioMessage[]>;
  optOut(number: string, on: boolean): void;
  fail(fault: Fault): void;
  /** Requests that came, oldest first, as `POST /Messages.json`, with their fields. */
  requests: readonly { route: string; query: URLSearchParams; form: URLSearchParams }[];
  disconnect(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

interface World {
  emulator: string;
  recording: Recording;
  faults: { fault: Fault; left: number }[];
  optedOut: Set<string>;
  /** By id of the message. */
  files: Map<string, { sid: string; file: InboundFile }[]>;
  requests: { route: string; query: URLSearchParams; form: URLSearchParams }[];
}

/** Listens on 127.0.0.1 at a free port. */
export async function startTwilio(options: { recordTo?: string } = {}): Promise<Twilio> {
  const account = { sid: ACCOUNT, auth_token: AUTH_TOKEN };
  const seed = { twilio: { account, phone_numbers: [{ phone_number: OWN_NUMBER }] } };
  const emulator = await createEmulator({ service: 'twilio', port: 0, seed });
  const world: World = {
    emulator: emulator.url.replace('localhost', '127.0.0.1'),
    recording: new Recording(options.recordTo),
    faults: [],
    optedOut: new Set(),
    files: new Map(),
    requests: [],
  };
  const server = createServer((request, response) => {
    // The emulator ends while somebody still asks.
    serve(world, request, response).catch(() => request.socket.destroy());
  });
  const port = await listen(server, 0);
  const url = `http://127.0.0.1:${port}`;
  const setWebhook = async (to: string | undefined) => {
    const { sid } = await ownNumber(world);
    await ask(world, 'POST', `${API}/IncomingPhoneNumbers/${sid}.json`, { SmsUrl: to ?? '' });
  };
  const webhook = async () => (await ownNumber(world)).sms_url || null;
  const call: Twilio['call'] = async (fields, path = '') => {
    const to = `${(await webhook()) ?? ''}${path}`;
    const body = new URLSearchParams({ AccountSid: ACCOUNT, ...fields });
    const response = await fetch(to, { method: 'POST', headers: { 'x-twilio-signature': sign(to, body) }, body });
    return response.status;
  };
  return {
    url,
    setWebhook,
    webhook,
    call,
    async write(from, body, { files = [], fields = {} } = {}) {
      const inbound = { From: from, To: OWN_NUMBER, Body: body };
      if (files.length === 0 && Object.keys(fields).length === 0) return (await simulate(world, inbound)).sid;
      // The emulator knows no files, so it is kept from calling.
      const before = await webhook();
      await setWebhook(undefined);
      const { sid } = await simulate(world, inbound);
      const kept = files.map((file) => ({ sid: `ME${randomBytes(16).toString('hex')}`, file }));
      world.files.set(sid, kept);
      if (before === null) return sid;
      await setWebhook(before);
      const media = kept.flatMap((one, i): [string, string][] => [
        [`MediaUrl${i}`, `https://api.twilio.com${API}/Messages/${sid}/Media/${one.sid}`],
        [`MediaContentType${i}`, one.file.mime],
      ]);
      await call({
        MessageSid: sid,
        ...inbound,
        NumMedia: String(kept.length),
        ...Object.fromEntries(media),
        ...fields,
      });
      return sid;
    },
    async sentTo(number) {
      const { messages } = (await ask(
        world,
        'GET',
        `${API}/Messages.json?To=${encodeURIComponent(number)}&PageSize=1000`,
      )) as {
        messages: TwilioMessage[];
      };
      return messages.filter((message) => message.direction !== 'inbound').toReversed();
    },
    optOut: (number, on) => void (on ? world.optedOut.add(number) : world.optedOut.delete(number)),
    fail: (fault) => void world.faults.push({ fault, left: fault.times ?? 1 }),
    requests: world.requests,
    disconnect: () => server.closeAllConnections(),
    goAway: () => shut(server),
    comeBack: async () => void (await listen(server, port)),
    async close() {
      await shut(server);
      await emulator.close();
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function shut(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Written down apart from the adapter's own, after https://www.twilio.com/docs/usage/security#validating-requests. */
function sign(url: string, fields: URLSearchParams): string {
  const pairs = [...fields].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => name + value);
  return createHmac('sha1', AUTH_TOKEN)
    .update(url + pairs.join(''))
    .digest('base64');
}

const authorization = `Basic ${Buffer.from(`${ACCOUNT}:${AUTH_TOKEN}`).toString('base64')}`;

/** The emulator itself, past the proxy. */
async function ask(world: World, method: string, path: string, form?: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${world.emulator}${path}`, {
    method,
    headers: { authorization },
    ...(form && { body: new URLSearchParams(form) }),
  });
  return response.json();
}

async function simulate(world: World, form: Record<string, string>): Promise<{ sid: string }> {
  return (await ask(world, 'POST', '/_twilio/simulate/inbound-message', form)) as { sid: string };
}

async function ownNumber(world: World): Promise<{ sid: string; sms_url: string | null }> {
  const answer = (await ask(world, 'GET', `${API}/IncomingPhoneNumbers.json`)) as {
    incoming_phone_numbers: { sid: string; sms_url: string | null }[];
  };
  const [number] = answer.incoming_phone_numbers;
  if (!number) throw new Error('the emulator has no number');
  return number;
}

interface Answer {
  status: number;
  body?: unknown;
  bytes?: Uint8Array;
  headers?: Readonly<Record<string, string>>;
}

function refusal(status: number, code: number, message: string): Answer {
  return { status, body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } };
}

async function serve(world: World, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s);
  const chunks: Buffer[] = [];
  const body: AsyncIterable<Buffer> = incoming;
  for await (const chunk of body) chunks.push(chunk);
  const raw = Buffer.concat(chunks).toString('utf8');
  const form = new URLSearchParams(raw);
  const method = incoming.method ?? 'GET';
  const route = `${method} ${path.replace(API, '')}`;
  world.requests.push({ route, query: new URLSearchParams(query), form });
  const recorded = {
    method,
    path,
    query,
    contentType: incoming.headers['content-type'] ?? '',
    body: Object.fromEntries(form),
  };
  const armed = world.faults.find(({ fault, left }) => left > 0 && route.startsWith(fault.route));
  if (armed) armed.left--;
  const fault = armed?.fault;
  if (fault?.drop === 'before') return void incoming.socket.destroy();
  const answer =
    fault?.status === undefined
      ? await act(world, { method, path, query, raw, form, headers: incoming.headers })
      : { ...refusal(fault.status, fault.code ?? 20_500, 'something went wrong'), headers: fault.headers ?? {} };
  world.recording.write(recorded, fault || answer.bytes ? undefined : { status: answer.status, body: answer.body });
  if (fault?.drop === 'after') return void incoming.socket.destroy();
  outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
  outgoing.end(answer.bytes ?? (answer.body === undefined ? '' : JSON.stringify(answer.body)));
}

interface ProxyRequest {
  method: string;
  path: string;
  query: string;
  raw: string;
  form: URLSearchParams;
  headers: IncomingMessage['headers'];
}

async function act(world: World, request: ProxyRequest): Promise<Answer> {
  const { method, path, query, raw, form, headers } = request;
  if (path.startsWith('/files/')) return serveFile(world, path, headers.authorization);
  if (method === 'POST' && path === `${API}/Messages.json`) {
    const to = form.get('To') ?? '';
    if (to === INVALID_NUMBER) return refusal(400, 21_211, `The 'To' number ${to} is not a valid phone number.`);
    if (world.optedOut.has(to)) return refusal(400, 21_610, 'Attempt to send to unsubscribed recipient');
    if ((form.get('Body') ?? '').length > MAX_BODY_CHARS) return refusal(400, 21_617, 'The message body is too long');
  }
  const found = /\/Messages\/(\w+)\/Media(?:\/(\w+)|\.json)$/.exec(path);
  if (found && headers.authorization === authorization) return serveMedia(world, found[1] ?? '', found[2]);
  const response = await fetch(`${world.emulator}${path}${query ? `?${query}` : ''}`, {
    method,
    headers: {
      ...(headers.authorization && { authorization: headers.authorization }),
      ...(raw && { 'content-type': headers['content-type'] ?? '' }),
    },
    ...(raw && { body: raw }),
  });
  const body: unknown = await response.json();
  return { status: response.status, body: filterList(world, new URLSearchParams(query), body) };
}

/** The emulator knows no filter by date and no files. */
function filterList(world: World, query: URLSearchParams, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('messages' in body) || !Array.isArray(body.messages)) return body;
  const since = Date.parse(query.get('DateSent>') ?? '');
  const entries: { sid: string; date_sent: string | null }[] = body.messages;
  const messages = entries
    .filter((one) => Number.isNaN(since) || Date.parse(one.date_sent ?? '') >= since)
    .map((one) => ({ ...one, num_media: String(world.files.get(one.sid)?.length ?? 0) }));
  return { ...body, messages };
}

function serveMedia(world: World, message: string, media: string | undefined): Answer {
  const files = world.files.get(message);
  if (!files) return refusal(404, 20_404, 'The requested resource was not found');
  if (media === undefined) {
    const media_list = files.map(({ sid, file }) => ({ sid, content_type: file.mime, parent_sid: message }));
    return { status: 200, body: { media_list } };
  }
  if (!files.some(({ sid }) => sid === media)) return refusal(404, 20_404, 'The requested resource was not found');
  return { status: 307, headers: { location: `/files/${message}/${media}` } };
}

/** The host of the files, which must not see our login. */
function serveFile(world: World, path: string, login: string | undefined): Answer {
  const [, , message = '', media] = path.split('/');
  const found = world.files.get(message)?.find(({ sid }) => sid === media);
  if (login !== undefined) return { status: 400, body: 'Only one auth mechanism allowed' };
  return found
    ? { status: 200, bytes: found.file.bytes, headers: { 'content-type': found.file.mime } }
    : { status: 404 };
}
