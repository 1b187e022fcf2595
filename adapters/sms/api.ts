// Client of Twilio's REST API (2010-04-01) over the fetch that was handed in.
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { isAbort } from '../../shared/errors.ts';
import { NotCalledError } from '../transport/failures.ts';
import { parseAnswer, parseJson, readText } from '../transport/bodies.ts';
import { ApiError } from './errors.ts';
import type { SmsSettings } from './settings.ts';

const CALL_TIMEOUT_MS = 20_000;
/** A page of a thousand messages of the longest kind is a part of this. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Files lie on a host of their own, one redirect away. */
const MAX_REDIRECTS = 2;

export interface Call {
  /** Under `/2010-04-01/Accounts/<account>`, e.g. `/Messages.json`. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Form fields: makes it a POST. */
  form?: Readonly<Record<string, string>> | undefined;
  signal?: AbortSignal | undefined;
}

export interface TwilioApi {
  /** The parsed answer. Rejects with ApiError, NotCalledError (nothing was sent), or fetch's own errors. */
  call(call: Call): Promise<unknown>;
  /** The next page of a list, by the address that the page before it gave. */
  page(uri: string, signal: AbortSignal): Promise<unknown>;
  /** A file of ours; `signal` is for the beginning of the answer. */
  open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

const errorSchema = z.looseObject({ code: z.number().nullish(), message: z.string().nullish() });

type Login = Pick<SmsSettings, 'account_sid' | 'auth_token' | 'api_root'>;

export function makeTwilioApi(settings: Login, fetchImpl: typeof fetch): TwilioApi {
  const { api_root: root, account_sid: account } = settings;
  const authorization = `Basic ${Buffer.from(`${account}:${settings.auth_token}`).toString('base64')}`;

  const accountUrl = `${root}/2010-04-01/Accounts/${account}`;

  function request(url: string, call: Pick<Call, 'form' | 'signal'>, redirect: 'error' | 'manual'): Promise<Response> {
    if (call.signal?.aborted) throw new NotCalledError('Cancelled before it was sent.');
    return fetchImpl(url, {
      method: call.form ? 'POST' : 'GET',
      headers: { authorization },
      ...(call.form && { body: new URLSearchParams(call.form) }),
      ...(call.signal && { signal: call.signal }),
      redirect,
    });
  }

  function askJson(url: string, { form, signal: parent }: Pick<Call, 'form' | 'signal'>): Promise<unknown> {
    return withDeadline({ clock: systemClock, timeoutMs: CALL_TIMEOUT_MS, parent }, async (signal) => {
      const response = await request(url, { form, signal }, 'error');
      if (!response.ok) throw await readError(response);
      return parseAnswer(await readText(response, MAX_ANSWER_BYTES));
    });
  }

  async function openFile(path: string, signal: AbortSignal): Promise<Response> {
    let response = await request(`${accountUrl}${path}`, { signal }, 'manual');
    for (let hop = 0; hop < MAX_REDIRECTS && response.status >= 300 && response.status < 400; hop++) {
      const target = URL.parse(response.headers.get('location') ?? '', root);
      if (!target || (target.protocol !== 'https:' && target.origin !== new URL(root).origin))
        throw new Error('Twilio points to an address that is not safe.');
      // Without our login: it is another host's.
      response = await fetchImpl(target, { signal, redirect: 'manual' });
    }
    if (!response.ok) throw await readError(response);
    return response;
  }

  return {
    async call(call) {
      const query = call.query ? `?${new URLSearchParams(call.query).toString()}` : '';
      return askJson(`${accountUrl}${call.path}${query}`, call);
    },
    async page(uri, signal) {
      // What the answer says is a path; anything else would send our login elsewhere.
      if (!/^\/2010-04-01\/[\w./?=&%:+,~-]+$/.test(uri)) throw new Error('The next page has an odd address.');
      return askJson(`${root}${uri}`, { signal });
    },
    async open(path, parent) {
      // A large file may take longer: it is ended by who reads it.
      const deadline = { clock: systemClock, timeoutMs: CALL_TIMEOUT_MS, parent };
      const { body } = await withDeadline(deadline, (signal) => openFile(path, signal));
      if (!body) throw new ApiError(404, 'The file is empty.', {});
      return body;
    },
  };
}

/** Secrets that a call carries, in every form in which they could show. */
export function secretsOf({ account_sid: account, auth_token: token }: Login): readonly string[] {
  return [token, Buffer.from(`${account}:${token}`).toString('base64')];
}

async function readError(response: Response): Promise<ApiError> {
  const text = await readText(response, MAX_ANSWER_BYTES).catch((error: unknown) => {
    if (error instanceof Error && isAbort(error)) throw error;
    return '';
  });
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  // None when it is not from the API itself: a proxy's page tells people nothing.
  const body = errorSchema.safeParse(parseJson(text)).data;
  return new ApiError(response.status, body?.message ?? response.statusText, {
    code: body?.code ?? undefined,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
  });
}
