// Looks through what would be remembered for what would steer the agent later: it is scanned when it is written and each time it is shown.
// A net with holes: what holds is that words of others are asked about.
import type { MemoryEntry } from '../../data/memory/entries.ts';
import { scanInstructions, type BlockedBy } from '../context/files/scan.ts';

const PATTERNS: readonly { reason: string; pattern: RegExp }[] = [
  {
    reason: 'it poses as instructions of the system',
    pattern:
      /<\/?\s*(?:system|instructions?|admin|assistant|memory-context)\b[^>]{0,40}>|\[\/?(?:inst|system)\]|<\|im_(?:start|end)\|>|^[^\S\n]{0,40}(?:system|assistant)[^\S\n]{0,40}:/im,
  },
  {
    reason: 'it gives me another role',
    pattern:
      /\bfrom now on\b[^.\n]{0,20}\byou (?:are|will be|(?:will |must )?act as)\b|\bpretend (?:to be|that you are|you are)\b|\byou (?:have|are under) no (?:rules|restrictions|limits)\b|\bdisable\b[^.\n]{0,20}\b(?:safety|approvals?|permission checks?)\b/i,
  },
  {
    reason: 'it lets strangers into a machine',
    pattern: /\bauthorized_keys\b|\bssh-(?:rsa|ed25519|dss)\s+AAAA|\becdsa-sha2-nistp\d+\s+AAAA/i,
  },
  {
    reason: 'it sends something away with each turn',
    pattern:
      /\b(?:curl|wget|nc|netcat|invoke-webrequest)\b[^\n]{0,200}(?:\$\(|`|\$\{?[A-Za-z_]*(?:key|token|secret|password|credential)|@[~/.]|\/etc\/(?:passwd|shadow)|\.env\b|\.ssh\b)|\b(?:send|post|upload|forward|leak|exfiltrate)\b[^.\n]{0,60}\b(?:secrets?|passwords?|credentials?|api[ _-]?keys?|access tokens?|private keys?|conversations?|chat history)\b[^\n]{0,60}(?:https?:\/\/|\bto\b)/i,
  },
  {
    reason: 'it is a picture or link that would carry data away',
    pattern: /!\[[^\]]{0,200}\]\(https?:\/\/[^)\s]{0,400}(?:\{\{|\$\{|<[a-z_]+>)/i,
  },
];

/** Why an entry is not shown to the agent; undefined: it is. Rules may have become stricter since it was written. */
export function whyBlocked(
  entry: Pick<MemoryEntry, 'text' | 'state' | 'reason' | 'author' | 'approvedBy'>,
): string | undefined {
  if (entry.state === 'blocked') return entry.reason ?? 'it may not be shown';
  // A person wrote it by hand, and said after they had been shown it that it is meant.
  if (entry.author === 'file' && entry.approvedBy !== undefined) return undefined;
  return scanMemory(entry.text)?.reason;
}

/** Undefined: nothing was found. */
export function scanMemory(raw: string): BlockedBy | undefined {
  const found = scanInstructions(raw);
  if (found) return found;
  const plain = raw.normalize('NFKC');
  const fits = PATTERNS.find(({ pattern }) => pattern.test(plain));
  return fits && { reason: fits.reason };
}
