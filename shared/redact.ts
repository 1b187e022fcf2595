// Secrets are replaced before text reaches a log, a prompt or a chat.
const MASK = '[redacted]';

// Formats that providers document for their own tokens; each is specific enough not to hit ordinary words.
const PATTERNS: readonly RegExp[] = [
  /\b\d{6,12}:[A-Za-z0-9_-]{30,}\b/g, // Telegram bot token
  /\bsk-(?:ant-|or-|proj-)?[A-Za-z0-9_-]{16,}/g, // OpenAI, Anthropic, OpenRouter
  /\bx(?:ox[abpsr]|app)-[A-Za-z0-9-]{10,}/g, // Slack
  /\bgh[pousr]_[A-Za-z0-9]{30,}\b/g, // GitHub
  /\bhf_[A-Za-z0-9]{30,}\b/g, // Hugging Face
  /\bAKIA[0-9A-Z]{16}\b/g, // AWS access key id
  // Not over the beginning of another key: beginnings without end would each be followed to the end of the text.
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN )[\s\S])*?-----END [A-Z ]*PRIVATE KEY-----/g,
  /\b[Bb]earer\s+[A-Za-z0-9._~+/-]{16,}=*/g,
];

export interface Redactor {
  /** `text` with every known secret and every secret-shaped token masked. */
  redact(text: string): string;
  /** From now on `secret` is masked wherever it appears. Values shorter than 6 characters are ignored. */
  add(secret: string): void;
}

export function makeRedactor(secrets: readonly string[] = []): Redactor {
  /** Longest first, so that of a secret that begins with another one nothing is left. */
  let known: readonly string[] = [];
  const redactor: Redactor = {
    redact(text) {
      let out = text;
      for (const secret of known) if (out.includes(secret)) out = out.replaceAll(secret, MASK);
      for (const pattern of PATTERNS) out = out.replace(pattern, MASK);
      return out;
    },
    add(secret) {
      // Lines of the log and arguments of tools are JSON, where quotes and backslashes look different.
      const forms = [secret, JSON.stringify(secret).slice(1, -1)].filter((form) => form.length >= 6);
      known = [...new Set([...known, ...forms])].sort((a, b) => b.length - a.length);
    },
  };
  for (const secret of secrets) redactor.add(secret);
  return redactor;
}
