// How far each channel was received, and until when everything was: by the server's clock, on disk before anything newer counts.
import type { Cursor } from '../../contract.ts';

const CHANNEL = 'at.';
const ALIVE = 'alive';
const BEGAN = 'began';

export interface Progress {
  /** When we first listened: what was said before was not meant for us. */
  beganAt: number;
  /** Up to this moment all of the channel is stored. */
  reached(channel: string): number;
  /** Channels with a position of their own. */
  channels(): readonly string[];
  /** Everything of the channel up to `at` is stored. Never moves back. */
  advance(channel: string, at: number): Promise<void>;
  /** Everything of all channels up to `at` is stored. */
  advanceAll(at: number): Promise<void>;
  /** We are not in the channel any more. */
  forget(channel: string): Promise<void>;
}

/** Loads what an earlier run left; at the first run, everything before `now` (the server's time) counts as done. */
export async function openProgress(cursor: Cursor, now: number): Promise<Progress> {
  const positions = new Map<string, number>();
  for (const [key, value] of await cursor.list(CHANNEL)) positions.set(key.slice(CHANNEL.length), readTime(value) ?? 0);
  let began = readTime(await cursor.get(BEGAN));
  let alive = readTime(await cursor.get(ALIVE));
  if (began === undefined || alive === undefined) {
    began ??= now;
    alive ??= now;
    await cursor.update({ [BEGAN]: String(began), [ALIVE]: String(alive) });
  }
  let aliveAt = alive;
  return {
    beganAt: began,
    reached: (channel) => Math.max(aliveAt, positions.get(channel) ?? 0),
    channels: () => [...positions.keys()],
    async advance(channel, at) {
      if (at <= (positions.get(channel) ?? 0)) return;
      positions.set(channel, at);
      await cursor.set(`${CHANNEL}${channel}`, String(at));
    },
    async advanceAll(at) {
      if (at <= aliveAt) return;
      aliveAt = at;
      await cursor.set(ALIVE, String(at));
    },
    async forget(channel) {
      if (positions.delete(channel)) await cursor.update({ [`${CHANNEL}${channel}`]: undefined });
    },
  };
}

function readTime(value: string | undefined): number | undefined {
  const time = Number(value ?? 'none');
  return Number.isFinite(time) && time > 0 ? time : undefined;
}
