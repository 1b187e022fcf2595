// Keys of the crypto library's tables as names of durable rows, and their order (https://www.w3.org/TR/IndexedDB-3/#key-construct). Pure.
import { z } from 'zod';

export type Key = string | number | readonly Key[];

const keySchema: z.ZodType<Key> = z.lazy(() => z.union([z.string(), z.number(), z.array(keySchema)]));

/** Throws when it is no key, such as a boolean. */
export function readKey(value: unknown): Key {
  const parsed = keySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DOMException('This is no valid key.', 'DataError');
}

/** Numbers stand before texts, texts before lists. */
export function compareKeys(one: Key, other: Key): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === 'string' && typeof other === 'string') return one < other ? -1 : Number(one > other);
  if (isList(one) && isList(other)) {
    for (const [index, item] of one.entries()) {
      const against = other[index];
      if (against === undefined) return 1;
      const order = compareKeys(item, against);
      if (order !== 0) return order;
    }
    return one.length - other.length;
  }
  return rankOf(one) - rankOf(other);
}

function isList(key: Key): key is readonly Key[] {
  return typeof key === 'object';
}

function rankOf(key: Key): number {
  if (typeof key === 'number') return 0;
  return typeof key === 'string' ? 1 : 2;
}

/** Keys between two ends; undefined: open to that side. */
export class KeyRange {
  readonly lower: Key | undefined;
  readonly upper: Key | undefined;
  readonly lowerOpen: boolean;
  readonly upperOpen: boolean;

  constructor(ends: { lower?: Key; upper?: Key; lowerOpen?: boolean; upperOpen?: boolean }) {
    this.lower = ends.lower;
    this.upper = ends.upper;
    this.lowerOpen = ends.lowerOpen ?? false;
    this.upperOpen = ends.upperOpen ?? false;
  }

  static only(key: unknown): KeyRange {
    const only = readKey(key);
    return new KeyRange({ lower: only, upper: only });
  }

  static lowerBound(lower: unknown, lowerOpen = false): KeyRange {
    return new KeyRange({ lower: readKey(lower), lowerOpen });
  }

  static upperBound(upper: unknown, upperOpen = false): KeyRange {
    return new KeyRange({ upper: readKey(upper), upperOpen });
  }

  static bound(lower: unknown, upper: unknown, lowerOpen = false, upperOpen = false): KeyRange {
    return new KeyRange({ lower: readKey(lower), upper: readKey(upper), lowerOpen, upperOpen });
  }

  includes(key: Key): boolean {
    const low = this.lower === undefined ? 1 : compareKeys(key, this.lower);
    const high = this.upper === undefined ? -1 : compareKeys(key, this.upper);
    return (this.lowerOpen ? low > 0 : low >= 0) && (this.upperOpen ? high < 0 : high <= 0);
  }
}

/** A key, a range, or undefined for everything. */
export function readRange(query: unknown): KeyRange {
  if (query === undefined || query === null) return new KeyRange({});
  return query instanceof KeyRange ? query : KeyRange.only(query);
}

/** What the JSON of all keys of the range begins with. */
export function prefixOf({ lower, upper }: KeyRange): string {
  return lower === undefined || upper === undefined ? '' : sharedPrefix(lower, upper);
}

function sharedPrefix(lower: Key, upper: Key): string {
  if (typeof lower === 'string' && typeof upper === 'string') {
    let length = 0;
    while (length < lower.length && lower[length] === upper[length]) length++;
    // Half a pair is written otherwise than the whole.
    if (/[\ud800-\udbff]$/.test(lower.slice(0, length))) length--;
    return JSON.stringify(lower.slice(0, length)).slice(0, -1);
  }
  if (!isList(lower) || !isList(upper)) return '';
  let prefix = '[';
  for (const [index, item] of lower.entries()) {
    const against = upper[index];
    if (against === undefined) break;
    if (compareKeys(item, against) !== 0) return prefix + sharedPrefix(item, against);
    prefix += `${JSON.stringify(item)}${index + 1 < Math.min(lower.length, upper.length) ? ',' : ''}`;
  }
  return prefix;
}
