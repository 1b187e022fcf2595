// Writes an answer to the socket, whole or with the fault that the script asks for.
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';

import type { BuiltAnswer, Fault } from './model-server-script.ts';

export interface StreamPlan {
  answer: BuiltAnswer;
  fault: Fault | undefined;
  delayMs: number;
  headers: Record<string, string>;
  /** Frame that tells of an error, for `error-event`. */
  errorFrame: string;
}

/** Resolves when everything is written, or the client has gone; true when the whole answer was sent. */
export async function writeStream(response: ServerResponse, plan: StreamPlan): Promise<boolean> {
  const { answer, fault } = plan;
  if (fault === 'no-response') return waitForClose(response);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...plan.headers });
  response.flushHeaders();
  if (fault === 'split-utf8') return writeByBytes(response, answer.frames.join(''));
  const cut = fault === 'half-line' || fault === 'reset-before-end' || fault === 'stall' || fault === 'error-event';
  const frames = cut ? answer.frames.slice(0, answer.finalFrom) : answer.frames;
  for (const [index, frame] of frames.entries()) {
    if (response.destroyed) return false;
    if (plan.delayMs > 0 && index > 0) await wait(plan.delayMs);
    // A half line is the last one before the end of the reply.
    response.write(fault === 'half-line' && index === frames.length - 1 ? frame.slice(0, frame.length / 2) : frame);
  }
  switch (fault) {
    case 'stall':
      return waitForClose(response);
    case 'reset-before-end':
      await nextTurn();
      response.socket?.resetAndDestroy();
      return false;
    case 'error-event':
      response.end(plan.errorFrame);
      return false;
    default:
      response.end();
      return !cut;
  }
}

/** Odd sizes, with a turn of the event loop in between, so that characters of several bytes arrive in pieces. */
async function writeByBytes(response: ServerResponse, text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  const size = bytes.length > 20_000 ? 997 : 1;
  for (let at = 0; at < bytes.length; at += size) {
    if (response.destroyed) return false;
    response.write(bytes.subarray(at, at + size));
    await nextTurn();
  }
  response.end();
  return true;
}

/** At most ten minutes: a test that forgets its client must not keep the process. */
async function waitForClose(response: ServerResponse): Promise<boolean> {
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  if (response.destroyed) return false;
  await wait(600_000, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
  response.destroy();
  return false;
}
