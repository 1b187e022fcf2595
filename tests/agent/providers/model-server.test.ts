// The scripted model server itself: other suites believe what it says.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { OpenAI } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';

import { startModelServer, type ModelServer, type ModelServerOptions } from '../../support/model-server.ts';
import { inOrder } from '../../support/model-server-script.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(options: ModelServerOptions): Promise<ModelServer> {
  const server = await startModelServer(options);
  cleanups.push(() => server.close());
  return server;
}

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'model-server-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const clientOf = (url: string) => new OpenAI({ apiKey: 'k', baseURL: `${url}/v1`, maxRetries: 0 });

async function ask(url: string, text: string): Promise<string> {
  const reply = await clientOf(url).chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: text }],
  });
  return reply.choices[0]?.message.content ?? '';
}

describe('the scripted model server', () => {
  it('answers in order, then refuses', async () => {
    const server = await serve({ script: inOrder({ text: 'one' }, { text: 'two' }) });
    expect([await ask(server.url, 'a'), await ask(server.url, 'b')]).toEqual(['one', 'two']);
    await expect(ask(server.url, 'c')).rejects.toMatchObject({ status: 400 });
    server.setScript([{ reply: { text: 'again' } }]);
    expect(await ask(server.url, 'd')).toBe('again');
  });

  it('answers by what was said and what tools gave, and fills in placeholders', async () => {
    const server = await serve({
      script: [
        { when: { toolResult: 'rain' }, reply: { text: 'Take an umbrella: {{tool}}' } },
        {
          when: { user: '^weather', hasToolResult: false },
          reply: { toolCalls: [{ name: 'weather', arguments: {} }] },
        },
        { reply: { text: 'You said {{user}} ({{n}})' } },
      ],
    });
    expect(await ask(server.url, 'hello $& world')).toBe('You said hello $& world (0)');
    const client = clientOf(server.url);
    const first = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Weather?' }],
    });
    const message = first.choices[0]?.message;
    const id = message?.tool_calls?.[0]?.id ?? '';
    if (!message) throw new Error('no message');
    const second = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Weather?' }, message, { role: 'tool', tool_call_id: id, content: 'rain' }],
    });
    expect(second.choices[0]?.message.content).toBe('Take an umbrella: rain');
    expect(server.calls.map((call) => call.toolResults.length)).toEqual([0, 0, 1]);
  });

  it('answers by a function, and takes replies as a whole without a stream', async () => {
    const server = await serve({ script: (call) => ({ text: `${call.api} ${call.stream}` }) });
    const client = clientOf(server.url);
    expect((await client.responses.create({ model: 'm', input: 'hi' })).output_text).toBe('responses false');
    expect(await ask(server.url, 'hi')).toBe('chat false');
  });

  it('records requests and answers line by line, but no answer that was cut', async () => {
    const recordDir = tempDir();
    const server = await serve({ script: inOrder({ text: 'a' }, { text: 'b', fault: 'half-line' }), recordDir });
    await ask(server.url, 'hi');
    const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true };
    await fetch(`${server.openAiUrl}/chat/completions`, { method: 'POST', body: JSON.stringify(body) }).then((answer) =>
      answer.text(),
    );
    const lines = readFileSync(join(recordDir, 'openai.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      body: { model: 'm' },
      response: { status: 200 },
    });
    expect(lines[1]).not.toHaveProperty('response');
  });

  it('runs by itself, tells its port through a file, and ends on SIGTERM', async () => {
    const dir = tempDir();
    const portFile = join(dir, 'port');
    writeFileSync(join(dir, 'script.json'), JSON.stringify([{ reply: { text: 'from a file' } }]));
    const args = ['tests/support/model-server.ts', '--port-file', portFile, '--script', join(dir, 'script.json')];
    const child = spawn(process.execPath, [...args, '--max-ms', '20000'], { stdio: 'ignore' });
    cleanups.push(() => void child.kill('SIGKILL'));
    for (let tries = 0; tries < 200 && !existsSync(portFile); tries++) await wait(25);
    const url = `http://127.0.0.1:${readFileSync(portFile, 'utf8')}`;
    expect(await ask(url, 'hi')).toBe('from a file');
    const replaced = await fetch(`${url}/__script`, {
      method: 'POST',
      body: JSON.stringify([{ reply: { text: 'new' } }]),
    });
    expect(replaced.ok).toBe(true);
    expect(await ask(url, 'hi')).toBe('new');
    const calls: unknown = await (await fetch(`${url}/__calls`)).json();
    expect(calls).toMatchObject([{ user: 'hi' }, { user: 'hi' }]);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
