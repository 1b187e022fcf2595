// The chat client without a terminal: one question, lines from a pipe, and what goes wrong.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runChat, type ChatOptions } from '../../../cli/tui/run-chat.ts';
import { systemClock } from '../../../shared/clock.ts';
import { openFakeGateway, storedText, type FakeGateway } from './fake-gateway.ts';

let gateway: FakeGateway;
beforeEach(async () => {
  gateway = await openFakeGateway();
});
afterEach(() => gateway.close());

async function chat(options: Partial<ChatOptions>, typed = ''): Promise<{ code: number; out: string; err: string }> {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  streams.input.end(typed);
  const code = await runChat({
    ...streams,
    socketPath: gateway.socketPath,
    clock: systemClock,
    color: true,
    downloadsFolder: path.join(gateway.folder, 'downloads'),
    ...options,
  });
  return { code, out: String(streams.output.read() ?? ''), err: String(streams.errors.read() ?? '') };
}

it('asks once and prints the answer as plain text', async () => {
  gateway.respond = async (turn) => {
    await turn.typing();
    await turn.draft('The **an', ['looking']);
    await turn.answer('The **answer** is `42`.\n\n- a\n- b');
  };
  expect(await chat({ once: { text: 'What is it?' } })).toEqual({
    code: 0,
    out: 'The answer is 42.\n\n- a\n- b\n',
    err: '',
  });
  expect(gateway.record.received.map((message) => message.text)).toEqual(['What is it?']);
});

it('prints all parts of a long answer, and nothing of what was said before', async () => {
  gateway.respond = (turn) => turn.answer('old answer');
  await chat({ once: { text: 'before' } });
  gateway.respond = async (turn) => {
    await turn.answer('part one');
    await turn.answer('part two');
  };
  expect((await chat({ once: { text: 'now' } })).out).toBe('part one\npart two\n');
});

it('ends with 1 and the reason on standard error when only a notice comes', async () => {
  gateway.respond = (turn) => turn.answer('The model cannot be reached.', 'notice');
  expect(await chat({ once: { text: 'hello' } })).toEqual({ code: 1, out: '', err: 'The model cannot be reached.\n' });
});

it('does not take a notice for the answer while work goes on', async () => {
  gateway.respond = async (turn) => {
    await turn.answer('This takes a moment.', 'notice');
    await turn.typing();
    await new Promise((resolve) => setTimeout(resolve, 600));
    await turn.answer('done');
  };
  expect(await chat({ once: { text: 'hello' } })).toEqual({ code: 0, out: 'done\n', err: 'This takes a moment.\n' });
});

it('sends each line of a pipe as a message, one after the other', async () => {
  const { code, out } = await chat({}, 'one\n\n  \r\ntwo\nthree');
  expect([code, out]).toEqual([0, 'You said: one\nYou said: two\nYou said: three\n']);
});

it('gets its answer although the gateway restarts in between, and asks only once', async () => {
  gateway.respond = async (turn) => {
    await gateway.stop();
    await gateway.start();
    await turn.answer('after the restart');
  };
  expect(await chat({ once: { text: 'hello' } })).toMatchObject({ code: 0, out: 'after the restart\n' });
  expect(gateway.record.received).toHaveLength(1);
});

it('saves files that come with the answer, without overwriting', async () => {
  const file = storedText(gateway, 'report.txt', 5);
  await writeFile(file.path, 'hello');
  gateway.respond = (turn) => turn.answer('here', 'answer', [{ ...file, name: '../report.txt' }]);
  const first = await chat({ once: { text: 'one' } });
  const second = await chat({ once: { text: 'two' } });
  const downloads = path.join(gateway.folder, 'downloads');
  expect([first.err, second.err]).toEqual([`saved ${downloads}/report.txt\n`, `saved ${downloads}/report-1.txt\n`]);
  expect(await readFile(path.join(downloads, 'report-1.txt'), 'utf8')).toBe('hello');
});

it('writes no escape sequence of the answer to the terminal', async () => {
  gateway.respond = (turn) => turn.answer('a\u001b[2Jb\u001b]0;title\u0007c');
  expect((await chat({ once: { text: 'x' } })).out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

it('says that no gateway runs', async () => {
  await gateway.stop();
  await expect(chat({ once: { text: 'x' } })).rejects.toMatchObject({ code: 'gateway_not_running' });
});

it('tells the turn to stop when interrupted', async () => {
  const stop = new AbortController();
  gateway.respond = async (turn) => {
    if (turn.message.text === 'long') stop.abort();
  };
  await expect(chat({ once: { text: 'long' }, signal: stop.signal })).rejects.toMatchObject({ code: 'cancelled' });
  await gateway.record.waitFor((message) => message.text === '/stop');
});

it('gives up after its time', async () => {
  gateway.respond = async () => {};
  await expect(chat({ once: { text: 'x', timeoutMs: 300 } })).rejects.toMatchObject({ code: 'timeout' });
});

it('refuses a chat name that cannot be one', async () => {
  await expect(chat({ once: { text: 'x' }, chat: 'a/b' })).rejects.toMatchObject({ code: 'bad_input' });
});
