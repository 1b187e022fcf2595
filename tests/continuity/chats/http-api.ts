// A program of the person's that asks over the OpenAI-compatible API, in the conversation that all direct chats share. A request that
// broke off is made again under its key.
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import OpenAI from 'openai';
import { TRIES, TRY_AGAIN_MS, type PersonsChat } from '../chat.ts';

export async function httpApi(gatewayUrl: string): Promise<PersonsChat> {
  const client = new OpenAI({
    apiKey: `hk-${randomBytes(32).toString('base64url')}`,
    baseURL: `${gatewayUrl}/v1`,
    maxRetries: 0,
  });
  const told: string[] = [];
  const stop = new AbortController();
  let said = 0;
  const ask = async (content: string, key: string) => {
    const headers = { 'Idempotency-Key': key, 'X-Herald-Session': 'main' };
    for (let attempt = 0; attempt < TRIES && !stop.signal.aborted; attempt++) {
      try {
        const answer = await client.chat.completions.create(
          { model: 'herald', messages: [{ role: 'user', content }] },
          { headers, signal: stop.signal },
        );
        return answer.choices[0]?.message.content ?? '';
      } catch (error) {
        // Whoever is not paired is told so, with a code.
        if (error instanceof OpenAI.AuthenticationError) return error.message;
      }
      await wait(TRY_AGAIN_MS);
    }
    throw new Error('the API gave no answer');
  };
  let asking = Promise.resolve();
  return {
    platform: 'http-api',
    settings: {},
    secrets: [],
    say(text) {
      const key = `continuity-${++said}`;
      asking = asking.then(async () => void told.push(...(await ask(text, key)).split('\n\n'))).catch(() => undefined);
    },
    told: () => told,
    async close() {
      stop.abort();
      await asking;
    },
  };
}
