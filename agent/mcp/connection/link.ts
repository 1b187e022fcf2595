// A connection that is there when it is needed: opened by the first call, opened again after failures with growing pauses, closed when
// nobody has used it for a while. Calls run one after the other unless the server is said to bear more.
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { isTimeout, withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import { untilAborted } from '../../abort.ts';
import { appErrorOf, readFailure } from '../errors.ts';
import type { McpCaller } from '../ports.ts';
import type { Live } from './connect.ts';
import { makeQueue } from './queue.ts';

const BACKOFF = { baseMs: 250, maxMs: 60_000 } as const;
/** A call waits this long for the next attempt; a longer pause is told at once. */
const MAX_WAIT_MS = 5_000;

export type LinkState = 'idle' | 'connecting' | 'ready' | 'failed';

export interface LinkInput {
  server: string;
  clock: Clock;
  random: () => number;
  connectTimeoutMs: number;
  idleMs: number;
  callTimeoutMs: number;
  isParallel: boolean;
  /** Opens the connection. `caller` tells for whom calls run now. */
  open(events: { caller(): McpCaller | undefined; onClose(): void }, signal: AbortSignal): Promise<Live>;
  /** Runs on each new connection before anything else uses it. */
  greet(client: Client, signal: AbortSignal): Promise<void>;
  /** What went wrong, for status and log. */
  onTrouble(error: AppError): void;
}

export interface Link {
  state(): LinkState;
  /** Runs `work` on a live connection, within the time of a call. Rejects with AppError; `caller` is who pays and answers. */
  use<Value>(
    caller: McpCaller | undefined,
    signal: AbortSignal,
    work: (client: Client, signal: AbortSignal) => Promise<Value>,
  ): Promise<Value>;
  /** Ends it; what runs fails. Idempotent, and final. */
  close(): Promise<void>;
}

export function openLink(input: LinkInput): Link {
  const { server, clock } = input;
  const takeTurn = makeQueue();
  const life = new AbortController();
  const callers = new Set<McpCaller>();
  let live: Live | undefined;
  let connecting: Promise<Live> | undefined;
  let active = 0;
  let failures = 0;
  let notBefore = 0;
  let cancelIdle = () => {};

  /** Undefined when calls of several people run at once: then nobody can be asked in the name of one. */
  const caller = () => {
    const [first, ...others] = callers;
    const isOne = others.every(
      ({ session, scope }) => session === first?.session && scope.person === first.scope.person,
    );
    return isOne ? first : undefined;
  };

  function failed(error: unknown): AppError {
    const known = appErrorOf(server, error);
    failures++;
    notBefore = clock.now() + backoffMs(failures, BACKOFF, input.random);
    input.onTrouble(known);
    return known;
  }

  function sleepLater(): void {
    cancelIdle();
    if (active === 0) cancelIdle = clock.after(input.idleMs, () => void (active === 0 && drop()));
  }

  async function open(): Promise<Live> {
    let opened: Live | undefined;
    let isClosed = false;
    const onClose = () => {
      isClosed = true;
      if (opened === undefined || live !== opened) return;
      live = undefined;
      failed(new AppError('tool_unavailable', `MCP server ${server} closed the connection.`));
    };
    try {
      const found = await withDeadline(
        { clock, timeoutMs: input.connectTimeoutMs, parent: life.signal },
        async (signal) => {
          opened = await untilAborted(input.open({ caller, onClose }, signal), signal);
          await untilAborted(input.greet(opened.client, signal), signal);
          return opened;
        },
      );
      if (isClosed) throw new AppError('tool_unavailable', `MCP server ${server} ended right after it began.`);
      live = found;
      // Whoever asked for it may have given up meanwhile.
      sleepLater();
      return found;
    } catch (error) {
      void opened?.close();
      if (life.signal.aborted) throw gone(server);
      throw failed(startError(server, error));
    }
  }

  async function ensure(signal: AbortSignal): Promise<Live> {
    if (life.signal.aborted) throw gone(server);
    if (live) return live;
    if (!connecting) {
      const wait = notBefore - clock.now();
      if (wait > MAX_WAIT_MS)
        throw new AppError(
          'tool_unavailable',
          `MCP server ${server} failed ${failures} times; it is tried again in ${Math.ceil(wait / 1000)} s. Nothing was done.`,
          { retryable: true, retryAfterMs: wait },
        );
      if (wait > 0) await clock.sleep(wait, signal);
    }
    if (live) return live;
    connecting ??= open().finally(() => (connecting = undefined));
    return untilAborted(connecting, signal);
  }

  async function drop(): Promise<void> {
    const dropped = live;
    live = undefined;
    await dropped?.close();
  }

  async function attempt<Value>(
    who: McpCaller | undefined,
    signal: AbortSignal,
    work: (client: Client, signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    const { client } = await ensure(signal);
    // A copy, so that two calls of the same caller are two.
    const entry = who && { ...who };
    if (entry) callers.add(entry);
    active++;
    cancelIdle();
    try {
      const value = await untilAborted(work(client, signal), signal);
      failures = 0;
      notBefore = 0;
      return value;
    } catch (error) {
      // Whoever does not answer may never answer again: the next call gets a new connection.
      if (isTimeout(signal.reason) && active === 1) await drop();
      throw error;
    } finally {
      if (entry) callers.delete(entry);
      active--;
      sleepLater();
    }
  }

  async function use<Value>(
    who: McpCaller | undefined,
    signal: AbortSignal,
    work: (client: Client, signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    const { callTimeoutMs } = input;
    return withDeadline({ clock, timeoutMs: callTimeoutMs, parent: signal }, async (inner) => {
      const release = input.isParallel ? () => {} : await takeTurn(inner);
      try {
        return await attempt(who, inner, work).catch(async (error: unknown) => {
          // The server did not take the call, so it may be made again.
          if (readFailure(error).kind !== 'no-session') throw error;
          await drop();
          return attempt(who, inner, work);
        });
      } catch (error) {
        if (isTimeout(inner.reason))
          throw new AppError(
            'timeout',
            `MCP server ${server} did not answer in ${Math.round(callTimeoutMs / 1000)} s. Whether the call took effect is unknown; do not simply repeat it.`,
            { cause: error },
          );
        throw error;
      } finally {
        release();
      }
    });
  }

  return {
    state: () => (live ? 'ready' : connecting ? 'connecting' : failures > 0 ? 'failed' : 'idle'),
    use,
    async close() {
      cancelIdle();
      life.abort(gone(server));
      await drop();
      await connecting?.catch(() => undefined);
    },
  };
}

/** Nothing was called yet, so nothing is unknown. */
function startError(server: string, cause: unknown): unknown {
  const failure = readFailure(cause);
  if (failure.kind === 'ours' && failure.error.code === 'cancelled')
    return new AppError('timeout', `MCP server ${server} did not get ready in time.`, { cause });
  if (failure.kind === 'closed')
    return new AppError('tool_unavailable', `MCP server ${server} ended while it was starting.`, { cause });
  return cause;
}

function gone(server: string): AppError {
  return new AppError('tool_unavailable', `MCP server ${server} is not in use any more. Nothing was done.`);
}
