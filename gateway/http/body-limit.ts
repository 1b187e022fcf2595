// Caps the size of request bodies, announced or not, while they stream.
import { AppError } from '../../shared/errors.ts';

export interface LimitedBody {
  /** The same bytes; errors with AppError `bad_input` once more than the limit has come. */
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
  let over = false;
  const counted = body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.byteLength;
        if (seen <= maxBytes) return controller.enqueue(chunk);
        over = true;
        controller.error(new AppError('bad_input', tooLargeMessage(maxBytes)));
      },
    }),
  );
  return { body: counted ?? null, exceeded: () => over };
}

export function tooLargeMessage(maxBytes: number): string {
  return `The request is larger than ${Math.floor(maxBytes / 1024).toLocaleString('en')} KiB. Nothing was kept. Send less at once.`;
}
