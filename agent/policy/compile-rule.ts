// Makes an enforced rule of a person's words: "ask before deleting mail". Words of the same meaning are known for what is asked for most; a
// model may add ways to name the same. Nothing that it adds can make the rule hold back less.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { ModelReply, ModelRequest } from '../providers/types.ts';
import { ruleSpecSchema, type Rule, type RuleSpec } from './rules.ts';

const MAX_WORDS = 300;

/** Words that mean the same to a rule; a word in none of them means itself. */
const MEANINGS: readonly (readonly string[])[] = [
  'delete remove rm trash unlink erase purge drop destroy wipe clear',
  'send post publish reply forward tweet submit',
  'buy pay purchase order checkout spend transfer payment',
  'install npm pip apt brew cargo',
  'push deploy release',
  'write edit change modify patch update overwrite replace',
  'mail email imap inbox gmail smtp',
  'message chat dm',
  'calendar event meeting appointment',
  'file folder directory document path',
  'commit git',
  'light lamp',
  'door lock unlock garage gate',
  'account user password',
  'invite invitation',
].map((line) => line.split(' '));

/** Words that name what a call reaches. */
const REACHES: readonly (readonly [RegExp, RuleSpec['touches'][number]])[] = [
  [/^(?:internet|network|online|web)$/, 'network'],
  [/^(?:remember|memory|memorize)$/, 'memory'],
  [/^(?:config|configuration|setting)$/, 'settings'],
  [/^(?:machine|computer|system)$/, 'machine'],
  [/^(?:people|person|anybody|anyone|somebody|someone|others)$/, 'people'],
];

const FILLERS: ReadonlySet<string> = new Set(
  'a an the my your his her its our their this that these those me you i we it to of in on for from with without and or any all every ever please always never not do don t dont ask first before when whenever if unless you re use using run running make making call calling about confirm permission let allow allowed forbid must should may can without asking anything something is are be being'.split(
    ' ',
  ),
);

/** Rejects nothing that has a word to hold on to; throws AppError `bad_input` for the rest. */
export function compileRule(text: string): Rule {
  const words = text.trim();
  if (words.length > MAX_WORDS)
    throw new AppError('bad_input', `A rule may have ${MAX_WORDS} characters. Say it shorter; nothing was changed.`);
  const lower = words.toLowerCase().replace(/[’']/g, ' ');
  const said = lower.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 1 && !FILLERS.has(word));
  const touches = new Set<RuleSpec['touches'][number]>();
  const groups: string[][] = [];
  for (const word of said) {
    const reach = REACHES.find(([pattern]) => pattern.test(stem(word)));
    if (reach) touches.add(reach[1]);
    else groups.push([...(MEANINGS.find((meaning) => meaning.includes(stem(word))) ?? [stem(word)])]);
  }
  if (groups.length === 0 && touches.size === 0)
    throw new AppError(
      'bad_input',
      'I cannot tell what this rule is about. Say what is done and to what, such as "ask before deleting mail". Nothing was changed.',
    );
  const verdict =
    /\b(?:never|don t|do not|dont|forbid|not allowed|must not)\b/.test(lower) &&
    !/\bask\b|\bwithout asking\b/.test(lower)
      ? 'deny'
      : 'ask';
  return { words, verdict, specs: [ruleSpecSchema.parse({ touches: [...touches], words: groups.slice(0, 6) })] };
}

/** The word without its ending, as far as rules care: "deleting" → "delete", "mails" → "mail". */
function stem(word: string): string {
  const known = MEANINGS.flat();
  const tries = [
    word,
    word.replace(/s$/, ''),
    word.replace(/e?s$/, ''),
    word.replace(/ing$/, ''),
    word.replace(/ing$/, 'e'),
    word.replace(/(.)\1ing$/, '$1'),
    word.replace(/ed$/, ''),
    word.replace(/d$/, ''),
    word.replace(/(.)\1ed$/, '$1'),
    word.replace(/ies$/, 'y'),
  ];
  const found = tries.find((one) => known.includes(one) || REACHES.some(([pattern]) => pattern.test(one)));
  return found ?? word.replace(/(?:ing|ed|s)$/, '');
}

const INSTRUCTION =
  'A person gave a standing rule about tool calls. Answer with JSON only: {"specs":[{"tools":[globs of tool names],"words":[[words of one meaning],…]}]}. ' +
  'A spec fits a call when a glob fits its tool (empty: any) and of each group of words at least one stands in the name or the arguments of the call. ' +
  'Give up to 4 specs that together cover every call the rule is about, in the words that tools and commands use.';

const addedSchema = z.object({ specs: z.array(ruleSpecSchema).max(4) });

/** The rule with what a model adds; the rule itself when it adds nothing that can be used. Rejects with AppError `cancelled` only. */
export async function widenRule(
  rule: Rule,
  tools: readonly string[],
  ask: (request: Pick<ModelRequest, 'system' | 'messages' | 'tools' | 'maxOutputTokens'>) => Promise<ModelReply>,
): Promise<Rule> {
  const text = `Rule: ${rule.words}\nTools: ${tools.join(', ')}`;
  try {
    const reply = await ask({
      system: [{ text: INSTRUCTION, cache: false }],
      messages: [{ role: 'user', content: [{ type: 'text', text }] }],
      tools: [],
      maxOutputTokens: 600,
    });
    const json = reply.text.slice(reply.text.indexOf('{'), reply.text.lastIndexOf('}') + 1);
    const { specs } = addedSchema.parse(JSON.parse(json));
    // A spec without any part would hold back everything.
    const added = specs.filter((spec) => spec.tools.some((glob) => glob !== '*') || spec.words.length > 0);
    return { ...rule, specs: [...rule.specs, ...added] };
  } catch (error) {
    if (error instanceof AppError && error.code === 'cancelled') throw error;
    return rule;
  }
}
