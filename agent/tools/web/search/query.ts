// What may be sent to a search service. A search is not asked about, also not after pages of strangers were read, so this keeps out what
// looks like carried-away data. It stops accidents and plain smuggling, not somebody who writes a secret as ordinary words.
import { makeRedactor } from '../../../../shared/redact.ts';

export const MAX_QUERY_CHARS = 400;
/** A git commit, a SHA-1 and a UUID may be searched for; a SHA-256 or a longer key not. */
const MAX_HEX_RUN = 40;
const MAX_MIXED_RUN = 40;
/** Digits and letters mixed, over the whole query: so that a secret does not go in pieces. */
const MAX_MIXED_CHARS = 120;

const redactor = makeRedactor();

/** Why `query` is not sent, for the model; undefined when it may go. */
export function explainQuery(query: string): string | undefined {
  if (query.trim() === '') return 'The query is empty.';
  if (query.length > MAX_QUERY_CHARS)
    return `The query is longer than ${MAX_QUERY_CHARS} characters. Search with a few words.`;
  const text = decode(query);
  if (redactor.redact(text) !== text) return `The query holds what looks like a secret. ${ADVICE}`;
  const runs = text.match(/[A-Za-z0-9+/=_%-]{12,}/g) ?? [];
  const isEncoded = runs.some(
    (run) =>
      longest(run, /[0-9a-fA-F]+/g) > MAX_HEX_RUN ||
      (isMixed(run) && longest(run, /[A-Za-z0-9+=_%]+/g) > MAX_MIXED_RUN),
  );
  const mixed = runs.filter(isMixed).reduce((sum, run) => sum + run.length, 0);
  if (isEncoded || mixed > MAX_MIXED_CHARS) return `The query holds long encoded data. ${ADVICE}`;
  return undefined;
}

const ADVICE = 'Searches go to a service of others: search with plain words.';

function longest(text: string, pattern: RegExp): number {
  return Math.max(0, ...(text.match(pattern) ?? []).map((run) => run.length));
}

/** Digits among letters, or capitals in the middle of small letters: not how words are written. */
function isMixed(run: string): boolean {
  return /\d[A-Za-z]|[A-Za-z]\d/.test(run) || /[a-z][A-Z][a-z]*[A-Z]/.test(run);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
