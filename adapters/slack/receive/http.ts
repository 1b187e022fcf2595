// Slack calls the gateway (https://docs.slack.dev/apis/events-api/using-http-request-urls, read 2026-11-21). A request is answered with 200 only
// when what it brings is stored; anything else makes Slack send it again.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { AdapterHost, HttpHandler } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { SlackApi } from '../api.ts';
import { describe, explainFailure, REFUSED_LOGIN } from '../errors.ts';
import { parseJson, readBytes } from '../../transport/bodies.ts';
import type { Receiver } from './receiver.ts';

/** Events hold text and ids only; the largest is a small part of this. */
const MAX_BODY_BYTES = 1024 * 1024;
/** "more than five minutes from local time" (https://docs.slack.dev/authentication/verifying-requests-from-slack, read 2026-11-21). */
const MAX_SKEW_MS = 5 * 60_000;
/** Slack gives up on a request after 3 s; what is still in line by then is stored nevertheless, and known when it comes again. */
const ANSWER_WITHIN_MS = 2_500;
/** Nothing tells us that Slack cannot be reached, so we look. */
const CHECK_EVERY_MS = 5 * 60_000;
const AUTH_WAIT_MS = 5 * 60_000;
const NETWORK_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const ALIVE_EVERY_MS = 60_000;

export interface HttpDeps {
  api: SlackApi;
  host: AdapterHost;
  receiver: Pick<Receiver, 'takeEvent' | 'takeInteraction' | 'takeSlash'>;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
  signingSecret: string;
}

const challengeSchema = z.looseObject({ type: z.literal('url_verification'), challenge: z.string().max(1_000) });

export function makeHttpHandler(deps: HttpDeps): HttpHandler {
  return async (request) => {
    if (request.method !== 'POST') return reply(405);
    const body = await readBytes(request, MAX_BODY_BYTES).catch(() => undefined);
    if (body === undefined) return reply(413);
    if (!isSigned(deps, request.headers, body)) return reply(401);
    if (deps.signal.aborted) return reply(503);
    const payload = parseBody(body.toString('utf8'), request.headers.get('content-type') ?? '');
    if (payload === undefined) return reply(400);
    deps.host.status('online');
    const challenge = challengeSchema.safeParse(payload.body);
    if (payload.kind === 'event' && challenge.success)
      return new Response(challenge.data.challenge, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
    return take(deps, payload, Number(request.headers.get('x-slack-retry-num') ?? 0));
  };
}

interface Payload {
  kind: 'event' | 'interaction' | 'slash';
  body: unknown;
}

async function take(deps: HttpDeps, { kind, body }: Payload, retry: number): Promise<Response> {
  const { receiver, host } = deps;
  if (retry > 0) host.log.debug({ retry, kind }, 'Slack sends it again');
  const taken =
    kind === 'event'
      ? receiver.takeEvent(body)
      : kind === 'slash'
        ? receiver.takeSlash(body)
        : receiver.takeInteraction(body);
  const enough = new AbortController();
  const late = deps.clock.sleep(ANSWER_WITHIN_MS, enough.signal).then(
    () => 503,
    () => 503,
  );
  try {
    return reply(await Promise.race([taken.then(() => 200), late]));
  } catch (error) {
    host.log.warn(
      { problem: describe(error, deps.redactor).message },
      'request could not be taken; Slack sends it again',
    );
    return reply(500);
  } finally {
    enough.abort();
    taken.catch(() => undefined);
  }
}

/** HMAC-SHA256 over "v0:<time>:<raw body>" with the app's signing secret; the time keeps an overheard request from being sent again. */
function isSigned(deps: Pick<HttpDeps, 'signingSecret' | 'clock'>, headers: Headers, body: Buffer): boolean {
  const time = headers.get('x-slack-request-timestamp') ?? '';
  const signature = headers.get('x-slack-signature') ?? '';
  if (!/^\d{1,12}$/.test(time) || Math.abs(deps.clock.now() - Number(time) * 1_000) > MAX_SKEW_MS) return false;
  const expected = createHmac('sha256', deps.signingSecret).update(`v0:${time}:`).update(body).digest();
  const hex = /^v0=([0-9a-f]{64})$/i.exec(signature)?.[1];
  return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), expected);
}

/** Events are JSON; interactions are a form with JSON in the field `payload`; slash commands are a form. */
function parseBody(text: string, contentType: string): Payload | undefined {
  if (/^application\/json\b/i.test(contentType)) {
    const body = parseJson(text);
    return body === undefined ? undefined : { kind: 'event', body };
  }
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType)) return undefined;
  const form = new URLSearchParams(text);
  const payload = form.get('payload');
  if (payload === null) return { kind: 'slash', body: Object.fromEntries(form) };
  const body = parseJson(payload);
  return body === undefined ? undefined : { kind: 'interaction', body };
}

function reply(status: number): Response {
  return new Response(null, { status });
}

export interface WatchDeps extends Omit<HttpDeps, 'signingSecret' | 'receiver'> {
  /** Slack can be reached again: what was said meanwhile must be looked for. */
  onConnected(): void;
  /** Called every minute while it can be reached. */
  onAlive(): void;
}

/** Looks from time to time whether Slack can be reached, until `signal` is aborted. `wake` resolves when a look is due at once. Never rejects. */
export async function keepWatch(deps: WatchDeps, wake: () => Promise<void>): Promise<void> {
  const { host, signal, clock } = deps;
  let failures = 0;
  let isAway = false;
  const beat = () => {
    if (!isAway) deps.onAlive();
    cancelBeat = clock.after(ALIVE_EVERY_MS, beat);
  };
  let cancelBeat = clock.after(ALIVE_EVERY_MS, beat);
  while (!signal.aborted) {
    try {
      await deps.api.call((client) => client.auth.test(), { signal });
      failures = 0;
      host.status('online');
      if (isAway) deps.onConnected();
      isAway = false;
      await Promise.race([pause(deps, CHECK_EVERY_MS), wake()]);
    } catch (error) {
      if (signal.aborted) break;
      failures++;
      isAway = true;
      const failure = explainFailure(error, deps.redactor);
      host.log.warn({ problem: failure.cause.message, failures }, 'Slack could not be asked');
      if (failure.code === 'auth') host.status('needs-login', REFUSED_LOGIN);
      else host.status('offline', 'Slack cannot be reached; it is tried again by itself.');
      await pause(
        deps,
        failure.code === 'auth' ? AUTH_WAIT_MS : (failure.retryAfterMs ?? backoffMs(failures, NETWORK_BACKOFF)),
      );
    }
  }
  cancelBeat();
}

async function pause(deps: Pick<HttpDeps, 'clock' | 'signal'>, ms: number): Promise<void> {
  await deps.clock.sleep(ms, deps.signal).catch(() => undefined);
}
