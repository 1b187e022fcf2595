// Messages that waited longer than people want to have answered: left out, and told once per chat when the queue has been read.
import type { AdapterHost, Gap } from '../contract.ts';
import type { Clock } from '../../shared/clock.ts';
import type { ChatId } from '../../shared/ids.ts';
import type { ChatKind } from '../../shared/messages.ts';

/** The queue is read in one go; when nothing came for so long, it is over. */
const QUIET_MS = 5_000;

export interface Gaps {
  add(chat: { id: ChatId; kind: ChatKind }, sentAt: number): void;
  /** Tells what there is to tell, at once. */
  flush(): void;
}

export function makeGaps({ host, clock }: { host: Pick<AdapterHost, 'gap'>; clock: Clock }): Gaps {
  const open = new Map<ChatId, Gap & { missed: number }>();
  let cancel = () => {};

  function flush(): void {
    cancel();
    const told = [...open.values()];
    open.clear();
    // Never rejects, by contract.
    for (const gap of told) void host.gap(gap);
  }

  return {
    add(chat, sentAt) {
      const gap = open.get(chat.id) ?? { since: sentAt, until: sentAt, chat, missed: 0, reason: 'limit' as const };
      gap.since = Math.min(gap.since, sentAt);
      gap.until = Math.max(gap.until, sentAt);
      gap.missed++;
      open.set(chat.id, gap);
      cancel();
      cancel = clock.after(QUIET_MS, flush);
    },
    flush,
  };
}
