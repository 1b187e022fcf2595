// What a person's next words say about the answer before them. A few words at the start, in the languages most met; who says nothing of the
// kind leaves the answer as done, so that what is missed counts for no side.

/** At the beginning of a message: the answer was wrong. */
const WRONG = new RegExp(
  `^\\W*(?:${[
    'no[,.! ]+(?!problem|worries|need|thanks?|rush)',
    "(?:that(?:'s| is| was)|this is|it'?s) (?:wrong|incorrect|not (?:right|correct|what|how))",
    '(?:still |completely )?(?:wrong|incorrect)\\b',
    'you (?:misunderstood|forgot|missed|should have|were supposed)',
    "(?:that|this|it) (?:didn'?t|doesn'?t|did not|does not) work",
    'i (?:meant|said|asked (?:for|you))\\b',
    'not like (?:that|this)',
    'nein[,.! ]',
    '(?:das|dies) (?:ist|war|stimmt) (?:falsch|so nicht|nicht)',
    'falsch\\b',
    'ich (?:meinte|wollte)\\b',
    'non[,.! ]',
    "c'est (?:faux|pas)",
    '(?:eso )?(?:está|es) (?:mal|incorrecto)',
    'está errado',
    'sbagliato',
    'нет[,.! ]',
    'неправильно',
    '違う|ちがう|不对|错了|不是',
  ].join('|')})`,
  'iu',
);

/** At the beginning of a message: the answer was right. */
const RIGHT = new RegExp(
  `^\\W*(?:${[
    '(?:yes|yep|yeah)[,!. ]+(?:that|it|works|perfect|exactly|correct)',
    "(?:(?:that|this|it)(?:'s| is| was)? )?(?:perfect|exactly|correct|spot on|right\\b(?! now))",
    '(?:great|good|nice|excellent)(?:[,!. ]+(?:job|work|that|it|thanks|thank)|[!. ]*$)',
    '(?:that|this|it) works?(?:ed)?\\b',
    'works? (?:now|great|fine|perfectly)',
    '(?:many )?thanks?\\b|thank you',
    'danke|perfekt|genau|passt|stimmt\\b',
    'merci|parfait',
    'gracias|perfecto',
    'obrigad[oa]|perfeito',
    'grazie|perfetto',
    'спасибо|отлично',
    'ありがとう|完璧|谢谢|對了|对了',
  ].join('|')})`,
  'iu',
);

export function saysWrong(text: string): boolean {
  return WRONG.test(text);
}

export function saysRight(text: string): boolean {
  return !saysWrong(text) && RIGHT.test(text);
}
