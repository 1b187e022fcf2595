// What a person says of themselves in so many words, found without a model: in English, and the plainest of it in German. It misses much
// and takes little wrong: a sentence counts when it begins with the statement.
import type { ClaimChange, OwnMessage } from '../../data/profile/revision.ts';
import type { ClaimKind } from '../../data/profile/tables.ts';

interface Statement {
  kind: ClaimKind;
  /** After the beginning of a sentence; the last group is what it is about. */
  pattern: RegExp;
  /** Of the claim; "Prefers " and what was found. */
  prefix: string;
  /** True: there is one at a time, and a new one speaks against the others. */
  isOnly?: boolean;
  /** Beginning of claims that say the opposite of the same. */
  against?: string;
}

/** Not too long, and no other sentence. */
const ABOUT = String.raw`([^.!?\n;]{1,80})`;
/** `'` stands for both kinds of apostrophe. */
const statement = (words: string) => new RegExp(`^(?:${words.replaceAll("'", "['’]")})\\s+${ABOUT}`, 'iu');

const STATEMENTS: readonly Statement[] = [
  {
    kind: 'fact',
    prefix: 'Wants to be called ',
    pattern: statement('(?:please )?call me|(?:bitte )?nenn(?:e)? mich'),
    isOnly: true,
  },
  {
    kind: 'fact',
    prefix: 'Is called ',
    pattern: statement("my name is|my name's|ich hei(?:ß|ss)e|mein name ist"),
    isOnly: true,
  },
  {
    kind: 'fact',
    prefix: 'Lives in ',
    pattern: statement("i (?:now )?live in|i(?: have|'ve)? (?:just )?moved to|ich (?:wohne|lebe) (?:jetzt )?in"),
    isOnly: true,
  },
  {
    kind: 'fact',
    prefix: 'Works as ',
    pattern: statement("i work as|i(?: am|'m) working as|ich arbeite als"),
    isOnly: true,
  },
  { kind: 'fact', prefix: 'Works at ', pattern: statement('i work (?:at|for)|ich arbeite bei'), isOnly: true },
  {
    kind: 'fact',
    prefix: 'Is allergic to ',
    pattern: statement("i(?: am|'m) allergic to|ich bin allergisch (?:gegen|auf)"),
  },
  {
    kind: 'style',
    prefix: 'Wants answers in ',
    pattern: statement(
      '(?:please )?(?:from now on,? )?(?:please )?(?:always )?(?:(?:answer|reply|respond)(?: to me| me)?|(?:write|speak|talk) to me)(?: always)? in|' +
        '(?:bitte )?antworte(?: mir)?(?: bitte)?(?: immer| ab jetzt)? auf',
    ),
    isOnly: true,
  },
  {
    kind: 'style',
    prefix: 'Wants answers ',
    pattern: statement('(?:please )?(?:always )?(?:keep|make) (?:your |the |all )?(?:answers|replies|responses)'),
  },
  {
    kind: 'preference',
    prefix: 'Prefers ',
    pattern: statement("i(?: would|'d)?(?: always| generally| usually| really)? prefer|ich bevorzuge"),
  },
  {
    kind: 'preference',
    prefix: 'Dislikes ',
    pattern: statement("i (?:really )?(?:dislike|hate|do not like|don't like|can't stand)"),
    against: 'Likes ',
  },
  {
    kind: 'preference',
    prefix: 'Likes ',
    pattern: statement('i (?:really |still )?(?:like|love|enjoy)'),
    against: 'Dislikes ',
  },
  { kind: 'skill', prefix: 'Speaks ', pattern: statement('i speak|ich spreche') },
  { kind: 'goal', prefix: 'Learns ', pattern: statement("i(?: am|'m) learning|i want to learn|ich lerne") },
  { kind: 'goal', prefix: 'Wants to ', pattern: statement('my goal is to') },
  {
    kind: 'routine',
    prefix: 'Every ',
    pattern:
      /^every ((?:day|morning|evening|night|week|weekend|monday|tuesday|wednesday|thursday|friday|saturday|sunday),? i [^.!?\n;]{2,80})/iu,
  },
];

/** "I no longer live in …": what it begins with, and the claims that it ends. */
const ENDED: readonly { prefix: string; pattern: RegExp }[] = [
  { prefix: 'Lives in ', pattern: statement("i (?:no longer live|don't live|do not live|am not living) in") },
  { prefix: 'Likes ', pattern: statement('i no longer (?:like|love|enjoy)') },
  { prefix: 'Prefers ', pattern: statement('i no longer prefer') },
  { prefix: 'Works at ', pattern: statement('i no longer work (?:at|for)') },
];

/** Words after which it is another matter. */
const TAIL =
  /\s*(?:,|\s(?:because|since|so|now|these days|any ?more|thanks|thank you|please|from now on|weil|bitte)\b).*$/iu;
/** What points at something else in the conversation tells nothing later. */
const POINTER =
  /^(?:it|this|that|these|those|them|him|her|you|your|if|how|what|when|where|which|the (?:first|second|third|last|next|other|former|latter|idea|way|one|new|old)|option)\b/iu;
const SAID_WEIGHT = 2;

/** A claim that stands. */
export interface KnownClaim {
  text: string;
  isFixed: boolean;
  /** Last evidence for it: what was said before speaks against nothing. */
  seenAt: number;
}

/** Changes of the claims that the messages, which hold own words only, say in so many words. */
export function findStatements(messages: readonly OwnMessage[], known: readonly KnownClaim[]): readonly ClaimChange[] {
  const seen = new Map(known.filter(({ isFixed }) => !isFixed).map(({ text, seenAt }) => [text, seenAt]));
  const changes: ClaimChange[] = [];
  for (const message of messages)
    for (const sentence of sentencesOf(message.text))
      for (const change of readSentence(sentence, message, seen)) {
        if (change.op === 'new') seen.set(change.text, message.saidAt);
        changes.push(change);
      }
  return changes;
}

function readSentence(
  sentence: string,
  { id, saidAt }: OwnMessage,
  seen: ReadonlyMap<string, number>,
): readonly ClaimChange[] {
  const cites = { message: id, quote: sentence, weight: SAID_WEIGHT };
  for (const { prefix, pattern } of ENDED) {
    const about = aboutOf(pattern, sentence);
    if (about !== undefined) return [{ op: 'retire', claim: `${prefix}${about}`, cites }];
  }
  for (const { kind, prefix, pattern, isOnly = false, against } of STATEMENTS) {
    const about = aboutOf(pattern, sentence);
    if (about === undefined) continue;
    const text = `${prefix}${about}`;
    const opposite = against === undefined ? undefined : `${against}${about}`;
    const others = [...seen]
      .filter(
        ([other, at]) => at <= saidAt && other !== text && ((isOnly && other.startsWith(prefix)) || other === opposite),
      )
      .map(([other]) => other);
    return [
      ...others.map((claim): ClaimChange => ({ op: isOnly ? 'retire' : 'contradict', claim, cites })),
      { op: 'new', kind, text, cites },
    ];
  }
  return [];
}

function aboutOf(pattern: RegExp, sentence: string): string | undefined {
  const about = pattern
    .exec(sentence)
    ?.at(-1)
    ?.replace(TAIL, '')
    .replace(/["“”„«»]/g, '')
    .trim();
  return about === undefined || about === '' || POINTER.test(about) ? undefined : about;
}

const QUOTED = /"[^"\n]*"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»/g;
const BOUNDARY = /[.!?\n;]+|,?\s+(?:and|but|und|aber)\s+(?=(?:i|my|please|call|ich|bitte)\b)/giu;
const GREETING =
  /^\s*(?:(?:hi|hello|hey|hallo|by the way|btw|oh|well|also|actually|remember(?: that)?|note that|and|but)\b[,:]?\s*)?(?:herald\b[,:]?\s*)?/iu;

/**
 * Sentences, and parts of them after "and" or "but", as they stand in the text. A question says nothing, and no sentence begins within
 * quotation marks.
 */
function sentencesOf(text: string): readonly string[] {
  const masked = text.replace(QUOTED, (quoted) => '_'.repeat(quoted.length));
  const ends = [...masked.matchAll(BOUNDARY)].map(({ 0: mark, index }) => ({
    at: index,
    next: index + mark.length,
    mark,
  }));
  const sentences: string[] = [];
  let from = 0;
  for (const { at, next, mark } of [...ends, { at: text.length, next: text.length, mark: '' }]) {
    if (!mark.includes('?')) sentences.push(text.slice(from, at).replace(GREETING, '').trim());
    from = next;
  }
  return sentences.filter((sentence) => sentence !== '');
}
