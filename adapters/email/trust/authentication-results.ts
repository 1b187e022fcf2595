// Authentication-Results (RFC 8601) as data: which server says so, and what it found.

export interface MethodResult {
  /** dkim, spf, dmarc, … */
  method: string;
  /** pass, fail, none, … */
  result: string;
  /** Properties such as `header.d`, `smtp.mailfrom`. */
  properties: ReadonlyMap<string, string>;
}

export interface AuthenticationResults {
  /** Who checked; '' when the field does not say (Microsoft's do not). */
  server: string;
  results: readonly MethodResult[];
}

/** Real ones have a few hundred characters. */
const MAX_CHARS = 20_000;

/** Never throws; what cannot be understood is left out. Names and results are in lower case. Linear time. */
export function parseAuthenticationResults(value: string): AuthenticationResults {
  const [head = [], ...rest] = splitClauses(value.slice(0, MAX_CHARS));
  // A field that begins with a result has no server in front (Microsoft 365).
  const hasServer = head.length === 0 || !isResult(head[0] ?? '');
  const server = hasServer ? (head[0] ?? '').toLowerCase() : '';
  const clauses = hasServer ? rest : [head, ...rest];
  return { server, results: clauses.flatMap((words) => readClause(words) ?? []) };
}

function isResult(word: string): boolean {
  return /^[a-z][a-z0-9-]*(?:\/\d+)?=/i.test(word);
}

function readClause(words: readonly string[]): MethodResult | undefined {
  const [head = '', ...rest] = words;
  const match = /^([a-z][a-z0-9-]*)(?:\/\d+)?=([a-z]+)$/i.exec(head);
  if (!match?.[1] || !match[2]) return undefined;
  const properties = new Map<string, string>();
  for (const word of rest) {
    const equals = word.indexOf('=');
    const name = word.slice(0, Math.max(0, equals)).toLowerCase();
    // Of two properties of one name neither can be believed.
    if (equals > 0) properties.set(name, properties.has(name) ? '' : word.slice(equals + 1).toLowerCase());
  }
  return { method: match[1].toLowerCase(), result: match[2].toLowerCase(), properties };
}

/** Clauses between semicolons, each as its words: comments left out, quotes resolved, `a = b` joined. */
function splitClauses(value: string): readonly (readonly string[])[] {
  const clauses: string[][] = [[]];
  let word = '';
  let isJoining = false;
  const endWord = () => {
    const clause = clauses.at(-1);
    if (word === '' || !clause) return;
    const last = clause.at(-1);
    if (last !== undefined && (isJoining || word.startsWith('='))) clause[clause.length - 1] = last + word;
    else clause.push(word);
    isJoining = word.endsWith('=');
    word = '';
  };
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === ';') {
      endWord();
      isJoining = false;
      clauses.push([]);
    } else if (char === '(') {
      endWord();
      at = endOfComment(value, at);
    } else if (char === '"') {
      const end = endOfQuoted(value, at);
      word += value.slice(at + 1, end).replace(/[\s;="\\]/g, '');
      at = end;
    } else if (/\s/.test(char)) endWord();
    else word += char;
  }
  endWord();
  return clauses;
}

function endOfComment(value: string, start: number): number {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === '\\') at++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return at;
  }
  return value.length;
}

function endOfQuoted(value: string, start: number): number {
  for (let at = start + 1; at < value.length; at++) {
    if (value.charAt(at) === '\\') at++;
    else if (value.charAt(at) === '"') return at;
  }
  return value.length;
}
