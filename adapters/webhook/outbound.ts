// Answers as posts to the owner's program.
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { messageId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { OutboundMessage, SendCode, SendFailure, SendResult } from '../contract.ts';
import { plainText, serializeMarkdown } from '../markdown.ts';
import { mayHaveReached } from '../transport/failures.ts';
import { parseJson, readText } from '../transport/bodies.ts';
import { signedHeaders } from '../../shared/webhook-signature.ts';

const TIMEOUT_MS = 30_000;
/** An answer may name the message: {"id": "…"}; more than this is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface OutboundDeps {
  url: string;
  key: Buffer;
  fetch: typeof fetch;
  now(): number;
}

/** Never rejects. */
export async function postMessage(
  deps: OutboundDeps,
  { to, message }: { to: Address; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  if (signal.aborted) return failed('unreachable', 'no', new Error('cancelled before it was sent'));
  let body: string;
  try {
    body = JSON.stringify(await describe(to, message));
  } catch (cause) {
    return failed('bad_request', 'no', new Error('a file of the message cannot be read', { cause }));
  }
  const headers = {
    'content-type': 'application/json',
    ...signedHeaders(deps.key, { id: message.key, body, now: deps.now() }),
  };
  try {
    return await withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, async (until) => {
      const answer = await deps.fetch(deps.url, { method: 'POST', headers, body, redirect: 'error', signal: until });
      return readAnswer(answer, message.key);
    });
  } catch (error) {
    return failed('unreachable', mayHaveReached(error) ? 'maybe' : 'no', asError(error));
  }
}

async function describe(to: Address, message: OutboundMessage) {
  const files = message.files.map(async ({ kind, name, mime, bytes, path }) => ({
    kind,
    name,
    mime,
    bytes,
    base64: (await readFile(path)).toString('base64'),
  }));
  return {
    key: message.key,
    chat: to.chat,
    group: to.kind === 'group',
    ...(to.thread === undefined ? {} : { thread: to.thread }),
    text: message.plain ? plainText(message.body) : serializeMarkdown(message.body),
    plain: plainText(message.body),
    files: await Promise.all(files),
    buttons: message.buttons,
    ...(message.replyTo === undefined ? {} : { replyTo: message.replyTo }),
    silent: message.silent,
  };
}

async function readAnswer(answer: Response, key: string): Promise<SendResult> {
  if (answer.ok) {
    const text = await readText(answer, MAX_ANSWER_BYTES).catch(() => '');
    return { ok: true, ids: [messageId(idOf(text) ?? key)] };
  }
  await answer.body?.cancel();
  const cause = new Error(`the webhook answered with status ${answer.status}`);
  const retryAfterMs = retryAfterOf(answer.headers.get('retry-after'));
  if (answer.status === 429) return { ...failed('rate_limited', 'no', cause), retryAfterMs };
  if (answer.status >= 500) return failed('unreachable', 'maybe', cause);
  return failed(CODES.get(answer.status) ?? 'bad_request', 'no', cause);
}

const CODES: ReadonlyMap<number, SendCode> = new Map([
  [401, 'auth'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [408, 'unreachable'],
  [413, 'too_long'],
  [422, 'format'],
]);

function idOf(text: string): string | undefined {
  const parsed = parseJson(text);
  const id = typeof parsed === 'object' && parsed !== null && 'id' in parsed ? parsed.id : undefined;
  return typeof id === 'string' && id !== '' && id.length <= 256 ? id : undefined;
}

function retryAfterOf(header: string | null): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3600) * 1000 : undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the webhook could not be called');
}

function failed(code: SendCode, reached: 'no' | 'maybe', cause: Error): SendFailure {
  return { ok: false, code, reached, cause };
}
