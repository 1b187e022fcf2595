// What syncs told about keys while they could not be read (the package is not installed any more): the homeserver tells it once only.
import { z } from 'zod';
import type { Cursor } from '../../contract.ts';
import { deviceNewsSchema, type DeviceNews } from './machine.ts';

const PREFIX = 'unread-news:';

/** On disk when it resolves. */
export async function keepNews(cursor: Cursor, news: DeviceNews): Promise<void> {
  const { to_device, device_lists } = news;
  const hasEvents = (to_device?.events.length ?? 0) > 0;
  const hasChanges = (device_lists?.changed?.length ?? 0) > 0;
  if (!hasEvents && !hasChanges) return;
  const last = [...(await cursor.list(PREFIX)).keys()].at(-1);
  // After any of it everybody is asked for anew: that devices changed need not be kept twice.
  if (!hasEvents && last !== undefined) return;
  const next = last === undefined ? 0 : Number(last.slice(PREFIX.length)) + 1;
  await cursor.set(PREFIX + String(next).padStart(12, '0'), JSON.stringify({ to_device }));
}

/** Hands over all that is kept, in order; each is forgotten once it is taken. */
export async function takeKeptNews(cursor: Cursor, take: (news: DeviceNews) => Promise<unknown>): Promise<number> {
  const kept = await cursor.list(PREFIX);
  for (const [name, text] of kept) {
    const json: unknown = JSON.parse(z.string().parse(text));
    await take(deviceNewsSchema.parse(json));
    await cursor.update({ [name]: undefined });
  }
  return kept.size;
}
