// Looks for what a skill must not hold: a net with holes, beside what holds (foreign text has no authority, effects are asked about).
// What it finds, with who wrote the skill, decides whether it may come in.
import { cleanText } from '../shared/text.ts';
import { commandPatterns } from './guard/commands.ts';
import type { GuardCategory, GuardSeverity } from './guard/pattern.ts';
import { exfiltration, injection } from './guard/words.ts';
import { isInnerPath, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES } from './paths.ts';
import type { SkillTrust } from './types.ts';

export interface GuardFinding {
  category: GuardCategory;
  severity: GuardSeverity;
  file: string;
  /** From 1; 0: the file as a whole. */
  line: number;
  /** For people; holds no text of the skill. */
  about: string;
}

export type GuardVerdict = 'safe' | 'caution' | 'dangerous';

export interface GuardReport {
  /** dangerous: anything critical · caution: anything high. */
  verdict: GuardVerdict;
  findings: readonly GuardFinding[];
}

export type GuardDecision = 'allow' | 'ask' | 'block';

const GUARD_PATTERNS = [...exfiltration, ...injection, ...commandPatterns];

const MAX_LINE_CHARS = 4_000;
const MAX_FINDINGS = 100;
/** Of all files together: what is beyond would hold up everybody for as long as it is read. */
const MAX_SCANNED_CHARS = 4 * 1024 * 1024;
const MAX_SCANNED_LINES = 100_000;

// Tag characters spell out text that nobody sees (https://www.unicode.org/charts/PDF/UE0000.pdf, read 2026-11-21). Flags of regions are
// written with them, after a black flag.
const TAGS = /(?<!\u{1f3f4}[\u{e0000}-\u{e007f}]*)[\u{e0000}-\u{e007f}]/u;
// Characters that show as nothing, but for the joiners and selectors that emoji and scripts need.
const INVISIBLE = /(?!\u200c|\u200d|\ufe0e|\ufe0f|\u00ad|[\u{e0000}-\u{e007f}])\p{Default_Ignorable_Code_Point}/u;
const TURNED = /[\u202a-\u202e\u2066-\u2069]/;

/** Programs and archives: what they do cannot be read. By their first bytes, as of file(1). */
const BINARIES: readonly { about: string; magic: readonly number[] }[] = [
  { about: 'is a program of Linux', magic: [0x7f, 0x45, 0x4c, 0x46] },
  { about: 'is a program of Windows', magic: [0x4d, 0x5a] },
  { about: 'is a program of macOS', magic: [0xcf, 0xfa, 0xed, 0xfe] },
  { about: 'is a program of macOS or Java', magic: [0xca, 0xfe, 0xba, 0xbe] },
];

/** Reads all files of a skill: path within it, and content. Pure; the same files give the same report. */
export function scanSkill(files: ReadonlyMap<string, Uint8Array>): GuardReport {
  const findings = [...scanStructure(files)];
  let [chars, lines] = [0, 0];
  for (const [file, content] of files) {
    if (findings.length >= MAX_FINDINGS) break;
    if (!isText(content)) {
      findings.push(...scanBinary(file, content));
      continue;
    }
    const text = Buffer.from(content).toString('utf8');
    chars += text.length;
    lines += countLines(text);
    if (chars > MAX_SCANNED_CHARS || lines > MAX_SCANNED_LINES) {
      findings.push({
        category: 'structure',
        // Whoever hides something behind much text must gain nothing by it.
        severity: 'critical',
        file: shownName(file),
        line: 0,
        about: 'and what follows it was not looked through: there is too much text',
      });
      break;
    }
    findings.push(...scanFile(file, text));
  }
  const kept = findings.slice(0, MAX_FINDINGS);
  return { verdict: verdictOf(kept), findings: kept };
}

/** One text alone. */
export function scanSkillText(file: string, text: string): GuardReport {
  const findings = scanFile(file, text).slice(0, MAX_FINDINGS);
  return { verdict: verdictOf(findings), findings };
}

/** Whether it may come in. `block` of a community skill with caution can be overruled by its owner, that of a dangerous one never. */
export function decideSkill(trust: SkillTrust, verdict: GuardVerdict): GuardDecision {
  switch (trust) {
    case 'builtin':
      return 'allow';
    case 'trusted':
      return verdict === 'dangerous' ? 'block' : 'allow';
    case 'community':
      return verdict === 'safe' ? 'allow' : 'block';
    case 'own':
      return verdict === 'dangerous' ? 'ask' : 'allow';
  }
}

/** One line each. */
export function describeFindings(findings: readonly GuardFinding[]): string {
  return findings
    .map(
      ({ severity, category, file, line, about }) =>
        `${severity} ${category}: ${file}${line > 0 ? `:${line}` : ''} ${about}`,
    )
    .join('\n');
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

function verdictOf(findings: readonly GuardFinding[]): GuardVerdict {
  if (findings.some(({ severity }) => severity === 'critical')) return 'dangerous';
  return findings.some(({ severity }) => severity === 'high') ? 'caution' : 'safe';
}

function* scanStructure(files: ReadonlyMap<string, Uint8Array>): Generator<GuardFinding> {
  const whole = { category: 'structure', file: '.', line: 0 } as const;
  if (files.size > MAX_FILES) yield { ...whole, severity: 'high', about: `has more than ${MAX_FILES} files` };
  let total = 0;
  for (const [file, content] of files) {
    total += content.length;
    if (!isInnerPath(file)) yield { ...whole, severity: 'critical', about: 'has a path that leads out of it' };
    if (content.length > MAX_FILE_BYTES)
      yield { ...whole, file: shownName(file), severity: 'medium', about: 'is larger than 1 MiB' };
  }
  if (total > MAX_TOTAL_BYTES) yield { ...whole, severity: 'high', about: 'is larger than 20 MiB' };
}

function scanBinary(file: string, content: Uint8Array): readonly GuardFinding[] {
  const found = BINARIES.find(({ magic }) => magic.every((byte, index) => content[index] === byte));
  if (!found) return [];
  return [{ category: 'structure', severity: 'high', file: shownName(file), line: 0, about: found.about }];
}

function scanFile(file: string, raw: string): GuardFinding[] {
  const found = new Map<string, GuardFinding>();
  const note = (finding: Omit<GuardFinding, 'file'>) => {
    const key = `${finding.category} ${finding.about}`;
    if (!found.has(key)) found.set(key, { ...finding, file: shownName(file) });
  };
  const lines = raw.split('\n');
  for (const [index, line] of lines.entries()) {
    const at = { category: 'obfuscation', line: index + 1 } as const;
    if (TAGS.test(line)) note({ ...at, severity: 'critical', about: 'holds text that cannot be seen' });
    if (TURNED.test(line)) note({ ...at, severity: 'high', about: 'shows text in another order than it has' });
    if (INVISIBLE.test(index === 0 ? line.replace(/^\ufeff/, '') : line))
      note({ ...at, severity: 'medium', about: 'holds characters that cannot be seen' });
    // A command that goes on in the next line is one command.
    const whole = /\\\s*$/.test(line) ? `${line.replace(/\\\s*$/, ' ')}${lines[index + 1] ?? ''}` : line;
    for (const part of partsOf(plainText(whole)))
      for (const { pattern, ...rule } of GUARD_PATTERNS) if (pattern.test(part)) note({ ...rule, line: index + 1 });
  }
  return [...found.values()];
}

/** Look-alike letters as what they look like, nothing hidden between letters. */
function plainText(line: string): string {
  return cleanText(line)
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFKC')
    .toLowerCase();
}

/** Long lines in pieces that overlap, so that nothing hides at a border and no pattern takes long. */
function* partsOf(line: string): Generator<string> {
  if (line.length <= MAX_LINE_CHARS) yield line;
  else for (let at = 0; at < line.length; at += MAX_LINE_CHARS - 700) yield line.slice(at, at + MAX_LINE_CHARS);
}

/** Whether its bytes can be read as text. */
export function isText(content: Uint8Array): boolean {
  return !content.subarray(0, 8_000).includes(0);
}

function shownName(file: string): string {
  return cleanText(file).replace(/\s+/g, ' ').slice(0, 120);
}
