// Ids of Discord: 64-bit numbers as text whose upper bits are a time, so that they sort by it.
// https://docs.discord.com/developers/reference#snowflakes, read 2026-11-21.

/** 2015-01-01T00:00:00Z. */
const EPOCH_MS = 1_420_070_400_000;
const TIME_SHIFT = 22n;

export function isSnowflake(text: string): boolean {
  return /^\d{15,20}$/.test(text);
}

/** When it was made, in ms since the epoch. Throws on text that is no number. */
export function snowflakeTime(id: string): number {
  return Number(BigInt(id) >> TIME_SHIFT) + EPOCH_MS;
}

/** The lowest id of that millisecond. */
export function snowflakeAt(ms: number): string {
  return String(BigInt(Math.max(0, Math.floor(ms) - EPOCH_MS)) << TIME_SHIFT);
}

/** Whether `a` is older than `b`. */
export function isOlder(a: string, b: string): boolean {
  return BigInt(a) < BigInt(b);
}
