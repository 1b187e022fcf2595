// Standing rules as they are enforced. Each holds back what fits it; none allows anything. They are kept outside of the conversation, so
// nothing that is said or read can take one away.
import { z } from 'zod';
import { canonicalJson, type Assessment } from '../tools/tool.ts';

/** Which calls a rule is about: all parts that it has must fit. */
export const ruleSpecSchema = z.strictObject({
  /** Names of tools, with `*` for anything; one must fit. Empty: every tool. */
  tools: z.array(z.string().min(1).max(64)).max(20).default([]),
  /** What the call reaches; one must fit. Empty: anything. */
  touches: z
    .array(z.enum(['workspace', 'machine', 'network', 'people', 'memory', 'settings', 'money']))
    .max(7)
    .default([]),
  /** Groups of words of the same meaning: of each group, one word must stand in the tool's name or the arguments. */
  words: z
    .array(z.array(z.string().trim().min(2).max(40)).min(1).max(20))
    .max(6)
    .default([]),
});
export type RuleSpec = z.output<typeof ruleSpecSchema>;

export interface Rule {
  verdict: 'ask' | 'deny';
  /** As the person said it. */
  words: string;
  /** It is about calls that fit one of them. */
  specs: readonly RuleSpec[];
}

export interface RuledCall {
  tool: string;
  /** Canonical JSON. */
  arguments: string;
  assessment: Pick<Assessment, 'effect' | 'touches'>;
}

/** A stored rule; one that cannot be read holds back everything that changes something, and says so. */
export function readRule(stored: { words: string; verdict: 'ask' | 'deny'; spec: string }): Rule {
  const { words, verdict } = stored;
  const specs = parseSpecs(stored.spec);
  if (specs) return { words, verdict, specs };
  return {
    words: `${words} (this rule is damaged: take it back and say it again)`,
    verdict: 'ask',
    specs: [ruleSpecSchema.parse({})],
  };
}

function parseSpecs(text: string): readonly RuleSpec[] | undefined {
  try {
    return z.array(ruleSpecSchema).min(1).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The strictest rule that fits; undefined when none does. Calls that change and reach nothing are never held back. */
export function ruleFor(rules: readonly Rule[], call: RuledCall): Rule | undefined {
  if (call.assessment.effect === 'pure' && call.assessment.touches.length === 0) return undefined;
  const fitting = rules.filter((rule) => rule.specs.some((spec) => fits(spec, call)));
  return fitting.find((rule) => rule.verdict === 'deny') ?? fitting[0];
}

function fits(spec: RuleSpec, call: RuledCall): boolean {
  if (spec.tools.length > 0 && !spec.tools.some((pattern) => matchesGlob(pattern, call.tool))) return false;
  if (spec.touches.length > 0 && !spec.touches.some((touch) => call.assessment.touches.includes(touch))) return false;
  const said = wordsOf(`${call.tool} ${call.arguments}`);
  return spec.words.every((group) => group.some((word) => said.includes(` ${wordsOf(word).trim()}`)));
}

/** Words in lower case, one space around each, so that "rm" is not found in "form", and "mail" is found in "mails". */
function wordsOf(text: string): string {
  return ` ${text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\\[nrt]/g, ' ')
    .split(/[^\p{L}\p{N}]+/u)
    .join(' ')} `;
}

export function matchesGlob(pattern: string, name: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`, 'i').test(name);
}

/** The stored form. */
export function writeSpecs(specs: readonly RuleSpec[]): string {
  return canonicalJson(specs);
}

/** For people: what calls must have in them to be held back. */
export function describeSpecs(specs: readonly RuleSpec[]): string {
  return specs.map(describeSpec).join('; or ');
}

function describeSpec({ tools, touches, words }: RuleSpec): string {
  const parts = [
    ...(tools.length > 0 ? [`a tool named ${tools.join(' or ')}`] : []),
    ...(touches.length > 0 ? [`reaching ${touches.join(' or ')}`] : []),
    ...words.map((group) => `one of ${group.join(', ')}`),
  ];
  return parts.length === 0 ? 'every call that changes something' : parts.join(', and ');
}
