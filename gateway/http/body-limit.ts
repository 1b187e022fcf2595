// Caps the size of request bodies, announced or not, while they stream.
import { AppError } from '../../shared/errors.ts';

const DRAIN_MS = 2000;

export interface LimitedBody {
  /**
   * The same bytes; errors with AppError `bad_input` at the end when there were more than the limit. The surplus is read and
   * dropped, so that the client gets our answer instead of a broken connection, up to four times the limit.
   */
  body: ReadableStream<Uint8Array> | null;
  /** Whether the limit was passed. */
  exceeded(): boolean;
}

/** True when the client announces more than `maxBytes`; such a request is refused before a byte is read. */
export function announcesTooMuch(headers: Headers, maxBytes: number): boolean {
  return Number(headers.get('content-length') ?? 0) > maxBytes;
}

export function limitBody(body: ReadableStream<Uint8Array> | null, maxBytes: number): LimitedBody {
  let seen = 0;
  const tooLarge = () => new AppError('bad_input', tooLargeMessage(maxBytes));
  const counted = body?.pipeThrough(
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
  return { body: counted ?? null, exceeded: () => seen > maxBytes };
}

/** For people. */
export function tooLargeMessage(maxBytes: number): string {
  const size = maxBytes >= 1024 * 1024 ? `${Math.floor(maxBytes / 1024 / 1024)} MB` : `${maxBytes} bytes`;
  return `The request is larger than ${size}. Nothing was kept. Send less at once.`;
}

/** Reads and drops a body that its handler left alone, for 2 s at most: clients that still send would miss an early answer. */
export async function drainBody(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
  await request.body.pipeTo(new WritableStream(), { signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => undefined);
}
