// `herald chat` and `herald -c <text>`: talk over the running gateway's socket, or over one that runs in this process for as long
// as the chat lasts.
import path from 'node:path';
import { Writable } from 'node:stream';
import { findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { untilInterrupted, type Interrupt } from '../interrupt.ts';
import { runChat, type ChatOptions } from '../tui/run-chat.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import type { StartedGateway, StartOptions } from '../../gateway/compose.ts';

/** A gateway that is just starting opens its socket within ten seconds. */
const SOCKET_ATTEMPTS = 200;
const SOCKET_POLL_MS = 50;
/** A gateway that restarts is gone for less than a second. */
const KEEP_POLL_MS = 700;
const KEEP_MISSES = 3;

/** With a text: one question and its answer. Without: a conversation, the current one unless --new is given. */
export async function runChatCommand(context: CliContext, given: Given): Promise<number> {
  const text = given.rest(0).join(' ');
  return talk(context, { text: text === '' ? undefined : text, isNew: given.flag('new') });
}

/** `herald -c <text>`. */
export async function runAsk(context: CliContext, given: Given): Promise<number> {
  return talk(context, { text: given.text('ask'), isNew: false });
}

async function talk(context: CliContext, ask: { text: string | undefined; isNew: boolean }): Promise<number> {
  const interrupted = untilInterrupted();
  const gateway = await reachGateway(context);
  const { text } = ask;
  const keeper = text === undefined ? undefined : keepGateway(context, gateway);
  try {
    const options = chatOptions(context, gateway.socket, interrupted);
    if (ask.isNew) await runChat({ ...options, output: makeSink(), once: { text: '/new' } });
    if (text === undefined) return await converse(options, { interrupted, gateway });
    if (!context.json) return await runChat({ ...options, once: { text } });
    const sink = makeSink();
    const code = await runChat({ ...options, output: sink, once: { text } });
    context.print({ answer: sink.text().trimEnd(), answered: code === EXIT.ok }, () => '');
    return code;
  } finally {
    await keeper?.release();
    await gateway.release();
    interrupted.release();
  }
}

/**
 * A question asked of somebody else's gateway must not wait for ever when that one ends with its own question: then one is started
 * here, under the same socket. (A conversation at a terminal waits for its gateway to come back instead.)
 */
function keepGateway(context: CliContext, reached: Reached): Pick<Reached, 'release'> {
  const ending = new AbortController();
  let own: Reached | undefined;
  const watch = async () => {
    if (reached.isOurs) return;
    for (let missing = 0; !ending.signal.aborted && own === undefined;) {
      await context.clock.sleep(KEEP_POLL_MS, ending.signal);
      missing = (await findOwner(context.home)) === undefined ? missing + 1 : 0;
      if (missing >= KEEP_MISSES) own = await startHere(context).catch(() => undefined);
    }
  };
  const watching = watch().catch(() => undefined); // only ever cancelled
  return {
    async release() {
      ending.abort();
      await watching;
      await own?.release();
    },
  };
}

/** At a terminal Ctrl-C is a key of the chat; a signal from outside ends gateway and process in order. */
async function converse(
  options: ChatOptions,
  { interrupted, gateway }: { interrupted: Interrupt; gateway: Reached },
): Promise<number> {
  const end = () => void gateway.release().finally(() => process.exit(EXIT.interrupted));
  interrupted.signal.addEventListener('abort', end, { once: true });
  try {
    return await runChat(options);
  } finally {
    interrupted.signal.removeEventListener('abort', end);
  }
}

function chatOptions(context: CliContext, socketPath: string, interrupted: Interrupt): ChatOptions {
  return {
    socketPath,
    input: context.stdin,
    output: context.stdout,
    errors: context.stderr,
    clock: context.clock,
    color: context.stdout.isTTY && context.stdout.hasColors(),
    downloadsFolder: path.join(context.home, 'downloads'),
    historyFile: path.join(context.home, 'chat-history'),
    signal: interrupted.signal,
  };
}

interface Reached {
  socket: string;
  isOurs: boolean;
  /** Ends the gateway when it is ours. Idempotent. */
  release(): Promise<void>;
}

async function reachGateway(context: CliContext): Promise<Reached> {
  for (let attempt = 1; ; attempt++) {
    const owner = await findOwner(context.home);
    if (owner?.socket !== undefined) return { socket: owner.socket, isOurs: false, release: async () => undefined };
    if (owner && attempt > SOCKET_ATTEMPTS)
      throw new AppError(
        'db_locked',
        `Process ${owner.pid} (${owner.purpose}) owns the data in ${context.home}. Try again when it has ended.`,
      );
    if (!owner) {
      const started = await startHere(context).catch((error: unknown) => {
        // Somebody else was faster: theirs will do.
        if (asAppError(error).code === 'db_locked' && attempt <= SOCKET_ATTEMPTS) return undefined;
        throw error;
      });
      if (started) return started;
    }
    await context.clock.sleep(SOCKET_POLL_MS);
  }
}

/** The whole gateway, its log in the file only. A restart that is asked for in the chat happens here, under the same socket. */
async function startHere(context: CliContext): Promise<Reached> {
  const ending = new AbortController();
  const start = () => startOnAnyPort({ home: context.home, signal: ending.signal });
  const first = await start();
  const run = async () => {
    for (let gateway = first; (await gateway.done) === EXIT.restart && !ending.signal.aborted;) gateway = await start();
  };
  const ended = run().catch((error: unknown) => context.note(`herald: ${asAppError(error).publicMessage}`));
  return {
    socket: first.socket,
    isOurs: true,
    async release() {
      ending.abort();
      await ended;
    },
  };
}

/** The chat needs the socket alone, so a taken port is no reason to refuse. */
async function startOnAnyPort(options: StartOptions): Promise<StartedGateway> {
  const { startGateway } = await import('../../gateway/compose.ts');
  try {
    return await startGateway(options);
  } catch (error) {
    if (asAppError(error).code !== 'port_in_use') throw error;
    return startGateway({ ...options, port: 0 });
  }
}

/** Keeps what is written to it. */
function makeSink(): Writable & { text(): string } {
  let written = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      done();
    },
  });
  return Object.assign(sink, { text: () => written });
}
