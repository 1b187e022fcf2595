// What was fetched, by what the server says and by how it begins.
export type PageKind = 'html' | 'pdf' | 'docx' | 'feed' | 'json' | 'text' | 'other';

export function pageKind(contentType: string, body: Uint8Array, url: string): PageKind {
  const head = Buffer.from(body.subarray(0, 1024)).toString('latin1');
  const path = URL.canParse(url) ? new URL(url).pathname.toLowerCase() : '';
  if (head.startsWith('%PDF-')) return 'pdf';
  if (head.startsWith('PK\u0003\u0004'))
    return contentType.includes('wordprocessingml') || path.endsWith('.docx') ? 'docx' : 'other';
  if (/^(image|audio|video|font)\//.test(contentType) && !contentType.startsWith('image/svg')) return 'other';
  if (contentType === 'text/html' || contentType === 'application/xhtml+xml') return 'html';
  if (isFeed(head)) return 'feed';
  if (/[/+]json$/.test(contentType)) return 'json';
  if (/^\s*(<!doctype html|<html[\s>])/i.test(head) && !contentType.startsWith('text/plain')) return 'html';
  if (/^text\/|xml$|javascript$|yaml$|^application\/(toml|sql|x-sh|csv)$/.test(contentType)) return 'text';
  // The server does not know: text has no zero bytes.
  return (contentType === '' || contentType === 'application/octet-stream') && !head.includes('\u0000')
    ? 'text'
    : 'other';
}

/** By its first element, whatever comments and instructions stand before it. */
function isFeed(head: string): boolean {
  const plain = head.replace(/<!--[^]*?-->|<\?[^]*?\?>|<!DOCTYPE[^>]*>/gi, '').replace(/^[\u00ef\u00bb\u00bf\s]+/, '');
  return /^<(rss|feed|rdf:RDF)[\s>]/i.test(plain);
}
