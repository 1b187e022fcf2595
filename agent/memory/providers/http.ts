// One JSON request to a service of memory or meaning: bounded in time and size, never redirected, and with failures in our own words. The
// address is the owner's choice, so it may be at home; the key goes there and nowhere else.
import type { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError, type AppErrorOptions } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import { untilAborted } from '../../abort.ts';

export interface ServiceInput {
  /** For people, such as "Honcho". */
  title: string;
  /** Paths of requests are put behind it. */
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
  fetch: typeof fetch;
  clock: Clock;
  /** Masks secrets in what the service says of a failure. */
  redact(text: string): string;
  /** Longest request. Default 30 s. */
  timeoutMs?: number;
  /** Largest answer. Default 1 MB. */
  maxBytes?: number;
}

export interface ServiceRequest<Shape> {
  method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash. */
  path: string;
  json?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Of the answer. */
  shape: z.ZodType<Shape>;
  /** What it means that there is no such thing (404). Default: a failure. */
  notFound?: Shape;
  signal: AbortSignal;
}

export interface Service {
  /** Rejects with AppError; `retryable` tells whether the same may work later. */
  ask<Shape>(request: ServiceRequest<Shape>): Promise<Shape>;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1024 * 1024;
const SAID_CHARS = 300;

export function makeService(input: ServiceInput): Service {
  const base = input.baseUrl.replace(/\/+$/, '');

  async function send(request: Omit<ServiceRequest<unknown>, 'shape'>, signal: AbortSignal) {
    const body = request.json === undefined ? undefined : JSON.stringify(request.json);
    const response = await input.fetch(base + request.path, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...input.headers,
        ...request.headers,
      },
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, retryAfter: response.headers.get('retry-after'), text: await readText(response) };
  }

  async function readText(response: Response): Promise<string> {
    const { maxBytes = MAX_BYTES } = input;
    const chunks: Uint8Array[] = [];
    let size = 0;
    const body: ReadableStream<Uint8Array> | null = response.body;
    if (!body) return '';
    // Leaving the loop cancels the rest.
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new AppError('too_large', `${input.title} answered with more than Herald reads.`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  return {
    async ask(request) {
      const { title, clock, timeoutMs = TIMEOUT_MS } = input;
      try {
        const answer = await withDeadline({ clock, timeoutMs, parent: request.signal }, (signal) =>
          untilAborted(send(request, signal), signal),
        );
        if (answer.status === 404 && request.notFound !== undefined) return request.notFound;
        if (answer.status < 200 || answer.status > 299) throw statusError(input, answer);
        return readShape(title, answer.text, request.shape);
      } catch (error) {
        throw translated(title, request.signal, error);
      }
    },
  };
}

function readShape<Shape>(title: string, text: string, shape: z.ZodType<Shape>): Shape {
  let value: unknown;
  try {
    value = text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    throw new AppError('platform_unreachable', `${title} answered something that is no JSON.`, { cause: error });
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError('platform_unreachable', `${title} answered in a form that Herald does not know.`, {
    cause: parsed.error,
  });
}

function statusError(
  { title, redact }: ServiceInput,
  { status, text, retryAfter }: { status: number; text: string; retryAfter: string | null },
): AppError {
  const cause = new Error(`${status}: ${preview(redact(text), SAID_CHARS)}`);
  if (status === 401 || status === 403)
    return new AppError('platform_auth', `${title} refused the request (${status}). Check its key.`, { cause });
  if (status === 402) return new AppError('budget_exceeded', `The plan at ${title} is used up (402).`, { cause });
  if (status === 400 || status === 413 || status === 422)
    return new AppError('bad_input', `${title} does not take the request (${status}).`, { cause });
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const seconds = retryAfter !== null && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const options: AppErrorOptions = { cause, retryable };
  if (seconds !== undefined) options.retryAfterMs = seconds * 1000;
  return new AppError('platform_unreachable', `${title} answered with an error (${status}).`, options);
}

function translated(title: string, signal: AbortSignal, error: unknown): AppError {
  // What the parent ended is told as what the parent says: stopped, or out of time.
  if (signal.aborted) return new AppError('cancelled', 'Stopped.', { cause: error });
  if (error instanceof AppError && error.code === 'cancelled')
    return new AppError('timeout', `${title} did not answer in time.`, { retryable: true, cause: error });
  if (error instanceof AppError) return error;
  return new AppError('platform_unreachable', `${title} cannot be reached.`, { retryable: true, cause: error });
}
