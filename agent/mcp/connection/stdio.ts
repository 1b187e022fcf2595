// An MCP server that we start: JSON lines over its standard input and output. It gets an environment of its own, and dies with its whole
// process group when the connection closes.
import type { ChildProcess } from 'node:child_process';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { spawnChild } from '../../tools/child.ts';
import { makeLineReader } from './lines.ts';

/** One message of a server, and what of it has come so far. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** What is kept of its standard error, for messages. */
const MAX_STDERR_CHARS = 4_000;
/** Lines that are no JSON, such as a program's greeting; with more it speaks something else. */
const MAX_BAD_LINES = 100;
/** A well-behaved server ends when its input ends. */
const END_GRACE_MS = 500;

export interface StdioInput {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Absolute path. */
  cwd: string;
  clock: Clock;
}

export interface StdioTransport extends Transport {
  /** The end of what it wrote to its standard error: foreign text. */
  lastWords(): string;
}

export async function makeStdioTransport(input: StdioInput): Promise<StdioTransport> {
  const { deserializeMessage, serializeMessage } = await import('@modelcontextprotocol/sdk/shared/stdio.js');
  const lines = makeLineReader(MAX_MESSAGE_BYTES);
  const life = new AbortController();
  let child: ChildProcess | undefined;
  let words = '';
  let badLines = 0;
  let closing: Promise<void> | undefined;

  const close = async () => {
    const running = child;
    if (running?.exitCode === null && running.signalCode === null) {
      running.stdin?.end();
      await exitOf(running, input.clock);
    }
    // Also when it ended by itself: what it started may have stayed.
    life.abort(new AppError('cancelled', 'The MCP server is not needed any more.'));
    lines.clear();
  };
  const transport: StdioTransport = {
    lastWords: () => words,
    start: () =>
      new Promise((resolve, reject) => {
        const { command, args, env, cwd } = input;
        child = spawnChild(command, args, { env: { ...env }, cwd, stdio: ['pipe', 'pipe', 'pipe'] }, life.signal);
        child.once('spawn', resolve);
        child.once('error', (cause) => reject(startError(command, cause)));
        child.once('close', () => transport.onclose?.());
        child.stdin?.on('error', (error) => transport.onerror?.(error));
        child.stdout?.on('error', (error) => transport.onerror?.(error));
        child.stdout?.on('data', read);
        child.stderr?.setEncoding('utf8');
        child.stderr?.on('data', (chunk: string) => (words = (words + chunk).slice(-MAX_STDERR_CHARS)));
      }),
    send: (message) => write(child, serializeMessage(message)),
    close: () => (closing ??= close()),
  };

  function read(chunk: Buffer): void {
    try {
      for (const line of lines.push(chunk)) {
        if (closing !== undefined) return;
        receive(line);
      }
    } catch (cause) {
      giveUp(new AppError('too_large', 'A message of the MCP server is larger than 10 MB.', { cause }));
    }
  }

  function receive(line: string): void {
    if (line.trim() === '') return;
    let message: JSONRPCMessage;
    try {
      message = deserializeMessage(line);
    } catch (error) {
      if (++badLines > MAX_BAD_LINES)
        return giveUp(new AppError('tool_unavailable', 'The program does not speak MCP on its standard output.'));
      return transport.onerror?.(error instanceof Error ? error : new Error('invalid line'));
    }
    transport.onmessage?.(message);
  }

  function giveUp(error: AppError): void {
    transport.onerror?.(error);
    lines.clear();
    child?.stdout?.destroy();
    void transport.close();
  }
  return transport;
}

/** Resolves when the pipe takes more, so that a server that does not read holds us up instead of filling our memory. */
function write(child: ChildProcess | undefined, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stdin = child?.stdin;
    if (!stdin?.writable) return reject(new AppError('tool_unavailable', 'The MCP server has ended.'));
    stdin.write(line, (error) => (error ? reject(error) : resolve()));
  });
}

function exitOf(child: ChildProcess, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(END_GRACE_MS, resolve);
    child.once('exit', () => {
      cancel();
      resolve();
    });
  });
}

function startError(command: string, cause: Error): AppError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'error';
  const why = code === 'ENOENT' ? 'is not there' : `cannot be started (${code})`;
  return new AppError('tool_unavailable', `The program ${command} of the MCP server ${why}.`, { cause });
}
