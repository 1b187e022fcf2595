// The route /embeddings of OpenAI and of all that imitate it: https://platform.openai.com/docs/api-reference/embeddings/create (read
// 2026-11-21).
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { makeService, type ServiceInput } from '../providers/http.ts';

export interface EmbeddingClient {
  /** One vector per text, in their order, all of one length. `tokens`: what the service counted. Rejects with AppError. */
  embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<{ vectors: readonly Float32Array[]; tokens: number | undefined }>;
}

export interface EmbeddingClientInput extends Omit<ServiceInput, 'headers' | 'maxBytes' | 'title'> {
  model: string;
  dimensions: number | undefined;
  /** '' for servers that want none. */
  key: string;
}

/** 64 texts of 8192 numbers, written out. */
const MAX_BYTES = 16 * 1024 * 1024;

const answer = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.array(z.number()).min(1).max(8192) })),
  usage: z.object({ prompt_tokens: z.int().min(0) }).nullish(),
});

export function makeEmbeddingClient(input: EmbeddingClientInput): EmbeddingClient {
  const { model, dimensions, key } = input;
  const headers: Record<string, string> = key === '' ? {} : { authorization: `Bearer ${key}` };
  const service = makeService({ ...input, title: 'The embedding model', headers, maxBytes: MAX_BYTES });
  return {
    async embed(texts, signal) {
      const json = {
        model,
        input: texts,
        encoding_format: 'float',
        ...(dimensions === undefined ? {} : { dimensions }),
      };
      const { data, usage } = await service.ask({ method: 'POST', path: '/embeddings', json, shape: answer, signal });
      const byIndex = new Map(data.map(({ index, embedding }) => [index, Float32Array.from(embedding)]));
      const vectors = texts.flatMap((_, index) => byIndex.get(index) ?? []);
      const [first] = vectors;
      const length = dimensions ?? first?.length;
      if (vectors.length !== texts.length || data.length !== texts.length)
        throw odd(`${data.length} vectors for ${texts.length} texts`);
      if (vectors.some((vector) => vector.length !== length || !vector.every(Number.isFinite)))
        throw odd(`vectors that do not have ${length ?? 0} numbers; see memory.embeddings.dimensions`);
      return { vectors, tokens: usage?.prompt_tokens };
    },
  };
}

function odd(what: string): AppError {
  return new AppError('model_protocol', `The embedding model answered with ${what}.`);
}
