// The header of a mail as a list in its own order, which says who added what: each server puts its lines on top.

export interface Header {
  /** Lower case. */
  name: string;
  /** Unfolded, not decoded. */
  value: string;
}

export interface HeaderBlock {
  list: readonly Header[];
  /** True when there was more than we read: then nobody knows what is missing. */
  isCut: boolean;
}

const MAX_HEADERS = 2_000;

/** Reads a header block up to its empty line. Lines that are no header are left out. Never throws; linear time. */
export function parseHeaders(bytes: Uint8Array, isCut = false): HeaderBlock {
  const list: { name: string; value: string }[] = [];
  let current: { name: string; value: string } | undefined;
  for (const line of decodeBytes(bytes).split(/\r?\n/)) {
    if (line === '') break;
    if (/^[ \t]/.test(line)) {
      if (current) current.value += line;
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase();
    current = /^[!-9;-~]+$/.test(name) ? { name, value: line.slice(colon + 1) } : undefined;
    if (!current) continue;
    if (list.length >= MAX_HEADERS) return { list: trimValues(list), isCut: true };
    list.push(current);
  }
  return { list: trimValues(list), isCut };
}

function trimValues(list: readonly Header[]): readonly Header[] {
  return list.map(({ name, value }) => ({ name, value: value.trim() }));
}

/** Headers are ASCII or UTF-8; what is neither is read byte by byte, so that nothing gets lost. */
function decodeBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** All values of a header, topmost first. */
export function valuesOf({ list }: HeaderBlock, name: string): readonly string[] {
  return list.flatMap((header) => (header.name === name ? [header.value] : []));
}

export function firstOf({ list }: HeaderBlock, name: string): string | undefined {
  return list.find((header) => header.name === name)?.value;
}
