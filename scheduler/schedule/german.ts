// The common German ways to name a time, put in English before anything is read.

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/übermorgen/g, 'the day after tomorrow'],
  [/\b(?:heute abend)\b/g, 'today at 20:00'],
  [/\bheute\b/g, 'today'],
  [/\bjeden (?:werktag|wochentag)\b/g, 'every weekday'],
  [/\b(?:werktags|an werktagen|unter der woche)\b/g, 'weekdays'],
  [/\bam wochenende\b/g, 'weekends'],
  [/\bjeden morgen\b/g, 'every morning'],
  [/\bjeden abend\b/g, 'every evening'],
  [/\b(?:täglich|jeden tag|morgens|abends)\b/g, 'every day'],
  [/\bstündlich\b|\bjede stunde\b/g, 'every hour'],
  [/\bwöchentlich\b|\bjede woche\b/g, 'every week'],
  [/\bmonatlich\b|\bjeden monat\b/g, 'every month'],
  [/\bmorgen früh\b/g, 'tomorrow at 8:00'],
  [/\bmorgen\b/g, 'tomorrow'],
  [/\b(?:jeden|jede|jedes|alle)\b/g, 'every'],
  [/\berste[rnms]?\b/g, 'first'],
  [/\bzweite[rnms]?\b/g, 'second'],
  [/\bdritte[rnms]?\b/g, 'third'],
  [/\bvierte[rnms]?\b/g, 'fourth'],
  [/\bletzte[rnms]?\b/g, 'last'],
  [/\b(?:im|des|eines|in jedem|jeden) monats?\b/g, 'of the month'],
  [/\bevery monats?\b/g, 'of the month'],
  [/\btag(?:e|en)?\b/g, 'days'],
  [/\bsekunden?\b/g, 'seconds'],
  [/\bminuten?\b/g, 'minutes'],
  [/\bstunden?\b/g, 'hours'],
  [/\bwochen?\b/g, 'weeks'],
  [/\beine[rnm]?\b(?= (?:minutes|hours|days|weeks|seconds))/g, '1'],
  [/\bhalben\b/g, 'half'],
  [/\bmontag(s?)\b/g, 'monday$1'],
  [/\bdienstag(s?)\b/g, 'tuesday$1'],
  [/\bmittwoch(s?)\b/g, 'wednesday$1'],
  [/\bdonnerstag(s?)\b/g, 'thursday$1'],
  [/\bfreitag(s?)\b/g, 'friday$1'],
  [/\b(?:samstag|sonnabend)(s?)\b/g, 'saturday$1'],
  [/\bsonntag(s?)\b/g, 'sunday$1'],
  [/\bmittags\b/g, 'at noon'],
  [/\bmitternachts?\b/g, 'at midnight'],
  [/\b(?:um|gegen)\b/g, 'at'],
  [/(\d)\s*uhr\s*(\d{2})\b/g, '$1:$2'],
  [/(\d)\s*uhr\b/g, '$1'],
  [/\bvon (\S+) bis\b/g, 'from $1 to'],
  [/\bzwischen (\S+) und\b/g, 'from $1 to'],
  [/\bund\b/g, 'and'],
  [/\bam\b(?! ?\d)/g, 'on'],
];

const SIGNS =
  /übermorgen|\b(?:uhr|um|jeden|jede|jedes|alle|täglich|stündlich|wöchentlich|monatlich|werktags|morgens?|abends|heute|minuten?|stunden?|tagen|wochen?|erster|letzter|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?|sonntags?)\b/;

/** `text` (in lower case) in English, when it is German; else as it is. */
export function fromGerman(text: string): string {
  if (!SIGNS.test(text)) return text;
  const said = WORDS.reduce((rest, [words, english]) => rest.replace(words, english), text);
  return said.replace(/\s+/g, ' ').trim();
}
