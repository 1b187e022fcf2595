// States of the watched entities, from the compressed form of `subscribe_entities`: all of them at first, then what changed. Told at each
// connection anew, so nothing that still holds is missed. https://developers.home-assistant.io/docs/api/websocket and
// homeassistant/components/websocket_api/messages.py, read 2026-11-21.
import { z } from 'zod';
import { ENTITY_ID } from '../settings.ts';
import type { Context } from '../connection/calls.ts';

export interface HomeState {
  entity: string;
  state: string;
  attributes: Readonly<Record<string, unknown>>;
  context: Context;
  /** Seconds since the epoch, as Home Assistant has them. */
  changedAt: number;
  updatedAt: number;
}

const contextPart = z.union([
  z.string(),
  z.looseObject({
    id: z.string().optional(),
    parent_id: z.string().nullish(),
    user_id: z.string().nullish(),
  }),
]);

const added = z.looseObject({
  s: z.string(),
  a: z.record(z.string(), z.unknown()).default({}),
  c: contextPart,
  lc: z.number(),
  lu: z.number().optional(),
});

const plus = z.looseObject({
  s: z.string().optional(),
  a: z.record(z.string(), z.unknown()).optional(),
  c: contextPart.optional(),
  lc: z.number().optional(),
  lu: z.number().optional(),
});

const changed = z.looseObject({
  '+': plus.optional(),
  '-': z.looseObject({ a: z.array(z.string()).optional() }).optional(),
});

const entitiesEvent = z.looseObject({
  a: z.record(z.string(), z.unknown()).optional(),
  c: z.record(z.string(), z.unknown()).optional(),
  r: z.array(z.string()).optional(),
});

export interface States {
  get(entity: string): HomeState | undefined;
  /** Takes an event in; gives the states that are new or changed, as they are after it. What cannot be read is left out. */
  apply(event: unknown): readonly HomeState[];
}

/** Keeps only what `isWatched`. */
export function makeStates(isWatched: (entity: string) => boolean): States {
  const states = new Map<string, HomeState>();

  function add(entity: string, raw: unknown): HomeState | undefined {
    const parsed = added.safeParse(raw);
    if (!parsed.success || !ENTITY_ID.test(entity)) return undefined;
    const { s: state, a: attributes, c, lc: changedAt, lu: updatedAt } = parsed.data;
    const context = mergeContext({ id: '', parentId: undefined, userId: undefined }, c);
    return { entity, state, attributes, context, changedAt, updatedAt: updatedAt ?? changedAt };
  }

  function change(entity: string, raw: unknown): HomeState | undefined {
    const before = states.get(entity);
    const parsed = changed.safeParse(raw);
    if (!before || !parsed.success) return undefined;
    const more = parsed.data['+'] ?? {};
    const gone = new Set(parsed.data['-']?.a);
    const kept = Object.entries(before.attributes).filter(([name]) => !gone.has(name));
    return {
      entity,
      state: more.s ?? before.state,
      attributes: { ...Object.fromEntries(kept), ...more.a },
      context: more.c === undefined ? before.context : mergeContext(before.context, more.c),
      changedAt: more.lc ?? before.changedAt,
      updatedAt: more.lc ?? more.lu ?? before.updatedAt,
    };
  }

  return {
    get: (entity) => states.get(entity),
    apply(event) {
      const parsed = entitiesEvent.safeParse(event);
      if (!parsed.success) return [];
      const { a = {}, c = {}, r = [] } = parsed.data;
      const told: HomeState[] = [];
      const keep = (state: HomeState | undefined) => {
        if (!state) return;
        states.set(state.entity, state);
        told.push(state);
      };
      for (const [entity, raw] of Object.entries(a)) if (isWatched(entity)) keep(add(entity, raw));
      for (const [entity, raw] of Object.entries(c)) if (isWatched(entity)) keep(change(entity, raw));
      for (const entity of r) states.delete(entity);
      return told;
    },
  };
}

/** A difference names only what differs; a bare text is the id. */
function mergeContext(before: Context, part: z.output<typeof contextPart>): Context {
  if (typeof part === 'string') return { ...before, id: part };
  return {
    id: part.id ?? before.id,
    parentId: part.parent_id === undefined ? before.parentId : (part.parent_id ?? undefined),
    userId: part.user_id === undefined ? before.userId : (part.user_id ?? undefined),
  };
}
