// Hands frames to the core one after the other, over WebSocket and polling alike: each is stored before the next is looked at.
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Frame } from '../envelope-schema.ts';
import { parseMessageId } from '../ids.ts';
import { readEnvelope, readFrame, type InboundContext, type InboundResult } from '../inbound.ts';
import type { People } from '../known/people.ts';
import type { Revisions } from '../known/revisions.ts';
import type { OwnSends, RecentTexts } from '../known/sent.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export interface Known {
  people: People;
  revisions: Revisions;
  ownSends: OwnSends;
  texts: RecentTexts;
}

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  known: Known;
  noteToSelfOnly: boolean;
  clock: Clock;
  signal: AbortSignal;
}

export interface Receiver {
  /**
   * Tries until the frame is stored or known to be of no use: nobody will send it again. False when the adapter was stopped before.
   * Never rejects.
   */
  take(raw: unknown): Promise<boolean>;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, known, clock, signal } = deps;
  const context: InboundContext = {
    account: deps.account,
    self: known.people.self,
    noteToSelfOnly: deps.noteToSelfOnly,
    nameOf: (id) => known.people.nameOf(id),
    originalOf: (author, timestamp) => known.revisions.originalOf(author, timestamp),
    isOwnSend: (timestamp) => known.ownSends.has(timestamp),
  };

  async function read(raw: unknown): Promise<InboundResult> {
    const result = readFrame(raw);
    if (result.kind === 'malformed') return result;
    const { frame } = result;
    await known.people.learn(frame);
    if (isSentByOurAccount(frame)) await known.ownSends.settled();
    return readEnvelope(frame, context);
  }

  /** A fault of ours in reading one frame must not hold up all that follow it. */
  async function readSafely(raw: unknown): Promise<InboundResult> {
    try {
      return await read(raw);
    } catch (error) {
      return { kind: 'malformed', reason: `reading it failed (${error instanceof Error ? error.name : 'unknown'})` };
    }
  }

  return {
    async take(raw) {
      const result = await readSafely(raw);
      if (result.kind === 'malformed') host.log.warn({ reason: result.reason }, 'message could not be read');
      if (result.kind === 'ignored') host.log.debug({ reason: result.reason }, 'envelope ignored');
      if (result.kind !== 'message') return true;
      const { message } = result;
      const key = parseMessageId(message.id);
      if (message.kind === 'edit' && key)
        await known.revisions.remember(key.author, key.timestamp, Number(message.revision));
      if (message.kind !== 'delete') known.texts.set(message.id, message.text);
      for (let attempt = 1; !signal.aborted; attempt++) {
        try {
          await host.receive(message);
          return true;
        } catch (error) {
          // The core's own error: its text is not ours to print.
          host.log.error(
            { error: error instanceof Error ? error.name : 'unknown', attempt },
            'message could not be stored; it is tried again',
          );
          await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => undefined);
        }
      }
      return false;
    },
  };
}

function isSentByOurAccount({ envelope }: Frame): boolean {
  return envelope.syncMessage?.sentMessage !== undefined && envelope.syncMessage.sentMessage !== null;
}
