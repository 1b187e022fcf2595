// What groups are called and who is in them, asked for once in a while.
import type { GroupMetadata } from 'baileys';
import type { Clock } from '../../../shared/clock.ts';

const VALID_MS = 5 * 60_000;
const MAX_KEPT = 500;
/** A message does not wait longer than this for the name of its group. */
const TITLE_WAIT_MS = 3_000;

export interface Groups {
  /** Undefined when WhatsApp does not tell. Never rejects. */
  get(jid: string): Promise<GroupMetadata | undefined>;
  /** As `get`, within a few seconds. */
  title(jid: string): Promise<string | undefined>;
  /** Something in it has changed. */
  forget(jid: string): void;
}

export function makeGroups(ask: (jid: string) => Promise<GroupMetadata>, clock: Clock): Groups {
  const kept = new Map<string, { at: number; answer: Promise<GroupMetadata | undefined> }>();

  function get(jid: string): Promise<GroupMetadata | undefined> {
    const known = kept.get(jid);
    if (known && clock.now() - known.at < VALID_MS) return known.answer;
    if (kept.size >= MAX_KEPT) kept.clear();
    const answer = ask(jid).catch(() => {
      kept.delete(jid);
      return undefined;
    });
    kept.set(jid, { at: clock.now(), answer });
    return answer;
  }

  return {
    get,
    async title(jid) {
      const enough = new AbortController();
      const late = clock.sleep(TITLE_WAIT_MS, enough.signal).catch(() => undefined);
      const found = await Promise.race([get(jid), late]);
      enough.abort();
      return found?.subject;
    },
    forget(jid) {
      kept.delete(jid);
    },
  };
}
