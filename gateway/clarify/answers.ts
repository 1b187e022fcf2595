// What a person's words mean as the answer to a question, and how its choices look. Pure.
import type { Question, QuestionField } from '../../data/work/questions.ts';
import type { Button } from '../../shared/messages.ts';
import { cleanText, preview } from '../../shared/text.ts';
import { plain } from '../commands/format.ts';

export interface Answer {
  state: 'answered' | 'declined';
  values: readonly string[];
}

const MAX_LABEL_CHARS = 60;
/** More would be cut off by platforms. */
const MAX_BUTTONS = 10;
/** Of a question that is not Herald's. */
const MAX_ASKER_LINES = 60;
const MAX_ANSWER_CHARS = 20_000;
const DECLINE = 'Decline';
/** Shorter than the 64 bytes that a button may carry everywhere: an id has 26. Nobody types this by accident. */
const DATA = /^\?question:([0-9A-Z]{26}):(\d{1,3})$/;

/** What the button carries; choices count from 1, and 0 refuses. */
function dataOf(id: string, choice: number): string {
  return `?question:${id}:${choice}`;
}

/** The question and choice that a press stands for; undefined for anything else. */
export function readPress(text: string): { id: string; choice: number } | undefined {
  const [, id, choice] = DATA.exec(text.trim()) ?? [];
  return id === undefined ? undefined : { id, choice: Number(choice) };
}

/** Choices as numbered lines instead of buttons: one press answers, and is not enough where several may be chosen. */
function isListed({ choices = [], multi }: Pick<QuestionField, 'choices' | 'multi'>): boolean {
  return multi === true || choices.length > MAX_BUTTONS;
}

export function buttonsOf(question: Pick<Question, 'id' | 'choices' | 'multi' | 'canDecline'>): readonly Button[][] {
  const { id, choices, canDecline } = question;
  if (isListed(question)) return [];
  const buttons = choices.map((choice, index) => [{ label: labelOf(choice), data: dataOf(id, index + 1) }]);
  return canDecline ? [...buttons, [{ label: DECLINE, data: dataOf(id, 0) }]] : buttons;
}

/** Markdown of the message that asks. */
export function questionText(field: QuestionField, asked: { asker?: string | undefined; canDecline: boolean }): string {
  const { asker, canDecline } = asked;
  const text =
    asker === undefined
      ? field.text
      : `**${plain(asker)} wants to know** (it is not me who asks):\n\n${plainLines(field.text)}`;
  if (!isListed(field)) return text;
  const lines = (field.choices ?? []).map((choice, index) => `${index + 1}. ${plain(choice, MAX_LABEL_CHARS)}`);
  const how = field.multi === true ? 'the numbers, such as `1, 2`,' : 'the number,';
  const refusal = canDecline ? ` \`${DECLINE.toLowerCase()}\` refuses.` : '';
  return `${text}\n\n${lines.join('\n')}\n\nAnswer with ${how} or in words.${refusal}`;
}

function plainLines(text: string): string {
  const lines = text.split('\n').slice(0, MAX_ASKER_LINES);
  return lines.map((line) => plain(line, 4_000)).join('\n');
}

/** What was pressed; undefined when the question has no such choice. */
export function pressedAnswer({ choices, canDecline }: Question, choice: number): Answer | undefined {
  if (choice === 0) return canDecline ? { state: 'declined', values: [] } : undefined;
  const value = choices[choice - 1];
  return value === undefined ? undefined : { state: 'answered', values: [value] };
}

/** What was said: choices by name, by numbers where numbers were shown, else the words themselves. */
export function saidAnswer(question: Question, text: string): Answer {
  const { choices, canDecline } = question;
  const said = cleanText(text).trim().slice(0, MAX_ANSWER_CHARS);
  if (canDecline && isSame(said, DECLINE)) return { state: 'declined', values: [] };
  const known = named(choices, said);
  const values = known === undefined && isListed(question) ? listedIn(question, said) : undefined;
  return { state: 'answered', values: values ?? [known ?? said] };
}

/** Undefined unless all of it names choices, and only one where only one may be chosen. */
function listedIn({ choices, multi }: Question, said: string): readonly string[] | undefined {
  const isNumbers = /^[\d\s,;.)&+]+$/.test(said);
  const words = said.split(isNumbers ? /[^\d]+/ : /[,;\n]+/).filter((word) => word.trim() !== '');
  const found = words.map((word) => (isNumbers ? choices[Number(word) - 1] : named(choices, word)));
  const known = new Set(found.filter((value) => value !== undefined));
  if (known.size === 0 || found.includes(undefined) || (known.size > 1 && !multi)) return undefined;
  return [...known];
}

function named(choices: readonly string[], said: string): string | undefined {
  return choices.find((choice) => isSame(choice, said) || isSame(labelOf(choice), said));
}

/** Case does not count, nor the full stop that transcripts end with. */
function isSame(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) =>
    text
      .trim()
      .replace(/[.!?]+$/, '')
      .toLowerCase(),
  );
  return first === second && first !== '';
}

function labelOf(choice: string): string {
  return preview(cleanText(choice), MAX_LABEL_CHARS);
}
