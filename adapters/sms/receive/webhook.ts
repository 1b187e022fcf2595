// Twilio calls us. It asks once and waits 15 seconds; what we cannot take in that time is fetched from its list later.
import type { AdapterHost, HttpHandler } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { SmsSettings } from '../settings.ts';
import { readText } from '../../transport/bodies.ts';
import { readWebhook } from './inbound.ts';
import type { Intake } from './intake.ts';
import { isSigned } from './signature.ts';

/** A message of ten parts with ten files is a small part of this. */
const MAX_BODY_BYTES = 128 * 1024;
/** "Twilio's HTTP timeout is 15 seconds", https://www.twilio.com/docs/api/errors/11205, read 2026-11-21. */
const ANSWER_WITHIN_MS = 12_000;
/** Under public_url: where Twilio reports what became of our messages. */
export const STATUS_PATH = 'status';

export interface WebhookDeps {
  host: AdapterHost;
  intake: Intake;
  settings: SmsSettings & { public_url: string };
  clock: Clock;
  signal: AbortSignal;
  /** Called when Twilio has called. */
  onAlive(): void;
  /** Of a message of ours that did not arrive: Twilio's error code. */
  onUndelivered(code: number | undefined): void;
}

export function makeWebhookHandler(deps: WebhookDeps): HttpHandler {
  const { settings, host, clock, signal } = deps;
  return async (request) => {
    if (request.method !== 'POST') return reply(405);
    if (signal.aborted) return reply(503);
    const form = await readText(request, MAX_BODY_BYTES).catch(() => undefined);
    if (form === undefined) return reply(400);
    const fields = new URLSearchParams(form);
    const isStatus = new URL(request.url).pathname.replace(/^\/+|\/+$/g, '') === STATUS_PATH;
    const url = isStatus ? `${settings.public_url}${STATUS_PATH}` : settings.public_url;
    const signature = request.headers.get('x-twilio-signature');
    if (
      !isSigned({ url, fields, signature }, settings.auth_token) ||
      fields.get('AccountSid') !== settings.account_sid
    ) {
      host.log.warn(
        {},
        'a request was not signed by Twilio for public_url; it must be the very address of the Twilio console',
      );
      return reply(403);
    }
    deps.onAlive();
    if (isStatus) {
      takeStatus(deps, fields);
      return reply(204);
    }
    const sms = readWebhook(fields, clock.now());
    if (!sms) {
      host.log.warn({}, 'a request of Twilio could not be read');
      return twiml();
    }
    const taken = deps.intake.inTurn(() => deps.intake.take(sms));
    return (await within(clock, ANSWER_WITHIN_MS, taken)) === true ? twiml() : reply(503);
  };
}

function takeStatus({ host, onUndelivered }: WebhookDeps, fields: URLSearchParams): void {
  const status = fields.get('MessageStatus') ?? fields.get('SmsStatus');
  if (status !== 'failed' && status !== 'undelivered') return;
  const code = Number(fields.get('ErrorCode')) || undefined;
  host.log.warn({ sid: fields.get('MessageSid'), code }, 'a message did not arrive');
  onUndelivered(code);
}

/** Undefined when `work` takes longer; it goes on. */
async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController();
  const late = clock.sleep(ms, enough.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    enough.abort();
  }
}

/** An empty answer: ours go out by themselves. */
function twiml(): Response {
  const body = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>';
  return new Response(body, { headers: { 'content-type': 'text/xml; charset=utf-8' } });
}

function reply(status: number): Response {
  return new Response(null, { status });
}
