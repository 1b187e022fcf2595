// Arguments of tool calls: an object, or nothing. Broken JSON is mended only where the reply was complete.
import { jsonrepair } from 'jsonrepair';

import type { JsonValue } from '../types.ts';

/** Longer broken arguments are not mended: the repairer is slower than the parser, and the model can be asked again. */
const MAX_REPAIR_CHARS = 200_000;

/**
 * The object that `raw` holds, undefined when it holds none. Empty text is an empty object. `strict` for replies that were
 * cut off: mending would complete half a value. `lenient` strips code fences, unpacks an object that was encoded twice and
 * mends quotes, commas and missing brackets.
 */
export function parseArguments(raw: string, mode: 'strict' | 'lenient'): { [key: string]: JsonValue } | undefined {
  const text = raw.trim();
  if (text === '') return {};
  const direct = asObject(parseJson(text));
  if (direct !== undefined || mode === 'strict') return direct;
  const bare = text.replace(/^```[\w-]*[ \t]*\n?/, '').replace(/\n?```$/, '');
  if (!bare.includes('{') || bare.length > MAX_REPAIR_CHARS) return undefined;
  return asObject(parseJson(bare)) ?? asObject(tryRepair(bare));
}

function asObject(value: JsonValue | undefined): { [key: string]: JsonValue } | undefined {
  if (typeof value === 'string' && value.trimStart().startsWith('{')) return asObject(parseJson(value));
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The value of a JSON text, undefined when it is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isParsed(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** JSON.parse gives nothing but JSON values. */
function isParsed(value: unknown): value is JsonValue {
  return value !== undefined;
}

function tryRepair(text: string): JsonValue | undefined {
  try {
    return parseJson(jsonrepair(text));
  } catch {
    return undefined;
  }
}
