// Meta calls the gateway. A request is answered with 200 only when its messages are stored; anything else makes it come again, for days.
import { createHmac } from 'node:crypto';
import { isSameSecret } from '../../../shared/digest.ts';
import type { AdapterHost, HttpHandler } from '../../contract.ts';
import { parseJson, readBytes } from '../../transport/bodies.ts';
import type { Receiver } from './receiver.ts';

/** "Webhooks payloads can be up to 3 MB", https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview, read 2026-11-21. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface WebhookDeps {
  host: AdapterHost;
  receiver: Receiver;
  signal: AbortSignal;
  appSecret: string;
  verifyToken: string;
}

export function makeWebhookHandler(deps: WebhookDeps): HttpHandler {
  return async (request) => {
    if (request.method === 'GET') return answerChallenge(new URL(request.url).searchParams, deps.verifyToken);
    if (request.method !== 'POST') return reply(405);
    if (deps.signal.aborted) return reply(503);
    const body = await readBytes(request, MAX_BODY_BYTES).catch(() => undefined);
    if (body === undefined) return reply(413);
    if (!isSigned(body, request.headers.get('x-hub-signature-256') ?? '', deps.appSecret)) return reply(401);
    const json = parseJson(body.toString('utf8'));
    if (json === undefined) return reply(400);
    deps.host.status('online');
    try {
      await deps.receiver.take(json);
      return reply(200);
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown';
      deps.host.log.error({ error: name }, 'a message could not be stored; Meta sends it again');
      return reply(500);
    }
  };
}

function reply(status: number): Response {
  return new Response(null, { status });
}

/** How Meta checks the webhook when it is set. */
function answerChallenge(query: URLSearchParams, verifyToken: string): Response {
  const isOurs = isSameSecret(query.get('hub.verify_token') ?? '', verifyToken);
  const challenge = query.get('hub.challenge') ?? '';
  if (query.get('hub.mode') !== 'subscribe' || !isOurs || !/^[\w-]{1,256}$/.test(challenge)) return reply(403);
  return new Response(challenge, { headers: { 'content-type': 'text/plain' } });
}

/** Over the bytes as they came: the same JSON written another way has another signature. */
function isSigned(body: Uint8Array, header: string, appSecret: string): boolean {
  return isSameSecret(header, `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`);
}
