// Reactions that say "I have it" and take themselves back with the answer; off unless they are asked for, since many find them noisy.
import type { Adapter } from '../../adapters/contract.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import type { Address } from '../../shared/messages.ts';

/** Emoji that every platform with reactions lets bots use; Telegram's list is the shortest: https://core.telegram.org/bots/api#reactiontypeemoji (read 2026-11-21). */
const SEEN = '👀';
const FAILED = '👎';

export interface Receipts {
  /** The message is on disk and will be worked on. */
  accepted(row: InboxRow): void;
  ended(rows: readonly InboxRow[], wentWell: boolean): void;
}

export function makeReceipts(ports: { isOn(): boolean; find(at: Address): Adapter | undefined }): Receipts {
  const react = (row: InboxRow, emoji: string | undefined) => {
    const adapter = row.kind === 'message' && !row.payload.event ? ports.find(row.address) : undefined;
    if (adapter?.react && adapter.capabilities(row.address).reactions === 'full')
      void adapter.react(row.address, row.message, emoji);
  };
  return {
    accepted(row) {
      if (ports.isOn()) react(row, SEEN);
    },
    ended(rows, wentWell) {
      if (ports.isOn()) for (const row of rows) react(row, wentWell ? undefined : FAILED);
    },
  };
}
