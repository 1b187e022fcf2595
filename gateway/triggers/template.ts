// What a job is told of an event: a template with places such as {{pull_request.title}}, or the whole payload.
const PLACE = /\{\{\s*([\w.-]{1,200})\s*\}\}/g;
const MAX_VALUE_CHARS = 4_000;
export const MAX_TEXT_CHARS = 20_000;
/** Of objects and lists in one another: a job is told no more, and what goes deeper overflows the stack of whoever writes it out. */
export const MAX_DEPTH = 64;

/** Places that are not there are empty. Values stay what they are: nothing in them is read as a place again. */
export function fillTemplate(template: string, payload: unknown): string {
  const text = template.replace(PLACE, (_, path: string) => valueAt(payload, path));
  return cut(text, MAX_TEXT_CHARS);
}

export function wholePayload(payload: unknown): string {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  // Indented, a long one would be many times as long, for nothing.
  const isShown = typeof payload === 'string' || text.length > MAX_TEXT_CHARS;
  return cut(isShown ? text : JSON.stringify(payload, null, 1), MAX_TEXT_CHARS);
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

/** Whether objects and lists stand in one another more than `MAX_DEPTH` deep. Level by level, so that nothing recurses. */
export function isTooDeep(payload: unknown): boolean {
  let level: readonly unknown[] = [payload];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const next: unknown[] = [];
    let hasNested = false;
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      hasNested = true;
      // Not spread into a call: a long list would overflow the stack in its turn.
      for (const child of Object.values(value)) next.push(child);
    }
    if (!hasNested) return false;
    level = next;
  }
  return true;
}
