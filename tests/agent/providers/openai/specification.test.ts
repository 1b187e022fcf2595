// Records what the OpenAI providers send and what the scripted server answers; .ci/run holds both against OpenAI's own
// specification. Other services take more fields than OpenAI, so nothing else is recorded.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { OpenAI } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ProviderInput } from '../../../../agent/providers/connection.ts';
import { makeKeyPool } from '../../../../agent/providers/keys.ts';
import { makeOpenAiChatProvider } from '../../../../agent/providers/openai/chat.ts';
import { makeOpenAiResponsesProvider } from '../../../../agent/providers/openai/responses.ts';
import { DEFAULT_QUIRKS, findPreset } from '../../../../agent/providers/presets.ts';
import type { ModelMessage, Provider } from '../../../../agent/providers/types.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { collect, collectError, makeRequest } from '../../../contracts/provider-contract.ts';
import { startModelServer, type ModelServer } from '../../../support/model-server.ts';
import type { ScriptRule } from '../../../support/model-server-script.ts';
import { RECORDINGS_DIR } from '../../../support/recordings.ts';

const RECORDING = path.join(RECORDINGS_DIR, 'openai.jsonl');

const SCRIPT: readonly ScriptRule[] = [
  {
    when: { user: 'think' },
    reply: { thinking: 'Let me see.', text: 'Thought.', usage: { cacheRead: 3, reasoning: 2 } },
  },
  {
    when: { user: 'tools', hasToolResult: false },
    reply: {
      text: 'Looking.',
      thinking: 'Which city?',
      toolCalls: [
        { name: 'weather', arguments: { city: 'Wien' } },
        { name: 'clock', arguments: {} },
      ],
    },
  },
  { when: { user: 'cut' }, reply: { text: 'Half', stop: 'max_tokens' } },
  { when: { user: 'refuse' }, reply: { text: 'No.', stop: 'refusal' } },
  { when: { user: 'busy' }, reply: { status: 429, headers: { 'retry-after': '1' } } },
  { when: { user: 'down' }, reply: { status: 500 } },
  { reply: { text: 'You said {{user}} 🐎' } },
];

let server: ModelServer;
let input: ProviderInput;
beforeAll(async () => {
  server = await startModelServer({ script: SCRIPT, recordDir: RECORDINGS_DIR });
  input = {
    id: 'openai',
    baseUrl: server.openAiUrl,
    keys: makeKeyPool(['sk-recorded-000000000'], systemClock),
    quirks: findPreset('openai')?.quirks ?? DEFAULT_QUIRKS,
    fetch,
    clock: systemClock,
  };
});
afterAll(() => server.close());

const never = (): AbortSignal => new AbortController().signal;
const countLines = () => (existsSync(RECORDING) ? readFileSync(RECORDING, 'utf8').trim().split('\n').length : 0);

/** A first reply, and a second one with everything of the first in the history. */
async function converse(provider: Provider, first: ModelMessage): Promise<void> {
  const messages: ModelMessage[] = [first];
  const { reply } = await collect(provider.stream(makeRequest({ model: 'gpt-5.5', messages }), never()));
  messages.push({ role: 'assistant', text: reply.text, toolCalls: reply.toolCalls, reasoning: reply.reasoning });
  for (const call of reply.toolCalls) {
    messages.push({ role: 'tool', callId: call.id, name: call.name, text: 'noon', isError: false });
  }
  if (reply.toolCalls.length === 0) messages.push({ role: 'user', content: [{ type: 'text', text: 'more' }] });
  await collect(
    provider.stream(makeRequest({ model: 'gpt-5.5', messages, reasoningEffort: 'low', tools: [] }), never()),
  );
}

describe('recording for the specification', () => {
  it.each(['chat', 'responses'])('records whole conversations: %s', async (api) => {
    const provider = api === 'chat' ? makeOpenAiChatProvider(input) : makeOpenAiResponsesProvider(input);
    const before = countLines();
    for (const text of ['hello', 'think', 'tools', 'cut', 'refuse']) {
      await converse(provider, { role: 'user', content: [{ type: 'text', text }] });
    }
    for (const text of ['busy', 'down']) {
      const messages: ModelMessage[] = [{ role: 'user', content: [{ type: 'text', text }] }];
      await collectError(provider.stream(makeRequest({ messages }), never()));
    }
    expect(countLines() - before).toBeGreaterThanOrEqual(12);
  });

  it('records images (chat only: the Responses specification matches such a message twice, in one "oneOf")', async () => {
    const before = countLines();
    const image = { type: 'image' as const, mime: 'image/png', base64: 'iVBORw0KGgo=' };
    await converse(makeOpenAiChatProvider(input), { role: 'user', content: [{ type: 'text', text: 'see' }, image] });
    expect(countLines() - before).toBeGreaterThanOrEqual(2);
  });

  it('records answers that are no stream', async () => {
    const before = countLines();
    const client = new OpenAI({ apiKey: 'k', baseURL: server.openAiUrl, maxRetries: 0 });
    await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'tools' }] });
    await client.responses.create({ model: 'gpt-5.5', input: 'tools' });
    expect(countLines() - before).toBeGreaterThanOrEqual(2);
  });
});
