// Slack calling an app over HTTP: signed, one after the other, and again when the answer is no 200.
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** Slack waits a moment, a minute, five minutes; the fake has less time. */
const RETRY_AFTER_MS = [30, 150, 400] as const;

export interface Delivery {
  status: number;
  body: string;
  retry: number;
}

export interface RequestUrl {
  /** Puts it in line. */
  post(kind: 'json' | 'form', payload: unknown): void;
  /** Sends at once what the signature covers, with any headers instead. Resolves with the status. */
  postRaw(body: string, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: string }>;
  deliveries: readonly Delivery[];
  /** Resolves when nothing is in line. */
  settle(): Promise<void>;
  close(): void;
}

export function makeRequestUrl(target: string, signingSecret: string): RequestUrl {
  const deliveries: Delivery[] = [];
  const closed = new AbortController();
  let line: Promise<void> = Promise.resolve();

  async function postOnce(body: string, headers: Readonly<Record<string, string>>) {
    const response = await fetch(target, { method: 'POST', body, headers, signal: closed.signal });
    return { status: response.status, body: await response.text() };
  }

  async function deliver(body: string, contentType: string): Promise<void> {
    for (let retry = 0; !closed.signal.aborted; retry++) {
      const headers = {
        ...sign(body, signingSecret),
        'content-type': contentType,
        ...(retry > 0 && { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_error' }),
      };
      const answer = await postOnce(body, headers).catch(() => ({ status: 0, body: '' }));
      deliveries.push({ ...answer, retry });
      const waitMs = RETRY_AFTER_MS[retry];
      if (answer.status === 200 || waitMs === undefined) return;
      await sleep(waitMs, undefined, { signal: closed.signal }).catch(() => undefined);
    }
  }

  return {
    post(kind, payload) {
      const body = kind === 'json' ? JSON.stringify(payload) : String(payload);
      const type = kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
      line = line.then(() => deliver(body, type));
    },
    postRaw: (body, headers = {}) =>
      postOnce(body, { ...sign(body, signingSecret), 'content-type': 'application/json', ...headers }),
    deliveries,
    settle: () => line,
    close: () => closed.abort(),
  };
}

export function sign(body: string, secret: string, atMs = Date.now()): Record<string, string> {
  const time = String(Math.floor(atMs / 1_000));
  const hex = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${hex}` };
}
