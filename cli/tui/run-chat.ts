// `herald chat`: interactive at a terminal, line by line from a pipe, or one question with `once`.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { ChatEntry } from '../../adapters/local-chat/protocol.ts';
import { parseMarkdown, plainText } from '../../adapters/markdown.ts';
import { notRunning } from '../../gateway/control/operation.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanText } from '../../shared/text.ts';
import { Asker } from './ask.ts';
import type { ChatClientOptions } from './client.ts';
import { saveFile } from './files.ts';
import { openHistory } from './history.ts';
import type { ScreenOutput } from './screen.ts';
import { ChatSession, type SessionInput } from './session.ts';
import { makeSocketTransport } from './socket-transport.ts';

const DEFAULT_TIMEOUT_MS = 30 * 60_000;

export interface ChatOptions {
  /** Of the running gateway. */
  socketPath: string;
  input: SessionInput;
  output: ScreenOutput;
  /** Notices, where the output is for the answer alone. */
  errors: Writable;
  clock: Clock;
  /** False: no escape sequences for colors (NO_COLOR). */
  color: boolean;
  /** Files that are received are saved here. */
  downloadsFolder: string;
  /** Without it, what was typed is forgotten at the end. */
  historyFile?: string | undefined;
  /** Up to 64 letters, digits, dots, _ and -. Default 'local'. */
  chat?: string | undefined;
  /** Account of the terminal platform. Default 'default'. */
  account?: string | undefined;
  /** Ask this and end. `timeoutMs` default: 30 minutes. */
  once?: { text: string; timeoutMs?: number | undefined } | undefined;
  /** Ends a question that waits (its turn is told to stop). */
  signal?: AbortSignal | undefined;
}

/**
 * Resolves with the exit code: 0, or 1 when a question got no answer but a notice. Rejects with AppError: `gateway_not_running` when
 * the socket does not answer at the start, `bad_input`, `timeout`, `cancelled`.
 */
export async function runChat(options: ChatOptions): Promise<number> {
  const client = clientOptions(options);
  await probe(client);
  if (options.once !== undefined) {
    return askAll(options, client, [options.once.text]);
  }
  if (options.input.isTTY !== true || options.output.isTTY !== true) {
    return askAll(options, client, createInterface({ input: options.input, crlfDelay: Number.POSITIVE_INFINITY }));
  }
  const { clock, input, output, color, downloadsFolder } = options;
  const history = await openHistory(options.historyFile);
  await new ChatSession({ client, clock, input, output, color, downloadsFolder, history }).run();
  return 0;
}

function clientOptions({
  socketPath,
  clock,
  chat = 'local',
  account = 'default',
}: ChatOptions): Omit<ChatClientOptions, 'on'> {
  const base = `/terminal/${encodeURIComponent(account)}/`;
  return {
    transport: makeSocketTransport(socketPath),
    pathOf: (path) => `${base}${path}${path.includes('?') ? '&' : '?'}chat=${encodeURIComponent(chat)}`,
    clock,
    random: Math.random,
    newId: () => randomBytes(15).toString('base64url'),
  };
}

/** Tells a gateway that does not run from one that is about to be back. */
async function probe({ transport, pathOf }: Omit<ChatClientOptions, 'on'>): Promise<void> {
  const answer = await transport(pathOf('timeline?limit=1'), {
    method: 'GET',
    signal: AbortSignal.timeout(10_000),
  }).catch(() => {
    throw notRunning();
  });
  for await (const _ of answer.body);
  if (answer.status === 400)
    throw new AppError('bad_input', 'Name the chat with up to 64 letters, digits, dots, _ and -.');
}

async function askAll(
  options: ChatOptions,
  client: Omit<ChatClientOptions, 'on'>,
  questions: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  const { output, errors, downloadsFolder, signal = new AbortController().signal } = options;
  const write = (stream: Writable, text: string) => void stream.write(text.endsWith('\n') ? text : `${text}\n`);
  const asker = new Asker({ ...client, onNotice: (entry) => write(errors, textOf(entry)) });
  let failed = false;
  try {
    for await (const question of questions) {
      if (question.trim() === '') continue;
      const { entries, answered } = await asker.ask(question, options.once?.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
      failed ||= !answered;
      for (const entry of entries) {
        const text = textOf(entry);
        if (text !== '') write(output, text);
        for (const file of entry.files) write(errors, `saved ${await saveFile(asker, file, downloadsFolder)}`);
      }
    }
  } finally {
    await asker.close();
  }
  return failed ? 1 : 0;
}

function textOf(entry: ChatEntry): string {
  return cleanText(plainText(entry.body ?? parseMarkdown(entry.text)));
}
