// JSON whose shape is looked at step by step.

export type Json = Record<string, unknown>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asJson(value: unknown): Json {
  return isJson(value) ? value : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function parseJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}

/** The arguments of a call: a form (whose lists and objects are JSON), or JSON. */
export function readArguments(body: string, contentType: string): Json {
  if (contentType.includes('json')) return asJson(parseJson(body));
  const out: Json = {};
  for (const [key, value] of new URLSearchParams(body)) {
    const parsed = /^[[{]/.test(value) ? parseJson(value) : undefined;
    out[key] = parsed ?? value;
  }
  return out;
}
