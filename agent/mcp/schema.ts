// JSON schemas of foreign tools: cut to what is harmless, and checked locally only where checking is cheap. A schema can be made to
// run for ever (patterns, references that multiply); such ones are left to their server, which checks its arguments anyway.
import { z } from 'zod';
import type { JsonValue } from '../providers/types.ts';
import { visibleText } from './scan.ts';

const MAX_BYTES = 48 * 1024;
const MAX_DEPTH = 24;
const MAX_TEXT = 4_000;
/** Places that are looked at for one value, references followed. */
const MAX_COST = 4_000;

export type JsonObject = { [key: string]: JsonValue };
export type Check = (value: unknown) => string | undefined;
/** Compiles a schema: @modelcontextprotocol/sdk's validator, loaded when it is needed. */
export type Compile = (schema: JsonObject) => Check;

const jsonObject = z.record(z.string(), z.json());

/**
 * The schema as the model sees it: texts without hidden characters, no patterns, no identifiers. Undefined when it is too large, too deep
 * or none for an object.
 */
export function tameSchema(raw: unknown): JsonObject | undefined {
  if (isDeep(raw, MAX_DEPTH)) return undefined;
  const parsed = jsonObject.safeParse(raw);
  if (!parsed.success || JSON.stringify(parsed.data).length > MAX_BYTES) return undefined;
  const tame = tameObject(parsed.data);
  if (tame['type'] !== undefined && tame['type'] !== 'object') return undefined;
  return { ...tame, type: 'object' };
}

/** Whether values lie in each other more than `levels` times. Stops there, so that no depth overflows the stack. */
export function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeep(inner, levels - 1));
}

/** Patterns can take for ever on a text that the same server asked for; identifiers would name schemas of others. */
const DROPPED = new Set(['$schema', '$id', '$anchor', '$comment', 'pattern', 'patternProperties', '$dynamicRef']);
/** Keywords whose keys are names of the server's, not keywords. */
const NAMED = new Set(['properties', '$defs', 'definitions', 'dependentSchemas']);
/** Names that would reach into objects of ours. */
const RISKY = new Set(['__proto__', 'constructor', 'prototype']);

function tameObject(schema: JsonObject): JsonObject {
  const tame: JsonObject = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (DROPPED.has(keyword) || RISKY.has(keyword)) continue;
    if (keyword === '$ref' && !(typeof value === 'string' && /^#(\/|$)/.test(value))) continue;
    tame[keyword] = NAMED.has(keyword) && isObject(value) ? tameNamed(value) : tameValue(value);
  }
  return tame;
}

function tameNamed(named: JsonObject): JsonObject {
  const tame: JsonObject = {};
  for (const [name, value] of Object.entries(named)) if (!RISKY.has(name)) tame[name] = tameValue(value);
  return tame;
}

function tameValue(value: JsonValue): JsonValue {
  if (typeof value === 'string') return visibleText(value).slice(0, MAX_TEXT);
  if (Array.isArray(value)) return value.map(tameValue);
  return isObject(value) ? tameObject(value) : value;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Checks arguments against a tamed schema; says what is wrong, for the model. A schema that would be expensive, or that cannot be
 * compiled, checks nothing.
 */
export function makeCheck(schema: JsonObject, compile: Compile): Check {
  if (costOf(schema) > MAX_COST) return () => undefined;
  let check: Check;
  try {
    check = compile(schema);
  } catch {
    return () => undefined;
  }
  return (value) => {
    try {
      return check(value);
    } catch {
      return undefined; // such as a stack that a recursive schema used up
    }
  };
}

/** Places of the schema with references followed, as a checker walks it; Infinity when it refers to itself. */
function costOf(root: JsonObject): number {
  let cost = 0;
  const open = new Set<string>();
  const visit = (value: JsonValue): void => {
    if (++cost > MAX_COST || typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    const { $ref: ref } = value;
    if (typeof ref === 'string') {
      if (open.has(ref)) {
        cost = Infinity;
        return;
      }
      open.add(ref);
      visit(resolve(root, ref));
      open.delete(ref);
    }
    for (const [keyword, inner] of Object.entries(value))
      if (keyword !== '$defs' && keyword !== 'definitions') visit(inner);
  };
  visit(root);
  return cost;
}

function resolve(root: JsonObject, ref: string): JsonValue {
  let at: JsonValue | undefined = root;
  for (const part of ref.slice(1).split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at ?? null;
}

/** The compiler of the SDK. Loads it. */
export async function loadCompiler(): Promise<Compile> {
  const { AjvJsonSchemaValidator } = await import('@modelcontextprotocol/sdk/validation/ajv');
  return (schema) => {
    // One each, so that nothing of a schema stays when its tool is gone.
    const validate = new AjvJsonSchemaValidator().getValidator(schema);
    return (value) => {
      const result = validate(value);
      return result.valid ? undefined : result.errorMessage;
    };
  };
}
