// Bodies of requests and answers, read as far as they may be long, and the JSON in them.
import { Buffer } from 'node:buffer';

/** The answer is longer than is read. */
export class AnswerTooLongError extends Error {
  override readonly name = 'AnswerTooLongError';
}

type WithBody = Pick<Response, 'body'>;

/** Rejects with AnswerTooLongError when there are more than `maxBytes`, and when it breaks off. */
export async function readBytes({ body }: WithBody, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const parts: AsyncIterable<Uint8Array> | null = body;
  for await (const chunk of parts ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new AnswerTooLongError('The answer of the server is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Rejects as `readBytes` does. */
export async function readText(source: WithBody, maxBytes: number): Promise<string> {
  return (await readBytes(source, maxBytes)).toString('utf8');
}

/** Of an answer that must be JSON: throws without its text. */
export function parseAnswer(text: string): unknown {
  const parsed = parseJson(text);
  if (parsed === undefined) throw new Error('The server answered something that is no JSON.');
  return parsed;
}

/** Undefined when it is none. */
export function parseJson(text: unknown): unknown {
  try {
    const parsed: unknown = typeof text === 'string' ? JSON.parse(text) : undefined;
    return parsed;
  } catch {
    return undefined;
  }
}
