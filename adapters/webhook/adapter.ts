// One webhook: takes signed posts, and posts signed answers.
import { backoffMs } from '../../shared/backoff.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { AttachmentRef } from '../../shared/messages.ts';
import type { Adapter, AdapterHost, AdapterInput, SendResult } from '../contract.ts';
import { cleanName, loadKey, makeFileSeal, readStored, refOf, type FileSeal } from '../local-chat/files.ts';
import { makeCapabilities } from './capabilities.ts';
import { eventSchema, toInbound, type WebhookEvent } from './inbound.ts';
import type { WebhookSettings } from './manifest.ts';
import { postMessage } from './outbound.ts';
import { secretBytes, verifySigned } from '../../shared/webhook-signature.ts';

const MEGABYTE = 1024 * 1024;
const WATCH_BACKOFF = { baseMs: 1_000, maxMs: 60_000 };

export function makeWebhookAdapter(input: AdapterInput<WebhookSettings>, clock: Clock = systemClock): Adapter {
  const { account, settings } = input;
  const key = secretBytes(settings.secret) ?? Buffer.alloc(0);
  const capabilities = makeCapabilities(settings.max_file_mb * MEGABYTE);
  const deps = { url: settings.url, key, fetch: input.fetch, now: () => clock.now() };
  let seal: FileSeal | undefined;
  let host: AdapterHost | undefined;
  let watching: Promise<void> | undefined;
  const stopping = new AbortController();

  /** Looks whether the program is back, so that what waits for it does not wait longer than it must. */
  async function watch(given: AdapterHost): Promise<void> {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      await clock.sleep(backoffMs(attempt, WATCH_BACKOFF), stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const found = await input
        .fetch(settings.url, { method: 'HEAD', redirect: 'manual', signal: stopping.signal })
        .catch(() => undefined);
      await found?.body?.cancel();
      if (found !== undefined && found.status < 500) return given.status('online');
    }
  }

  async function take(request: Request, given: AdapterHost): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== 'POST' || pathname !== '/messages')
      return answer(404, { error: 'Post messages to /webhook/<account>/messages.' });
    const body = await request.text();
    const verdict = verifySigned(key, request.headers, { body, now: clock.now() });
    if (!verdict.ok) return answer(401, { error: `${verdict.message} Nothing was taken.` });
    const event = readEvent(body);
    if (typeof event === 'string') return answer(400, { error: event });
    if (event.bot) return answer(202, { id: event.id, state: 'ignored' });
    try {
      const attachments = await keepFiles(event, given);
      const state = await given.receive(toInbound(event, { account, now: clock.now(), attachments }));
      given.status('online');
      return answer(202, { id: event.id, state });
    } catch (error) {
      const known = asAppError(error);
      given.log.warn({ code: known.code }, 'a posted message could not be stored');
      return answer(503, { error: 'It could not be stored just now. Post it again.' });
    }
  }

  async function keepFiles(event: WebhookEvent, given: AdapterHost): Promise<readonly AttachmentRef[]> {
    const kept: AttachmentRef[] = [];
    const chat = toInbound(event, { account, now: 0, attachments: [] }).chat;
    for (const { name, mime, kind, base64 } of event.files) {
      const bytes = new Blob([new Uint8Array(Buffer.from(base64, 'base64'))]);
      const file = await given.storeUpload(cleanName(name), mime, bytes.stream());
      const ref = seal?.seal(chat, file).id ?? '';
      kept.push({ kind, name: file.name, mime, bytes: file.bytes, ref: refOf(chat, ref) });
    }
    return kept;
  }

  return {
    capabilities: () => capabilities,
    async start(given) {
      seal = makeFileSeal(await loadKey(given.cursor, 'file-key'));
      host = given;
      given.serve(async (request) => {
        if (host === given) return take(request, given);
        return answer(503, { error: 'Herald is stopping.' });
      });
      given.status('online');
    },
    async stop() {
      host = undefined;
      stopping.abort();
      await watching;
    },
    async send(to, message, signal): Promise<SendResult> {
      if (host === undefined)
        return { ok: false, code: 'unreachable', reached: 'no', cause: new Error('the adapter was stopped') };
      const result = await postMessage(deps, { to, message }, signal);
      const at = new URL(settings.url).origin;
      if (result.ok) host.status('online');
      else if (result.code === 'unreachable' && !signal.aborted) {
        host.status('offline', `${at} does not take answers; it is tried again.`);
        watching ??= watch(host).finally(() => (watching = undefined));
      } else if (result.code === 'auth') host.status('needs-login', `${at} refuses our signature. Is its secret ours?`);
      return result;
    },
    async open(ref, signal) {
      const file = seal?.unsealRef(ref.ref);
      if (file === undefined) throw new AppError('not_found', 'This file is not known here. Post it again.');
      return readStored(file, signal);
    },
  };
}

/** The event, or what is wrong with it. */
function readEvent(body: string): WebhookEvent | string {
  try {
    const parsed = eventSchema.safeParse(JSON.parse(body));
    if (parsed.success && (parsed.data.kind !== 'button' || parsed.data.button !== undefined)) return parsed.data;
    const where = parsed.success ? ['button'] : parsed.error.issues.map((issue) => issue.path.join('.') || 'the body');
    return `This cannot be understood: ${[...new Set(where)].slice(0, 5).join(', ')}. Nothing was taken.`;
  } catch {
    return 'The body is no JSON. Nothing was taken.';
  }
}

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } });
}
