// The trace of a mail: which Received lines our own side wrote, and from where on every line may be the sender's invention.
import type { HeaderBlock } from '../headers.ts';

/**
 * Place in the header of the Received line with which our side took the mail from outside. All above it was added after that, so it is our
 * side's; all below may be a lie. Hops inside our side (LMTP into the mailbox, queues that name no client) lie above it. Length of the
 * list when there is no such line.
 */
export function findBorder({ list }: HeaderBlock): number {
  const border = list.findIndex((header) => header.name === 'received' && !isInnerHop(header.value));
  return border < 0 ? list.length : border;
}

/**
 * End of the region in which a server that writes its results below its own Received line (Gmail, Proton) can have put them: the first
 * Received line below the border that another organization wrote.
 */
export function findRegionEnd({ list }: HeaderBlock, border: number): number {
  const organization = organizationOf(list[border]?.value ?? '');
  const end = list.findIndex(
    (header, at) => at > border && header.name === 'received' && organizationOf(header.value) !== organization,
  );
  return end < 0 ? list.length : end;
}

/**
 * Only what the line's own words make certain. The client's address does not: behind a proxy or a container's port the whole world comes
 * from 127.0.0.1, and its mails must not pass for ours.
 */
function isInnerHop(value: string): boolean {
  const { from, by } = splitReceived(value);
  return from === '' || /\swith\s+lmtp[sa]*\b/i.test(by);
}

/** `by` begins at the last " by " outside of comments' names: a client may call itself anything, even "x by y". */
function splitReceived(value: string): { from: string; by: string } {
  const text = value.replace(/\s+/g, ' ');
  const stamp = text.lastIndexOf(';');
  const clauses = stamp < 0 ? text : text.slice(0, stamp);
  // The recipient's address may be chosen by the sender, too.
  const end = clauses.search(/ for <[^<>]*>[^<>]*$/i);
  const body = end < 0 ? clauses : clauses.slice(0, end);
  const by = body.toLowerCase().lastIndexOf(' by ');
  const isFrom = /^from /i.test(body);
  if (by < 0) return isFrom ? { from: body, by: '' } : { from: '', by: body };
  return isFrom ? { from: body.slice(0, by), by: body.slice(by) } : { from: '', by: body };
}

/** Last two labels of the host that wrote the line. */
function organizationOf(value: string): string {
  const host = /\bby\s+([a-z0-9.-]+)/i.exec(splitReceived(value).by)?.[1] ?? '';
  return host.toLowerCase().split('.').slice(-2).join('.');
}
