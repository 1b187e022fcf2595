// The short form in which `subscribe_entities` tells states and what differs (homeassistant/components/websocket_api/messages.py and
// State.as_compressed_state in homeassistant/core.py, read 2026-11-21).
import type { Context, State } from './world.ts';

const seconds = (time: string) => Date.parse(time) / 1_000;

export function compressState(state: State): Record<string, unknown> {
  const { context } = state;
  const isPlain = context.parent_id === null && context.user_id === null;
  return {
    s: state.state,
    a: state.attributes,
    c: isPlain ? context.id : context,
    lc: seconds(state.last_changed),
    ...(state.last_changed !== state.last_updated && { lu: seconds(state.last_updated) }),
  };
}

export function diffStates(before: State, after: State): Record<string, unknown> {
  const plus: Record<string, unknown> = {};
  if (before.state !== after.state) plus['s'] = after.state;
  if (before.last_changed !== after.last_changed) plus['lc'] = seconds(after.last_changed);
  else if (before.last_updated !== after.last_updated) plus['lu'] = seconds(after.last_updated);
  const context = diffContexts(before.context, after.context);
  if (context !== undefined) plus['c'] = context;
  const more = Object.entries(after.attributes).filter(
    ([name, value]) => JSON.stringify(before.attributes[name]) !== JSON.stringify(value),
  );
  if (more.length > 0) plus['a'] = Object.fromEntries(more);
  const gone = Object.keys(before.attributes).filter((name) => !(name in after.attributes));
  return { '+': plus, ...(gone.length > 0 && { '-': { a: gone } }) };
}

/** A bare text is a new id with all else as before. */
function diffContexts(before: Context, after: Context): unknown {
  const parts: Record<string, unknown> = {};
  if (before.parent_id !== after.parent_id) parts['parent_id'] = after.parent_id;
  if (before.user_id !== after.user_id) parts['user_id'] = after.user_id;
  if (before.id === after.id) return Object.keys(parts).length > 0 ? parts : undefined;
  return Object.keys(parts).length > 0 ? { ...parts, id: after.id } : after.id;
}
