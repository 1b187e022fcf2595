// Holds back what a server sends without end: every message of a server passes here before the protocol sees it.
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';

/** Messages at once, and per second after that. A busy server sends some hundreds: progress, log lines. */
const BURST = 3_000;
const PER_SECOND = 500;

/**
 * The transport with a limit on messages: over it, the connection ends. The result is itself a transport, and the only one that the
 * protocol gets to see.
 */
export function guardTransport(inner: Transport, clock: Clock): Transport {
  let tokens = BURST;
  let at = clock.now();
  let isOver = false;
  const guarded: Transport = {
    start: () => inner.start(),
    send: (message, options) => inner.send(message, options),
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
