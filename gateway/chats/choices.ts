// Where a platform has no buttons, choices are numbered lines, and a number chooses one of them.
import type { Capabilities } from '../../adapters/capabilities.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import { listLatestOutbox, type OutboxRow } from '../../data/process/outbox.ts';
import { hasButtons } from '../outbox.ts';

/** A number answers what was asked just before, not something of long ago. */
const LOOK_BACK = 3;
const MAX_AGE_MS = 24 * 3_600_000;

/** What the choice with the number that `row` says would have sent; undefined when it chooses nothing. */
export async function chosenByNumber(
  db: ProcessDb,
  row: InboxRow,
  capabilities: Capabilities,
): Promise<string | undefined> {
  const number = /^\s*(\d{1,2})\s*[.)]?\s*$/.exec(row.payload.text)?.[1];
  if (number === undefined || row.kind !== 'message' || hasButtons(capabilities)) return undefined;
  const recent = await listLatestOutbox(db, row.address, LOOK_BACK);
  const asked = recent.find((one) => isChoice(one) && row.receivedAt - one.createdAt < MAX_AGE_MS);
  return asked?.buttons.flat()[Number(number) - 1]?.data;
}

/** A question that offers no buttons is what a number answers all the same, and not what was offered before it. */
function isChoice({ buttons, key }: OutboxRow): boolean {
  return buttons.length > 0 || /^q[0-9A-Z]{26}\./.test(key);
}
