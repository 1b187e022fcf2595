// Reading requests and making answers of the local-chat protocol, with limits on what a client may send.
import type { z } from 'zod';
import { AppError } from '../../shared/errors.ts';

const MAX_POST_BYTES = 1024 * 1024;

/** The body of a POST as `schema` wants it, or the answer that refuses it. Rejects with AppError `bad_input`. */
export async function readPost<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<z.infer<Schema> | Response> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    return problem(415, 'bad_input', 'Send JSON (content-type application/json).');
  }
  const tooLarge = () =>
    problem(413, 'too_large', 'The text is longer than 1 MB. Nothing was sent; attach it as a file instead.');
  if (Number(request.headers.get('content-length') ?? 0) > MAX_POST_BYTES) return tooLarge();
  const limited = limitStream(request.body ?? new Blob([]).stream(), MAX_POST_BYTES);
  let parsed: unknown;
  try {
    parsed = JSON.parse(await new Response(limited.body).text());
  } catch (error) {
    if (limited.exceeded()) return tooLarge();
    if (error instanceof SyntaxError)
      throw new AppError('bad_input', 'The request is not JSON. Nothing was sent.', { cause: error });
    throw error;
  }
  const result = schema.safeParse(parsed);
  if (result.success) return result.data;
  const where = result.error.issues.map((issue) => issue.path.join('.') || 'body');
  throw new AppError(
    'bad_input',
    `The request is not understood (${[...new Set(where)].join(', ')}). Nothing was sent.`,
  );
}

/**
 * The same bytes; errors at the end when there were more than `maxBytes`. The surplus is read and dropped, so that the client gets
 * our answer instead of a broken connection, up to four times the limit.
 */
export function limitStream(body: ReadableStream<Uint8Array>, maxBytes: number) {
  let seen = 0;
  const tooLarge = () => new AppError('bad_input', 'The request is too large.');
  const limited = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.byteLength;
        if (seen <= maxBytes) controller.enqueue(chunk);
        else if (seen > 4 * maxBytes) controller.error(tooLarge());
      },
      flush(controller) {
        if (seen > maxBytes) controller.error(tooLarge());
      },
    }),
  );
  return { body: limited, exceeded: () => seen > maxBytes };
}

/** The declared type without parameters; unknown ones as plain bytes. */
export function mimeOf(request: Request): string {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,80}$/.test(type) ? type : 'application/octet-stream';
}

export function json(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } });
}

/** An error that HTTP has a status for and AppError no code. Same shape as the server's own. */
export function problem(status: number, code: string, message: string): Response {
  return json(status, { error: { code, message } });
}
