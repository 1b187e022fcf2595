// Bytes of a page as text, in the character set that it says it has.

/** `contentType` with its parameters. The order is that of browsers: mark at the beginning, header, what the page says, then a guess. */
export function decodeText(body: Uint8Array, contentType = ''): string {
  const said = markOf(body) ?? /charset\s*=\s*["']?([\w:.-]{2,40})/i.exec(contentType)?.[1] ?? saidInside(body);
  return decodeAs(said, body) ?? decodeAs('utf-8', body, true) ?? decodeAs('windows-1252', body) ?? '';
}

/** Undefined for a character set that nobody knows, and for `fatal` on bytes that are not of it. */
function decodeAs(label: string | undefined, body: Uint8Array, fatal = false): string | undefined {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label, { fatal }).decode(body);
  } catch {
    return undefined;
  }
}

function markOf(body: Uint8Array): string | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  return body[0] === 0xff && body[1] === 0xfe ? 'utf-16le' : undefined;
}

/** In a meta element or an XML declaration among the first bytes, which are ASCII in all sets that say so there. */
function saidInside(body: Uint8Array): string | undefined {
  const head = Buffer.from(body.subarray(0, 4096)).toString('latin1');
  const label =
    /^<\?xml[^>]{0,200}encoding\s*=\s*["']([\w:.-]{2,40})["']/i.exec(head)?.[1] ??
    /<meta[^>]{0,300}charset\s*=\s*["']?\s*([\w:.-]{2,40})/i.exec(head)?.[1];
  // Such a page could not have been read so far if it were.
  return label !== undefined && /^utf-?16/i.test(label) ? 'utf-8' : label;
}
