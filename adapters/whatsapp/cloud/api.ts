// Calls of the Cloud API over the fetch that was handed in, each with a deadline. The token goes to Meta's hosts only.
import { createHmac, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { readError } from './errors.ts';

/** Deadline of a call that carries no file. */
const CALL_TIMEOUT_MS = 20_000;
/** Deadline of an upload: 100 MB at 2 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 420_000;

export interface CloudApi {
  /** `path` below the phone number's own. Rejects with CloudError, or what fetch rejects with. */
  post(path: string, body: Record<string, unknown>, signal?: AbortSignal): Promise<unknown>;
  /** `path` below the API's root. */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Resolves with the id under which a message can name the file. */
  upload(file: { path: string; name: string; mime: string }, signal: AbortSignal): Promise<string>;
  /** A file by the address that the API gave. Rejects with TypeError when the address is not Meta's. */
  download(url: string, signal: AbortSignal): Promise<Response>;
}

export interface CloudApiInput {
  apiRoot: string;
  accessToken: string;
  appSecret: string;
  phoneNumberId: string;
  fetch: typeof fetch;
}

/** Hosts that the API names for files. */
const MEDIA_HOST = /(?:^|\.)(?:fbsbx\.com|facebook\.com|whatsapp\.net|fbcdn\.net)$/;

const uploaded = z.looseObject({ id: z.string().min(1) });

/** Proves that who has the token has the app's secret too, https://developers.facebook.com/docs/graph-api/guides/secure-requests, read 2026-11-21. */
export function makeProof({ accessToken, appSecret }: { accessToken: string; appSecret: string }): string {
  return `appsecret_proof=${createHmac('sha256', appSecret).update(accessToken).digest('hex')}`;
}

export function makeCloudApi(input: CloudApiInput): CloudApi {
  const { apiRoot, accessToken, phoneNumberId, fetch: call } = input;
  const headers = { authorization: `Bearer ${accessToken}` };
  // Some apps demand it; and a wrong secret, which would make every webhook be refused, shows with the first call.
  const proof = makeProof(input);
  const root = new URL(apiRoot);

  async function ask(path: string, init: RequestInit, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    return withDeadline({ clock: systemClock, timeoutMs, parent: signal }, async (until) => {
      const response = await call(`${apiRoot}/${path}${path.includes('?') ? '&' : '?'}${proof}`, {
        ...init,
        headers: { ...headers, ...(typeof init.body === 'string' && { 'content-type': 'application/json' }) },
        signal: until,
        redirect: 'error',
      });
      const body: unknown = await response.json().catch(() => undefined);
      if (!response.ok) throw readError(response.status, body);
      return body;
    });
  }

  return {
    post: (path, body, signal) =>
      ask(`${phoneNumberId}/${path}`, { method: 'POST', body: JSON.stringify(body) }, CALL_TIMEOUT_MS, signal),
    get: (path, signal) => ask(path, { method: 'GET' }, CALL_TIMEOUT_MS, signal),
    async upload({ path, name, mime }, signal) {
      const body = makeForm(
        { messaging_product: 'whatsapp', type: mime },
        { content: await openAsBlob(path), name, mime },
      );
      const answer = await ask(`${phoneNumberId}/media`, { method: 'POST', body }, UPLOAD_TIMEOUT_MS, signal);
      return uploaded.parse(answer).id;
    },
    async download(url, signal) {
      const target = URL.parse(url);
      const isOurs =
        target?.origin === root.origin || (target?.protocol === 'https:' && MEDIA_HOST.test(target.hostname));
      if (!target || !isOurs) throw new TypeError('the address of the file is not one of Meta');
      return call(target, { headers, signal, redirect: 'error' });
    },
  };
}

/**
 * A form with one file, read while it is sent. Not FormData: when a connection breaks early, undici (Node 24) goes on reading one, and
 * ends the process with an unhandled rejection.
 */
function makeForm(fields: Record<string, string>, file: { content: Blob; name: string; mime: string }): Blob {
  const boundary = `herald-${randomUUID()}`;
  const head = (disposition: string, type = '') =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n`;
  const texts = Object.entries(fields).map(([key, value]) => `${head(`name="${key}"`)}${value}\r\n`);
  const name = file.name.replace(/[\r\n"\\/]+/g, '_').slice(-120) || 'file';
  const opened = head(`name="file"; filename="${name}"`, `Content-Type: ${file.mime}\r\n`);
  return new Blob([...texts, opened, file.content, `\r\n--${boundary}--\r\n`], {
    type: `multipart/form-data; boundary=${boundary}`,
  });
}
