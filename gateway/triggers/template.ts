// What a job is told of an event: a template with places such as {{pull_request.title}}, or the whole payload.
const PLACE = /\{\{\s*([\w.-]{1,200})\s*\}\}/g;
const MAX_VALUE_CHARS = 4_000;
export const MAX_TEXT_CHARS = 20_000;

/** Places that are not there are empty. Values stay what they are: nothing in them is read as a place again. */
export function fillTemplate(template: string, payload: unknown): string {
  const text = template.replace(PLACE, (_, path: string) => valueAt(payload, path));
  return cut(text, MAX_TEXT_CHARS);
}

export function wholePayload(payload: unknown): string {
  return cut(typeof payload === 'string' ? payload : JSON.stringify(payload, null, 1), MAX_TEXT_CHARS);
}

function valueAt(payload: unknown, path: string): string {
  let value = payload;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return '';
    value = Reflect.get(value, key);
  }
  if (value === undefined || value === null) return '';
  return cut(typeof value === 'string' ? value : JSON.stringify(value), MAX_VALUE_CHARS);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… [cut: ${text.length - max} characters more]`;
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
