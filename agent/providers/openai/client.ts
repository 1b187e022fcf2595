// The one place that loads the openai package for model calls.
import type { OpenAI } from 'openai';

import { SDK_TIMEOUT_MS, type ProviderInput } from '../connection.ts';

/**
 * A client for one key. What the SDK would read from the environment is set here, so that nothing but the configuration
 * decides where a key goes; retries are the caller's.
 */
export async function openOpenAiClient(input: ProviderInput, key: string): Promise<OpenAI> {
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
