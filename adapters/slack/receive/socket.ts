// One Socket Mode connection (https://docs.slack.dev/apis/events-api/using-socket-mode, read 2026-11-21), by the SDK's client. When to connect
// again is ours (connection.ts): the SDK waits 5 s and longer, and gives up for good where the network is only down. Bolt's App is not
// used: it acknowledges an event before any listener has seen it.
import { SocketModeReceiver } from '@slack/bolt';
import { z } from 'zod';
import { abortReason, type Clock } from '../../../shared/clock.ts';
import { untilAborted, withDeadline } from '../../../shared/deadline.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { clientOptions } from '../api.ts';
import { describe } from '../errors.ts';
import { makeSdkLogger } from '../sdk-logger.ts';

/** From apps.connections.open to `hello`. */
const HELLO_TIMEOUT_MS = 15_000;
/** Our pings; a connection that answers none of them for so long is dead. */
const PING_TIMEOUT_MS = 10_000;
/** Slack pings about every 10 s; silence for so long means that nobody is there. */
const SILENCE_MS = 30_000;

export type Envelope = { type: 'events_api' | 'slash_commands' | 'interactive'; body: unknown };

export interface SocketDeps {
  appToken: string;
  apiRoot: string;
  fetch: typeof fetch;
  log: Logger;
  redactor: Redactor;
  clock: Clock;
  /** Called before anything that comes over the connection is handed on. */
  onHello(hello: { connections: number }): void;
  /** Resolves when the envelope may be acknowledged; rejects when it must not be. */
  onEnvelope(envelope: Envelope): Promise<void>;
  /** Default 10 s and 30 s. */
  pingTimeoutMs?: number | undefined;
}

export interface Socket {
  /** Resolves with the reason once Slack has announced the end of the connection, or it has ended. */
  leaving: Promise<string>;
  /** Closes at once. Idempotent. */
  close(): void;
}

const frameSchema = z.looseObject({
  type: z.string(),
  reason: z.string().optional(),
  num_connections: z.number().optional(),
  envelope_id: z.string().optional(),
  payload: z.unknown().optional(),
});
const eventPayload = z.looseObject({ event: z.looseObject({ type: z.string() }) });
const envelopeSchema = z.object({
  type: z.enum(['events_api', 'slash_commands', 'interactive']),
  body: z.unknown(),
  ack: z.custom<() => Promise<void>>((value) => typeof value === 'function'),
});

/** Resolves once the connection stands. Rejects with the SDK's errors, or when `signal` is aborted. */
export async function openSocket(deps: SocketDeps, signal: AbortSignal): Promise<Socket> {
  const left = Promise.withResolvers<string>();
  const { client } = new SocketModeReceiver({
    appToken: deps.appToken,
    autoReconnectEnabled: false,
    clientPingTimeout: deps.pingTimeoutMs ?? PING_TIMEOUT_MS,
    serverPingTimeout: SILENCE_MS,
    installerOptions: { clientOptions: clientOptions({ ...deps, log: () => deps.log }) },
    logger: makeSdkLogger(() => deps.log, deps.redactor),
  });
  // The SDK's own reader throws over frames that it does not expect, and nobody would catch that.
  const [read] = client.listeners('ws_message');
  client.removeAllListeners('ws_message');
  client.on('ws_message', (data: unknown, isBinary: unknown) => {
    const frame = readFrame(data);
    if (frame === undefined) return deps.log.warn({}, 'frame could not be read');
    if (frame.type === 'hello') deps.onHello({ connections: frame.num_connections ?? 1 });
    // Not handed on: the SDK would hang up at once, and what is being stored could not be acknowledged any more.
    if (frame.type === 'disconnect') return left.resolve(frame.reason ?? 'disconnect');
    read?.(data, isBinary);
  });
  client.on('disconnected', () => left.resolve('closed'));
  client.on('slack_event', (raw: unknown) => {
    const envelope = envelopeSchema.safeParse(raw);
    if (!envelope.success) return;
    const { type, body, ack } = envelope.data;
    deps
      .onEnvelope({ type, body })
      .then(ack)
      // Not acknowledged, Slack sends it again.
      .catch((error: unknown) =>
        deps.log.debug({ problem: describe(error, deps.redactor).message }, 'not acknowledged'),
      );
  });

  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    // The first asks the other side to close and would wait 30 s for it; the second does not wait.
    for (let i = 0; i < 2; i++) client.disconnect().catch(() => undefined);
  };
  await startInTime(deps, { start: () => client.start(), close }, signal);
  return { leaving: left.promise, close };
}

async function startInTime(
  deps: SocketDeps,
  client: { start(): Promise<unknown>; close(): void },
  signal: AbortSignal,
): Promise<void> {
  const deadline = { clock: deps.clock, timeoutMs: HELLO_TIMEOUT_MS, parent: signal };
  try {
    await withDeadline(deadline, async (until) => {
      const tooLate = untilAborted(until).then(() => {
        throw signal.aborted ? abortReason(signal) : new Error('Slack did not say hello in time.');
      });
      await Promise.race([client.start().then(undefined, fail), tooLate]);
    });
  } catch (error) {
    client.close();
    throw error;
  }
}

/** The SDK rejects with nothing when the connection ends before it stood. */
function fail(error: unknown): never {
  throw error instanceof Error ? error : new Error('The connection ended before it stood.');
}

function readFrame(data: unknown): z.output<typeof frameSchema> | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const frame = frameSchema.parse(JSON.parse(data));
    if (frame.type === 'events_api') eventPayload.parse(frame.payload);
    return frame;
  } catch {
    return undefined;
  }
}
