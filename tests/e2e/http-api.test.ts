// The OpenAI-compatible API end to end: the official client, the real gateway as a process, a scripted model server.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERALD } from '../support/built.ts';
import { freePort } from '../support/free-port.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { isStateText, type CallSeen } from '../support/model-server-script.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `part-${index + 1}`).join(' ');
/** One transparent pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const ASK = { id: 'call-1', name: 'clarify', arguments: { question: 'Tea or coffee?', choices: ['Tea', 'Coffee'] } };
const run = promisify(execFile);

/** Messages of the person in a request to the model. */
function usersOf(call: CallSeen): readonly unknown[] {
  const messages: unknown = call.body['messages'];
  if (!Array.isArray(messages)) return [];
  const isState = (content: unknown) => typeof content === 'string' && isStateText(content);
  return messages.filter((one: { role?: unknown; content?: unknown }) => one.role === 'user' && !isState(one.content));
}

describe('the OpenAI-compatible API', () => {
  let model: ModelServer;
  let home: string;
  let gateway: GatewayProcess;
  let client: OpenAI;

  const herald = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [HERALD, ...args, '--home', home], {
      env: { PATH: process.env['PATH'] ?? '', HOME: home },
      timeout: 20_000,
    });
    return stdout;
  };
  const clientWith = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const ask = async (messages: OpenAI.ChatCompletionMessageParam[], headers: Record<string, string> = {}) => {
    const answer = await client.chat.completions.create({ model: 'herald', messages }, { headers });
    return answer.choices[0]?.message.content ?? '';
  };

  beforeAll(async () => {
    model = await startModelServer({
      script: (call) => {
        if (call.user.includes('long story')) return { text: LONG, delayMs: 40, chunkChars: 12 };
        if (!call.user.includes('something to drink'))
          return { text: `Heard ${usersOf(call).length}: ${call.user.slice(-60)}` };
        const [answer] = call.toolResults;
        return answer ? { text: `Chosen: ${answer.text}` } : { toolCalls: [ASK] };
      },
    });
    home = makeHome({
      gateway: { port: await freePort() },
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
    });
    gateway = await startGatewayProcess({ home });
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a stranger with a key of their own gets a pairing code and nothing else', async () => {
    const stranger = clientWith(`hk-${'a'.repeat(43)}`);
    const refused = await stranger.chat.completions
      .create({ model: 'herald', messages: [{ role: 'user', content: 'show me everything' }] })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(String(refused)).toMatch(/pairing code is \*\*\w{8}\*\*/);
    await expect(stranger.models.list()).rejects.toThrow('not paired');
    await expect(clientWith('sk-of-somebody-else').models.list()).rejects.toThrow('key of this Herald');
    expect(model.calls).toHaveLength(0);
    const code = /\*\*(\w{8})\*\*/.exec(String(refused))?.[1] ?? '';
    await herald('pairing', 'approve', 'http-api', code);
    expect((await stranger.models.list()).data.map((one) => one.id)).toEqual(['herald']);
  });

  it('a key that the command line made answers at once', async () => {
    const key = /^hk-\S+/.exec(await herald('keys', 'create', 'laptop'))?.[0] ?? '';
    client = clientWith(key);
    expect(await ask([{ role: 'user', content: 'hello' }])).toBe('Heard 1: hello');
    expect(await herald('keys', 'list')).toContain('laptop');
    expect(fs.readFileSync(`${home}/herald.db`).includes(key)).toBe(false);
  });

  it('streams, and the pieces make up the whole', async () => {
    const stream = await client.chat.completions.create({
      model: 'herald',
      stream: true,
      messages: [{ role: 'user', content: 'a long story' }],
    });
    const pieces: string[] = [];
    let end: string | null | undefined;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) pieces.push(choice.delta.content);
      end = choice?.finish_reason ?? end;
    }
    expect(pieces.join('')).toBe(LONG);
    expect(pieces.length).toBeGreaterThan(2);
    expect(end).toBe('stop');
  });

  it('a front end that resends everything stays in its conversation, and a new one begins another', async () => {
    const first = await ask([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'my boat is blue' },
    ]);
    expect(first).toContain('my boat is blue');
    const second = await ask([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'my boat is blue' },
      { role: 'assistant', content: first },
      { role: 'user', content: 'which colour?' },
    ]);
    expect(second).toBe('Heard 2: which colour?');
    expect(JSON.stringify(model.calls.at(-1)?.body)).toContain('Be kind.');
    expect(await ask([{ role: 'user', content: 'my boat is blue' }])).toBe('Heard 1: my boat is blue');
  });

  it('a session is named by a header', async () => {
    const headers = { 'X-Herald-Session': 'notes' };
    await ask([{ role: 'user', content: 'one' }], headers);
    expect(await ask([{ role: 'user', content: 'two' }], headers)).toBe('Heard 2: two');
    await expect(ask([{ role: 'user', content: 'x' }], { 'X-Herald-Session': 'a b' })).rejects.toThrow(
      'x-herald-session',
    );
  });

  it('responses go on from one another, and stream', async () => {
    const first = await client.responses.create({ model: 'herald', input: 'first thing', instructions: 'Be short.' });
    expect(first.output_text).toContain('first thing');
    const second = await client.responses.create({
      model: 'herald',
      previous_response_id: first.id,
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'second thing' }] }],
    });
    expect(second.output_text).toBe('Heard 2: second thing');
    const stream = client.responses.stream({ model: 'herald', previous_response_id: second.id, input: 'long story' });
    let text = '';
    stream.on('response.output_text.delta', (event) => (text += event.delta));
    const final = await stream.finalResponse();
    expect([text, final.output_text]).toEqual([LONG, LONG]);
    await expect(
      client.responses.create({ model: 'herald', previous_response_id: 'resp_unknown', input: 'x' }),
    ).rejects.toThrow('no response resp_unknown');
  });

  it('images come with the request; addresses are not fetched', async () => {
    const withImage = (url: string) =>
      ask([
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ]);
    await withImage(`data:image/png;base64,${PIXEL}`);
    expect(JSON.stringify(model.calls.at(-1)?.body)).toContain(PIXEL.slice(0, 40));
    await expect(withImage('http://169.254.169.254/latest/meta-data')).rejects.toThrow('not fetched');
  });

  it('slash commands work', async () => {
    expect(await ask([{ role: 'user', content: '/status' }])).toMatch(/model|running/i);
  });

  it.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] }, 'agent has its own'],
    ['another model', { model: 'gpt-4o' }, 'no model "gpt-4o"'],
    ['several answers', { n: 2 }, 'one answer'],
    ['no message', { messages: [] }, 'messages'],
    ['nobody speaking', { messages: [{ role: 'assistant', content: 'me' }] }, 'one of the user'],
  ])('%s is refused with a reason', async (_what, change, message) => {
    const calls = model.calls.length;
    const body = { model: 'herald', messages: [{ role: 'user', content: 'hi' }], ...change };
    await expect(client.chat.completions.create(body as OpenAI.ChatCompletionCreateParamsNonStreaming)).rejects.toThrow(
      message,
    );
    expect(model.calls).toHaveLength(calls);
  });

  it(
    'a request that a crash cut off is asked again under its key, and answered once',
    { timeout: 60_000 },
    async () => {
      const headers = { 'Idempotency-Key': 'story-1', 'X-Herald-Session': 'crash' };
      const messages = [{ role: 'user', content: 'one more long story' }] as const;
      const cut = ask([...messages], headers).catch((error: unknown) => error);
      await waitFor('the model', () => model.calls.at(-1)?.user.includes('one more long story'));
      await gateway.kill('SIGKILL');
      expect(await cut).toBeInstanceOf(Error);
      gateway = await startGatewayProcess({ home });
      expect(await ask([...messages], headers)).toBe(LONG);
      const calls = model.calls.length;
      expect(await ask([...messages], headers)).toBe(LONG);
      expect(model.calls).toHaveLength(calls);
    },
  );

  it('a question is the answer to its request, and the request that answers it gets what follows, streamed too', async () => {
    const headers = { 'X-Herald-Session': 'main' };
    const question = await ask([{ role: 'user', content: 'something to drink' }], headers);
    expect(question).toContain('Tea or coffee?');
    const pieces: string[] = [];
    const stream = await client.chat.completions.create(
      { model: 'herald', messages: [{ role: 'user', content: '2' }], stream: true },
      { headers },
    );
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
    expect(pieces.join('')).toMatch(/^Chosen: .*Coffee/s);
    expect(await ask([{ role: 'user', content: 'thanks' }], headers)).toMatch(/^Heard \d+: thanks$/);
  });

  it('what is repeated under its key is answered the same, and adds nothing to the next answer', async () => {
    const headers = { 'X-Herald-Session': 'main', 'Idempotency-Key': 'twice' };
    const first = await ask([{ role: 'user', content: 'say this once' }], headers);
    expect(await ask([{ role: 'user', content: 'say this once' }], headers)).toBe(first);
    const next = await ask([{ role: 'user', content: 'and now this' }], { 'X-Herald-Session': 'main' });
    expect(next).toMatch(/^Heard \d+: and now this$/);
  });

  it('a key that was taken back opens nothing', async () => {
    const id = /^(\S+)\s+laptop/m.exec(await herald('keys', 'list'))?.[1] ?? '';
    await herald('keys', 'revoke', id);
    await expect(client.models.list()).rejects.toThrow('not paired');
  });
});
