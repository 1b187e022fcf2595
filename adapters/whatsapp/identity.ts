// One person, one id, whatever address the platform uses for them this time. A message names its sender by phone number, by an id that
// hides the number (a LID in the web protocol, a business-scoped user id in the Cloud API), or by both.
//
// Rules: the first address that we ever saw of a person is their id, the phone number if there was one. Each address, once seen, keeps
// the id that it was given; an address that appears beside a known one is given the same id. So an id never changes when the number (or
// the hidden id) becomes known later. If two addresses had ids of their own before we learnt that they are one person, the id that was
// used in a direct message wins, since pairing happens there; if that does not decide, that of the phone number.
import type { Cursor } from '../contract.ts';
import { chatId, userId, type ChatId, type UserId } from '../../shared/ids.ts';

export interface PersonAddress {
  /** Digits of the phone number with country code. */
  phone?: string | undefined;
  /** The address that hides the number, such as `123@lid`. */
  alias?: string | undefined;
}

export interface Identities {
  /** The person's id; remembers the addresses first. `isDm`: they are talking to us alone. Rejects when that cannot be stored. */
  resolve(person: PersonAddress, isDm: boolean): Promise<UserId>;
}

const PREFIX = 'id:';
/** People whose ids are kept in memory; others are read again. */
const MAX_CACHED = 5_000;

interface Known {
  id: string;
  isDm: boolean;
}

export function openIdentities(cursor: Cursor): Identities {
  const cache = new Map<string, Known>();
  let last: Promise<unknown> = Promise.resolve();

  async function read(address: string | undefined): Promise<Known | undefined> {
    if (address === undefined) return undefined;
    const cached = cache.get(address);
    if (cached) return cached;
    const stored = await cursor.get(PREFIX + address);
    const match = stored === undefined ? null : /^(dm|-) (.+)$/s.exec(stored);
    const known = match?.[2] === undefined ? undefined : { id: match[2], isDm: match[1] === 'dm' };
    if (known) remember(address, known);
    return known;
  }

  function remember(address: string, known: Known): void {
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(address, known);
  }

  async function resolve(person: PersonAddress, isDm: boolean): Promise<UserId> {
    const addresses = [person.phone, person.alias].filter((one) => one !== undefined);
    const known = await Promise.all(addresses.map(read));
    const [first] = addresses;
    if (first === undefined) throw new TypeError('a person has at least one address');
    const found = known.filter((one) => one !== undefined);
    const chosen = found.find((one) => one.isDm) ?? found[0];
    const result: Known = { id: chosen?.id ?? first, isDm: isDm || (chosen?.isDm ?? false) };
    const changed = addresses.filter((_, i) => known[i]?.id !== result.id || known[i]?.isDm !== result.isDm);
    if (changed.length > 0) {
      const value = `${result.isDm ? 'dm' : '-'} ${result.id}`;
      await cursor.update(Object.fromEntries(changed.map((address) => [PREFIX + address, value])));
      for (const address of changed) remember(address, result);
    }
    return userId(result.id);
  }

  return {
    resolve(person, isDm) {
      // One after the other: two messages of one person must not both be the first.
      const next = last.then(() => resolve(person, isDm));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** The direct chat with a person has the person's id. */
export function dmOf(user: UserId): ChatId {
  return chatId(user);
}
