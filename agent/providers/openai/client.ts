// The one place that loads the openai package for model calls.
import type { OpenAI } from 'openai';

import { makeConnection, SDK_TIMEOUT_MS, type ProviderInput } from '../connection.ts';
import type { ModelEvent, ModelRequest, Provider } from '../types.ts';

/** How one of the APIs of the package answers a request. */
export type StreamReply = (
  client: OpenAI,
  request: ModelRequest,
  input: ProviderInput,
  signal: AbortSignal,
) => AsyncGenerator<ModelEvent>;

/** Makes no call and loads no SDK until the first request. */
export function makeOpenAiProvider(input: ProviderInput, streamReply: StreamReply): Provider {
  const connection = makeConnection(input, (key) => openOpenAiClient(input, key));
  return {
    id: input.id,
    stream: (request, signal) => connection.stream((client) => streamReply(client, request, input, signal), signal),
    listModels: (signal) =>
      connection.request(
        async (client) => (await client.models.list({ signal })).data.map((model) => model.id),
        signal,
      ),
  };
}

/**
 * A client for one key. What the SDK would read from the environment is set here, so that nothing but the configuration
 * decides where a key goes; retries are the caller's.
 */
async function openOpenAiClient(input: ProviderInput, key: string): Promise<OpenAI> {
  const { OpenAI: Client } = await import('openai');
  return new Client({
    apiKey: key,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: input.baseUrl,
    fetch: input.fetch,
    defaultHeaders: input.quirks.headers,
    maxRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    logLevel: 'off',
  });
}
