// Gives messages to WhatsApp and waits until it says that it has them: Baileys is content once the bytes are written.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { BinaryNode, proto } from 'baileys';
import { SendError } from '../../send-error.ts';
import { refusalOf } from './refusals.ts';
import { statusOf, type Socket } from '../socket.ts';

/** The server answers within a second as a rule; a slow uplink may hold the message up. */
const ACK_TIMEOUT_MS = 30_000;

export interface Relay {
  /** Resolves once the server has taken it. Rejects with SendError. A repeat with the same id is shown once. */
  send(jid: string, message: proto.IMessage, options: RelayOptions): Promise<void>;
  /** To be called when keys have been used for the message that is being sent. */
  onEncrypted(): void;
}

export interface RelayOptions {
  id: string;
  /** Marks of the stanza, such as that it is an edit. */
  attributes?: Record<string, string> | undefined;
  signal: AbortSignal;
}

export function makeRelay(current: () => Socket | undefined): Relay {
  const progress = new AsyncLocalStorage<{ isEncrypted: boolean }>();

  async function relay(jid: string, message: proto.IMessage, { id, attributes, signal }: RelayOptions): Promise<void> {
    if (signal.aborted) throw new SendError('unreachable', 'no', 'Cancelled before it was sent.');
    const socket = current();
    if (!socket) throw new SendError('unreachable', 'no', 'WhatsApp is not connected.');
    const state = { isEncrypted: false };
    const acked = socket.waitForMessage<BinaryNode>(id, ACK_TIMEOUT_MS);
    // Looked at below; without the send it fails with nobody waiting.
    acked.catch(() => undefined);
    try {
      await progress.run(state, () =>
        socket.relayMessage(jid, message, { messageId: id, ...(attributes && { additionalAttributes: attributes }) }),
      );
    } catch (error) {
      throw explainRelay(error, state.isEncrypted);
    }
    const answer = await untilAborted(acked, signal);
    if (!answer) throw new SendError('unreachable', 'maybe', 'WhatsApp did not say whether it has the message.');
    if (answer.attrs['error']) throw refusalOf(Number(answer.attrs['error']) || 500);
  }

  return {
    send: relay,
    onEncrypted() {
      const state = progress.getStore();
      if (state) state.isEncrypted = true;
    },
  };
}

/** Before its keys were used, a message cannot have left; after it, it may have. */
function explainRelay(error: unknown, isEncrypted: boolean): SendError {
  if (isEncrypted) return new SendError('unreachable', 'maybe', 'The connection to WhatsApp broke while sending.');
  const status = statusOf(error);
  // 408 and 428 are Baileys' own words for a connection that is gone.
  if (status === undefined || status >= 500 || status === 408 || status === 428)
    return new SendError('unreachable', 'no', 'WhatsApp could not be asked where to send it.');
  return refusalOf(status);
}

async function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = () => aborted.resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // A connection that broke before the answer is an answer that did not come.
    return await Promise.race([promise.catch(() => undefined), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
