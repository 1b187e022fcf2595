// What the gateway's own parts need to know, as compose.ts takes it from the configuration.
import type { AdapterHost } from '../adapters/contract.ts';
import type { AccessPolicy } from '../pairing/policy.ts';
import type { AccountId } from '../shared/ids.ts';
import type { QueueMode } from '../shared/messages.ts';

export interface GatewaySettings {
  /** Turns at the same time over all sessions. */
  maxConcurrentTurns: number;
  /** How long to wait for the rest of a text or album that the platform cut in pieces. */
  debounceMs: number;
  queueMode: QueueMode;
  /** Messages get a reaction while they are worked on. */
  receipts: boolean;
  /** A turn that runs longer is stopped and says so. */
  turnTimeoutMs: number;
  /** Older messages are not answered and older answers not sent; the person is told once. */
  ttlMs: number;
  /** How long stop() waits for running turns. */
  drainMs: number;
  /** How far back platforms fetch messages of the time when we were away. */
  backfill: AdapterHost['backfill'];
  dmScope: 'person' | 'chat';
  access(platform: string, account: AccountId): AccessPolicy;
}
