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

/** One press answers, so several choices are said in words and numbers. */
export function buttonsOf(question: Pick<Question, 'id' | 'choices' | 'multi' | 'canDecline'>): readonly Button[][] {
  const { id, choices, multi, canDecline } = question;
  const shown = multi ? [] : choices;
  const buttons = shown.map((choice, index) => [{ label: labelOf(choice), data: dataOf(id, index + 1) }]);
  return canDecline && !multi ? [...buttons, [{ label: DECLINE, data: dataOf(id, 0) }]] : buttons;
}

/** Markdown of the message that asks. */
export function questionText(field: QuestionField, asked: { asker?: string | undefined; canDecline: boolean }): string {
  const { asker, canDecline } = asked;
  const text =
    asker === undefined
      ? field.text
      : `**${plain(asker)} wants to know** (it is not me who asks): ${plain(field.text, 2_000)}`;
  if (field.multi !== true) return text;
  const lines = (field.choices ?? []).map((choice, index) => `${index + 1}. ${plain(choice, MAX_LABEL_CHARS)}`);
  const refusal = canDecline ? ` \`${DECLINE.toLowerCase()}\` refuses.` : '';
  return `${text}\n\n${lines.join('\n')}\n\nAnswer with the numbers, such as \`1, 2\`, or in words.${refusal}`;
}

/** What was pressed; undefined when the question has no such choice. */
export function pressedAnswer({ choices, canDecline }: Question, choice: number): Answer | undefined {
  if (choice === 0) return canDecline ? { state: 'declined', values: [] } : undefined;
  const value = choices[choice - 1];
  return value === undefined ? undefined : { state: 'answered', values: [value] };
}

/** What was said: choices by name, by numbers where numbers were shown, else the words themselves. */
export function saidAnswer({ choices, multi, canDecline }: Question, text: string): Answer {
  const said = cleanText(text).trim().slice(0, MAX_ANSWER_CHARS);
  if (canDecline && said.toLowerCase() === DECLINE.toLowerCase()) return { state: 'declined', values: [] };
  const values = (multi ? severalOf(choices, said) : undefined) ?? [named(choices, said) ?? said];
  return { state: 'answered', values };
}

function severalOf(choices: readonly string[], said: string): readonly string[] | undefined {
  const whole = named(choices, said);
  if (whole !== undefined) return [whole];
  const isNumbers = /^[\d\s,;.)&+]+$/.test(said);
  const words = said.split(isNumbers ? /[^\d]+/ : /[,;\n]+/).filter((word) => word.trim() !== '');
  const found = words.map((word) => (isNumbers ? choices[Number(word) - 1] : named(choices, word)));
  const known = found.filter((value) => value !== undefined);
  return known.length === 0 || known.length < found.length ? undefined : [...new Set(known)];
}

function named(choices: readonly string[], said: string): string | undefined {
  const wanted = said.trim().toLowerCase();
  return choices.find((choice) => [choice, labelOf(choice)].some((name) => name.trim().toLowerCase() === wanted));
}

function labelOf(choice: string): string {
  return preview(cleanText(choice), MAX_LABEL_CHARS);
}
