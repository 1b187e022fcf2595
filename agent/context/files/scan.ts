// Looks through files that would steer the agent for what no honest one has: orders to ignore its rules, hidden text, sending secrets
// away. A net with holes: what holds is that effects are asked about. Such a file is not read at all, and that is shown.

export interface BlockedBy {
  /** Such as "it tells me to ignore my instructions". */
  reason: string;
}

// Nothing of it shows, but for what emoji and scripts are made of: joiners, variation selectors, the mark at the beginning of a file.
const INVISIBLE = /(?!\u200c|\u200d|\ufe0e|\ufe0f)\p{Default_Ignorable_Code_Point}/u;
// Text that reads other than it shows (https://trojansource.codes, read 2026-11-21).
const TURNED = /[\u202a-\u202e\u2066-\u2069]/;

const PATTERNS: readonly { reason: string; pattern: RegExp }[] = [
  {
    reason: 'it tells me to ignore my instructions',
    pattern:
      /\b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:previous|prior|above|earlier|all|your|system|safety)\b[^.\n]{0,20}\b(?:instructions?|rules?|prompts?|guidelines?)\b/i,
  },
  {
    reason: 'it gives me another role or switches my rules off',
    pattern:
      /\byou are now\b[^.\n]{0,30}\b(?:dan|jailbroken|unrestricted|unfiltered|developer mode|root)\b|\bact as if you have no (?:rules|restrictions)\b|\b(?:new|updated) system prompt\b/i,
  },
  {
    reason: 'it wants something kept from the person',
    pattern:
      /\b(?:do not|don't|never|without)\b[^.\n]{0,20}\b(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?)\b[^.\n]{0,20}\b(?:the )?(?:user|owner|person|human)\b/i,
  },
  {
    reason: 'it sends secrets away',
    pattern:
      /\b(?:curl|wget|nc|fetch|invoke-webrequest)\b[^\n]{0,200}\$\{?[A-Z_]*(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)[A-Z_]*|\b(?:curl|wget|nc)\b[^\n]{0,200}(?:\.env\b|id_rsa|id_ed25519|\.ssh\/|\.netrc|\.aws\/)/,
  },
  {
    reason: 'it reads secrets',
    pattern:
      /\b(?:cat|less|head|tail|type|more|base64)\b[^\n|;&]{0,60}(?:[\s/]\.env\b(?!\.(?:example|sample|template))|id_rsa|id_ed25519|\.netrc|\.ssh\/|\.aws\/credentials|\/etc\/shadow)/,
  },
  {
    reason: 'it hides text in markup',
    pattern:
      /<(?:div|span|p)\b[^>]{0,200}(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0\b)|<!--[^>]{0,400}\b(?:ignore|system prompt|instructions?|secretly|execute|assistant|curl)\b/i,
  },
];

/** Undefined: nothing was found. */
export function scanInstructions(raw: string): BlockedBy | undefined {
  const text = raw.startsWith('\ufeff') ? raw.slice(1) : raw;
  if (TURNED.test(text)) return { reason: 'it holds signs that turn text around' };
  if (INVISIBLE.test(text)) return { reason: 'it holds invisible characters' };
  // Words that only look alike count as what they look like; lines are kept, since patterns stay within one.
  const plain = text.normalize('NFKC');
  const found = PATTERNS.find(({ pattern }) => pattern.test(plain));
  return found && { reason: found.reason };
}
