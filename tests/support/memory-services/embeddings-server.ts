// A server with OpenAI's route /embeddings. Its vectors count words by meaning: words of one group are the same to it.
import { z } from 'zod';
import { openLoopback, type Loopback } from './loopback.ts';

export const EMBEDDING_KEY = 'sk-embed-0123456789abcdefghij';

const MEANINGS: readonly (readonly string[])[] = [
  ['tea', 'drink', 'beverage', 'coffee'],
  ['dog', 'pet', 'puppy'],
  ['train', 'travel', 'railway'],
  ['paris', 'france', 'city'],
];

const body = z.strictObject({
  model: z.string(),
  input: z.array(z.string().min(1)).min(1).max(2048),
  encoding_format: z.literal('float'),
  dimensions: z.int().min(1).optional(),
});

export interface EmbeddingsServer extends Loopback {
  /** Numbers per vector, unless the request says otherwise. */
  length: number;
  /** Texts that were read, in order. */
  readonly texts: string[];
  /** A text with this word is refused (400). */
  poison: string | undefined;
}

export async function openEmbeddingsServer(): Promise<EmbeddingsServer> {
  const texts: string[] = [];
  const loopback = await openLoopback((asked) => {
    if (asked.method !== 'POST' || asked.path !== '/v1/embeddings') return { violation: 'no such route' };
    if (asked.headers.authorization !== `Bearer ${EMBEDDING_KEY}`) return { status: 401, json: { error: 'key' } };
    const parsed = body.safeParse(asked.body);
    if (!parsed.success) return { violation: parsed.error.message };
    const { input, dimensions = server.length } = parsed.data;
    const { poison } = server;
    if (poison !== undefined && input.some((text) => text.includes(poison)))
      return { status: 400, json: { error: { message: 'no' } } };
    texts.push(...input);
    return {
      status: 200,
      json: {
        object: 'list',
        model: parsed.data.model,
        data: input
          .map((text, index) => ({ object: 'embedding', index, embedding: meaningOf(text, dimensions) }))
          .reverse(),
        usage: { prompt_tokens: input.length * 3, total_tokens: input.length * 3 },
      },
    };
  });
  const server: EmbeddingsServer = Object.assign(loopback, { length: 8, texts, poison: undefined });
  return server;
}

function meaningOf(text: string, length: number): number[] {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const vector = Array.from({ length }, () => 0.01);
  for (const word of words) {
    const known = MEANINGS.findIndex((group) => group.includes(word));
    const at = known >= 0 ? known : 4 + (word.length % Math.max(1, length - 4));
    vector[at % length] = (vector[at % length] ?? 0) + (known >= 0 ? 1 : 0.05);
  }
  return vector;
}
