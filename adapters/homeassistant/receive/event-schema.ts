// Events of Home Assistant's bus, as `subscribe_events` delivers them. https://developers.home-assistant.io/docs/api/websocket,
// https://www.home-assistant.io/docs/configuration/events/, read 2026-11-21.
import { z } from 'zod';
import { contextSchema } from '../connection/answers.ts';
import type { Context } from '../connection/calls.ts';

export const eventSchema = z.looseObject({
  event_type: z.string().max(200),
  data: z.record(z.string(), z.unknown()).default({}),
  /** LOCAL: made by this Home Assistant itself · REMOTE: brought in through an API or from another system. */
  origin: z.string().optional(),
  time_fired: z.string().max(64),
  context: contextSchema,
});
export type HomeEvent = z.output<typeof eventSchema>;

export function contextOf(context: z.output<typeof contextSchema>): Context {
  return { id: context.id, parentId: context.parent_id ?? undefined, userId: context.user_id ?? undefined };
}

/** The same for a redelivery; one context can have several events of one type, so their time has a part in it. */
export function eventId(event: HomeEvent): string {
  return `${event.event_type}/${event.context.id}/${event.time_fired.replace(/\D/g, '').slice(0, 20)}`;
}

/** Milliseconds since the epoch. */
export function eventTime(event: HomeEvent, now: number): number {
  const time = Date.parse(event.time_fired);
  return Number.isFinite(time) ? time : now;
}
