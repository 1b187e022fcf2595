// Texts of MCP servers that would reach the model before anybody called them: names, descriptions, schemas. Hidden characters are taken
// out; words that try to direct the model or to get at secrets keep the tool away from it. A net with holes: what holds is that
// results are foreign and effects are asked about.
import { cleanText } from '../../shared/text.ts';

export interface Finding {
  /** block: the tool is not offered. warn: it is told, nothing more. */
  severity: 'block' | 'warn';
  /** For the owner. */
  reason: string;
}

// Tag characters spell out text that nobody sees (https://www.unicode.org/charts/PDF/UE0000.pdf, read 2026-11-21).
const TAGS = /[\u{e0000}-\u{e007f}]/gu;
// Everything that shows as nothing: zero-width characters, fillers, variation selectors, tags
// (https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point, read 2026-11-21). Carriers of hidden bits.
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
// The same without what emoji are made of.
const SUSPICIOUS = /(?!\u200d|\ufe0f)\p{Default_Ignorable_Code_Point}/gu;

interface Pattern extends Finding {
  pattern: RegExp;
}

const SECRETS =
  '(?:~\\/|\\.ssh\\b|id_rsa|id_ed25519|\\.env\\b|\\.aws\\b|\\.netrc|\\.npmrc|/etc/(?:passwd|shadow)|private keys?|api[ _-]?keys?|access tokens?|passwords?|credentials?|secrets?|mcp\\.json|system prompt|(?:conversation|chat) (?:history|log)|(?:entire|whole|full) conversation|previous messages)';

const PATTERNS: readonly Pattern[] = [
  {
    severity: 'block',
    reason: 'it tells the model to ignore its instructions',
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|all|any|other|your|system|safety)\b.{0,30}\b(?:instructions?|rules?|prompts?|guidelines?|directives?|polic(?:y|ies))\b/,
  },
  {
    severity: 'block',
    reason: 'it poses as instructions of the system',
    pattern:
      /<\/?\s*(?:important|system|instructions?|secret|admin|hidden|assistant|user)\b[^>]{0,40}>|\[\/?(?:inst|system)\]|<\|im_(?:start|end)\|>/,
  },
  {
    severity: 'block',
    reason: 'it tells the model to hide something from the person',
    pattern:
      /\b(?:do not|don't|never|without)\b.{0,30}\b(?:tell|telling|mention|mentioning|inform|informing|notify|notifying|reveal|revealing|show|showing|alert|alerting|let)\b.{0,40}\b(?:users?|persons?|people|humans?|them|anyone|anybody)\b/,
  },
  {
    severity: 'block',
    reason: 'it asks for secrets or for what was said',
    pattern: new RegExp(
      `\\b(?:read|send|include|pass|attach|append|forward|upload|provide|put|insert|copy|submit|post|leak|exfiltrate|cat)\\b.{0,80}${SECRETS}`,
    ),
  },
  {
    severity: 'block',
    reason: 'it wants to be called whatever is asked',
    pattern:
      /\b(?:before|prior to|when|whenever)\b.{0,30}\b(?:using|calling|running|invoking|use|call|run|invoke)\b.{0,20}\b(?:any|every|each|all)\b.{0,20}\btools?\b/,
  },
  {
    severity: 'warn',
    reason: 'it says how other tools are to be used',
    pattern: /\binstead of\b.{0,40}\b(?:tools?|function)\b|\bother tools?\b|\bmcp_[a-z0-9_]+/,
  },
  { severity: 'warn', reason: 'it holds a long piece of encoded data', pattern: /[a-z0-9+/]{200,}={0,2}/ },
];

/** The text without what cannot be seen. Newlines and tabs stay. */
export function visibleText(text: string): string {
  return cleanText(text).replace(INVISIBLE, '');
}

/** Results are shown as they are, but for characters that only hide text; joiners stay, which scripts need. */
export function resultText(text: string): string {
  return cleanText(text).replace(TAGS, '');
}

/** What is wrong with a text that came from a server, at most one finding of a kind. */
export function scanText(raw: string): readonly Finding[] {
  const findings: Finding[] = [];
  // Before anything is taken out.
  const tags = raw.match(TAGS)?.length ?? 0;
  if (tags > 0) findings.push({ severity: 'block', reason: `it holds ${tags} invisible tag characters` });
  const invisible = (raw.match(SUSPICIOUS)?.length ?? 0) - tags;
  if (invisible > 0) findings.push({ severity: 'warn', reason: `${invisible} invisible characters were taken out` });
  // Words that are broken over lines or by invisible characters are still words. Letters that only look alike count as what they look like.
  const text = visibleText(raw).normalize('NFKC').replace(/\s+/g, ' ').toLowerCase();
  for (const { severity, reason, pattern } of PATTERNS) if (pattern.test(text)) findings.push({ severity, reason });
  return findings;
}

/** Every text inside a value from a server, keys included. */
export function* textsIn(value: unknown, depth = 0): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null && depth < 40)
    for (const [name, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) yield name;
      yield* textsIn(inner, depth + 1);
    }
}
