// Answers of Home Assistant's WebSocket commands, as little of them as is used.
import { z } from 'zod';

/** For commands whose answer does not matter. */
export const anything = z.unknown();

/** The error of a result. */
export const failureSchema = z.looseObject({ code: z.string().max(100), message: z.string().optional() });

/** `auth/current_user`. */
export const currentUserSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  is_admin: z.boolean().default(false),
});

/** Who or what caused something. */
export const contextSchema = z.looseObject({
  id: z.string().min(1).max(128),
  parent_id: z.string().nullish(),
  user_id: z.string().nullish(),
});

/** `call_service` and `fire_event`. */
export const calledSchema = z.looseObject({ context: contextSchema, response: z.unknown().optional() });

export const stateSchema = z.looseObject({
  entity_id: z.string(),
  state: z.string(),
  attributes: z.record(z.string(), z.unknown()).default({}),
  last_changed: z.string().optional(),
});
export type EntityState = z.output<typeof stateSchema>;
