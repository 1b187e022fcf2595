// Holds back what a server sends without end: every message of a server passes here before the protocol sees it.
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';

/** Messages at once, and per second after that. A busy server sends some hundreds: progress, log lines. */
const BURST = 3_000;
const PER_SECOND = 500;

/** What the SDK gives for a connection that is gone (types.js, ErrorCode). */
const CONNECTION_CLOSED = -32_000;
/** A last message may still be on its way through the SDK when its stream has ended. */
const SETTLE_MS = 100;

export interface GuardedTransport extends Transport {
  /** No answer to this request will come any more: unless it is there already, the request fails. */
  abandon(request: RequestId): void;
}

/**
 * The transport with a limit on messages: over it, the connection ends. The result is itself a transport, and the only one that the
 * protocol gets to see.
 */
export function guardTransport(inner: Transport, clock: Clock): GuardedTransport {
  const waiting = new Set<RequestId>();
  let tokens = BURST;
  let at = clock.now();
  let isOver = false;
  const guarded: GuardedTransport = {
    start: () => inner.start(),
    send(message, options) {
      if ('method' in message && 'id' in message) waiting.add(message.id);
      return inner.send(message, options);
    },
    abandon(id) {
      clock.after(SETTLE_MS, () => {
        const error = { code: CONNECTION_CLOSED, message: 'Connection closed' };
        if (waiting.delete(id)) guarded.onmessage?.({ jsonrpc: '2.0', id, error });
      });
    },
    close: () => inner.close(),
    setProtocolVersion: (version) => inner.setProtocolVersion?.(version),
    get sessionId() {
      return inner.sessionId;
    },
  };
  inner.onclose = () => guarded.onclose?.();
  inner.onerror = (error) => guarded.onerror?.(error);
  inner.onmessage = (message, extra) => {
    if (isOver) return;
    if (!('method' in message) && message.id !== undefined) waiting.delete(message.id);
    const now = clock.now();
    tokens = Math.min(BURST, tokens + ((now - at) / 1000) * PER_SECOND) - 1;
    at = now;
    if (tokens >= 0) return guarded.onmessage?.(message, extra);
    isOver = true;
    guarded.onerror?.(new AppError('tool_unavailable', 'The MCP server sends messages without end.'));
    void inner.close();
  };
  return guarded;
}
