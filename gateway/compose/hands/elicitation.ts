// Questions of MCP servers as questions to a person, and back. A server's words are shown as its own; what does not fit a field is no answer.
import type {
  AnswerValue,
  ElicitationAnswer,
  ElicitationField,
  ElicitationQuestion,
} from '../../../agent/mcp/ports.ts';
import type { PersonAnswer, PersonQuestion, QuestionField } from '../../../data/work/questions.ts';

const YES = 'Yes';
const NO = 'No';
const SKIP = 'Leave it out';
const DONE = 'Done';
/** Of the one field that stands for an address. */
const OPENED = 'opened';

export function questionOf(
  question: ElicitationQuestion,
  { key, ttlMs }: { key: string; ttlMs: number },
): PersonQuestion {
  const { server, caller, message } = question;
  const { scope, turn, address } = caller;
  return {
    scope,
    turn,
    address,
    key,
    asker: `the MCP server ${server}`,
    fields: question.mode === 'url' ? [linkField(question)] : formFields(message, question.fields),
    canDecline: true,
    ttlMs,
  };
}

/** `cancel` when nobody answered, or when an answer does not fit its field. */
export function answerOf(question: ElicitationQuestion, answer: PersonAnswer): ElicitationAnswer {
  if (answer.state === 'declined') return { action: 'decline' };
  if (answer.state !== 'answered') return { action: 'cancel' };
  if (question.mode === 'url') {
    return { action: answer.values[OPENED]?.[0] === DONE ? 'accept' : 'cancel' };
  }
  const content: Record<string, AnswerValue> = {};
  for (const [index, field] of question.fields.entries()) {
    const said = answer.values[fieldKey(index)] ?? [];
    if (!field.required && said.length === 1 && said[0] === SKIP) continue;
    const value = valueOf(field, said);
    if (value === undefined) return { action: 'cancel' };
    content[field.name] = value;
  }
  // A form without fields is a question whether to go on.
  return { action: 'accept', content };
}

function linkField({ message, url, host }: { message: string; url: string; host: string }): QuestionField {
  return { name: OPENED, text: `${message}\n\nThis leads to ${host}:\n${url}`, choices: [DONE] };
}

function formFields(message: string, fields: readonly ElicitationField[]): readonly QuestionField[] {
  if (fields.length === 0) return [{ name: fieldKey(0), text: message, choices: [YES] }];
  return fields.map((field, index) => {
    const about = [field.title, field.description, hintOf(field)].filter((part) => part !== '').join('\n');
    const choices = [...choicesOf(field), ...(field.required ? [] : [SKIP])];
    return {
      name: fieldKey(index),
      text: index === 0 ? `${message}\n\n${about}` : about,
      choices,
      multi: field.type === 'choices',
    };
  });
}

/** Names are the server's; what is asked has names of ours. */
function fieldKey(index: number): string {
  return `f${index}`;
}

function hintOf({ type, format, default: usual }: ElicitationField): string {
  const kind = type === 'number' ? 'A number.' : type === 'integer' ? 'A whole number.' : '';
  const form = format === undefined ? '' : `As ${format}.`;
  const proposal = usual === undefined ? '' : `Proposed: ${String(usual)}`;
  return [kind, form, proposal].filter((part) => part !== '').join(' ');
}

function choicesOf({ type, options = [] }: ElicitationField): readonly string[] {
  return type === 'boolean' ? [YES, NO] : options.map(({ title }) => title);
}

function valueOf(field: ElicitationField, said: readonly string[]): AnswerValue | undefined {
  const [first] = said;
  switch (field.type) {
    case 'text':
      return first;
    case 'number':
    case 'integer': {
      const value = first === undefined || first.trim() === '' ? Number.NaN : Number(first);
      return Number.isFinite(value) && (field.type === 'number' || Number.isInteger(value)) ? value : undefined;
    }
    case 'boolean':
      return first === YES ? true : first === NO ? false : undefined;
    case 'choice':
      return optionOf(field, first);
    case 'choices': {
      const values = said.map((title) => optionOf(field, title));
      const known = values.filter((value) => value !== undefined);
      return known.length === values.length ? known : undefined;
    }
  }
}

function optionOf({ options = [] }: ElicitationField, said: string | undefined): string | undefined {
  return options.find(({ title, value }) => said === title || said === value)?.value;
}
