// Webhooks that begin jobs: POST /hooks/<id>, signed. What arrives is somebody else's text: the job reads it as such. The same delivery
// begins one run, however often it is sent.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { HttpHandler } from '../../adapters/contract.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listArmedTriggers, noteFired, type ArmedTrigger } from '../../data/process/schedule/triggers.ts';
import { addTrigger } from '../../data/schedule/triggers.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobService } from '../../scheduler/types.ts';
import { sha256Hex } from '../../shared/digest.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { cleanText } from '../../shared/text.ts';
import { makeRateLimit } from './rate-limit.ts';
import { readSpec } from './spec.ts';
import { fillTemplate, isTooDeep, MAX_DEPTH, parseJson, wholePayload } from './template.ts';
import { verifyWebhook, WEBHOOK_FORMATS } from './webhook-format.ts';

const ID_BYTES = 18;
const SECRET_BYTES = 32;
const MAX_BODY_BYTES = 1024 * 1024;
const DEFAULT_PER_MINUTE = 30;
/** Of the sender's name for a delivery, as it is kept. */
const MAX_DELIVERY_CHARS = 64;

export const webhookSpec = z.strictObject({
  format: z.enum(WEBHOOK_FORMATS),
  /** Names of events; none: all. */
  events: z.array(z.string().min(1).max(100)).max(50).default([]),
  /** What the job is told, with places such as {{repository.full_name}}. Default: the whole payload. */
  template: z.string().min(1).max(4_000).optional(),
  /** Posts beyond this are refused. */
  perMinute: z.int().min(1).max(600).default(DEFAULT_PER_MINUTE),
});
export type WebhookSpec = z.output<typeof webhookSpec>;

/** What whoever sets up the other side needs. The secret is told this once. */
export interface NewWebhook {
  id: string;
  /** Below the gateway's own address. */
  path: string;
  secret: string;
}

/** Makes an address and a secret that nobody can guess. */
export async function addWebhook(
  db: ProcessDb,
  scope: Scope,
  { job, spec }: { job: string; spec: z.input<typeof webhookSpec> },
): Promise<NewWebhook> {
  const id = makeId();
  const bytes = randomBytes(SECRET_BYTES);
  const read = webhookSpec.parse(spec);
  const secret = read.format === 'standard' ? `whsec_${bytes.toString('base64')}` : bytes.toString('hex');
  await addTrigger(db, scope, { id, job, kind: 'hook', spec: JSON.stringify(read), secret });
  return { id, path: `/hooks/${id}`, secret };
}

/** It is typed after the name of a command, where a hyphen begins an option. */
function makeId(): string {
  for (;;) {
    const id = randomBytes(ID_BYTES).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

export interface WebhookDeps {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  jobs: Pick<JobService, 'trigger'>;
}

/** Serves the paths under /hooks. */
export function makeWebhookHandler({ db, clock, log, jobs }: WebhookDeps): HttpHandler {
  const limit = makeRateLimit(clock);

  async function begin(hook: ArmedTrigger, spec: WebhookSpec, request: Request): Promise<Response> {
    const body = await readBody(request);
    if (body === undefined) return answer(413, `More than ${MAX_BODY_BYTES} bytes. Nothing was begun.`);
    const post = { headers: request.headers, body, now: clock.now() };
    const verdict = verifyWebhook(spec.format, hook.secret ?? '', post);
    if (!verdict.ok) {
      log.warn({ hook: hook.id.slice(0, 4) }, 'a post to a webhook was refused: its signature does not fit');
      return answer(401, `${verdict.message} Nothing was begun.`);
    }
    const { event, delivery } = verdict;
    if (isGreeting(spec, event)) return answer(200, 'Herald hears you.');
    if (spec.events.length > 0 && !spec.events.includes(event)) return answer(202, 'This event is not listened for.');
    const payload = parseJson(body) ?? body;
    if (isTooDeep(payload)) return answer(422, `Its JSON is nested more than ${MAX_DEPTH} deep. Nothing was begun.`);
    const text = spec.template === undefined ? wholePayload(payload) : fillTemplate(spec.template, payload);
    const about = cleanText(`[Webhook${event === '' ? '' : `, event ${event}`}]\n${text}`);
    // A long name is not cut: those that begin alike are not the same.
    const name = delivery.length <= MAX_DELIVERY_CHARS ? delivery : sha256Hex(delivery);
    const key = `${hook.id}.${name}`;
    const begun = await jobs.trigger(hook.scope, hook.job, { key, text: about, origin: 'foreign' });
    if (begun) await noteFired(db, hook.id);
    return answer(202, begun ? 'A run has begun.' : 'This delivery has begun a run before.');
  }

  return async (request) => {
    const id = /^\/hooks\/([\w-]{24})\/?$/.exec(new URL(request.url).pathname)?.[1];
    const [hook] = id === undefined ? [] : await listArmedTriggers(db, { kind: 'hook', id });
    if (!hook) return answer(404, 'There is no such webhook.');
    if (request.method !== 'POST') return answer(405, 'Events are posted here.');
    const spec = readSpec(webhookSpec, hook.spec);
    if (!spec) return answer(409, 'This webhook cannot be read as it is stored: remove it, and make it anew.');
    const waitMs = limit.take(hook.id, spec.perMinute);
    if (waitMs > 0) return answer(429, 'Too many posts.', { 'retry-after': String(Math.ceil(waitMs / 1_000)) });
    try {
      return await begin(hook, spec, request);
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'not_found' || known.code === 'not_allowed')
        return answer(409, `${known.publicMessage} Nothing was begun.`);
      log.warn({ err: error }, 'a webhook could not begin its job');
      return answer(503, 'It could not be stored just now. Post it again.', { 'retry-after': '30' });
    }
  };
}

/** What a service sends to see whether somebody is there. */
function isGreeting({ format }: WebhookSpec, event: string): boolean {
  return format === 'github' && event === 'ping';
}

/** Undefined when it is too long: no more of it is read then. */
async function readBody(request: Request): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> | undefined = request.body ?? undefined;
  if (body === undefined) return '';
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(status: number, message: string, headers: Record<string, string> = {}): Response {
  const type = { 'content-type': 'application/json', ...headers };
  return new Response(JSON.stringify(status < 400 ? { message } : { error: message }), { status, headers: type });
}
