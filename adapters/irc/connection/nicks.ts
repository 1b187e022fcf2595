// Nicks to try when ours is taken.

/** What comes behind the nick, in this order. */
const SUFFIXES = ['_', '__', '-', '1', '2', '3'];
/** Many servers take no more; a longer nick is cut by them, and would then be somebody else's. */
const SHORT_NICK_CHARS = 16;

/** Attempt 1 is the first after our own. Undefined: no more to try. */
export function nextNick(nick: string, attempt: number): string | undefined {
  const suffix = SUFFIXES[attempt - 1];
  if (suffix === undefined) return undefined;
  return `${nick.slice(0, Math.max(1, SHORT_NICK_CHARS - suffix.length))}${suffix}`;
}
