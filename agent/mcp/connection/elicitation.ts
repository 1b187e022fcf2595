// Questions of a server to the person (elicitation/create): one at a time, a few per call, in the words of the server without hidden
// characters. Answers are checked against what was asked. Addresses are only ever shown, with where they lead.
import type { ElicitRequest, ElicitResult, PrimitiveSchemaDefinition } from '@modelcontextprotocol/sdk/types.js';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import { untilAborted } from '../../abort.ts';
import type { McpServerConfig } from '../config.ts';
import type { AnswerValue, ElicitationAnswer, ElicitationField, ElicitationQuestion } from '../ports.ts';
import type { McpCaller, McpPorts } from '../ports.ts';
import { visibleText } from '../scan.ts';
import { isLoopback } from './http.ts';

const MAX_MESSAGE = 2_000;
const MAX_FIELDS = 20;
const MAX_OPTIONS = 50;
const MAX_LABEL = 200;
const MAX_PER_MINUTE = 6;
const MINUTE_MS = 60_000;

type Params = ElicitRequest['params'];

export interface Asker {
  /** Rejects with AppError; its words may be shown to the server. */
  answer(params: Params, caller: McpCaller, signal: AbortSignal): Promise<ElicitResult>;
}

export function makeAsker(input: {
  server: string;
  config: McpServerConfig['elicitation'];
  askPerson: NonNullable<McpPorts['askPerson']>;
  clock: Clock;
}): Asker {
  const { server, config, askPerson, clock } = input;
  let recent: readonly number[] = [];
  let isAsking = false;
  return {
    async answer(params, caller, signal) {
      const now = clock.now();
      recent = recent.filter((at) => at > now - MINUTE_MS);
      if (isAsking || recent.length >= MAX_PER_MINUTE)
        throw new AppError('not_allowed', 'The person is being asked already, or was asked too often.');
      const question = questionOf(params, server, caller);
      recent = [...recent, now];
      isAsking = true;
      try {
        const answer = await withDeadline({ clock, timeoutMs: config.timeout * 1000, parent: signal }, (inner) =>
          untilAborted(askPerson(question, inner), inner).catch((error: unknown): ElicitationAnswer => {
            // Nobody answered in time: for the server that is the same as closing the question.
            if (inner.aborted) return { action: 'cancel' };
            throw error;
          }),
        );
        return resultOf(answer, question);
      } finally {
        isAsking = false;
      }
    },
  };
}

/** Throws AppError `bad_input`. */
export function questionOf(params: Params, server: string, caller: McpCaller): ElicitationQuestion {
  const message = clip(params.message, MAX_MESSAGE);
  if (params.mode === 'url') {
    const url = URL.parse(params.url);
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
    if (url === null || !isSafe || url.username !== '' || url.password !== '' || url.href.length > 2_000)
      throw new AppError('bad_input', 'The address is none that a person can be sent to.');
    return { mode: 'url', server, caller, message, url: url.href, host: url.host };
  }
  const { properties, required } = params.requestedSchema;
  const entries = Object.entries(properties);
  if (entries.length > MAX_FIELDS) throw new AppError('bad_input', `A form has at most ${MAX_FIELDS} fields.`);
  const fields = entries.map(([name, schema]) => fieldOf(name, schema, required?.includes(name) === true));
  return { mode: 'form', server, caller, message, fields };
}

function fieldOf(name: string, schema: PrimitiveSchemaDefinition, required: boolean): ElicitationField {
  const options = optionsOf(schema);
  if (options !== undefined && (options.length === 0 || options.length > MAX_OPTIONS))
    throw new AppError('bad_input', `A choice has 1 to ${MAX_OPTIONS} options.`);
  return {
    name,
    title: clip(schema.title ?? name, MAX_LABEL),
    description: clip(schema.description ?? '', MAX_MESSAGE),
    required,
    type: typeOf(schema, options !== undefined),
    options,
    format: 'format' in schema ? schema.format : undefined,
    default: schema.default,
  };
}

function typeOf(schema: PrimitiveSchemaDefinition, isChoice: boolean): ElicitationField['type'] {
  switch (schema.type) {
    case 'boolean':
    case 'number':
    case 'integer':
      return schema.type;
    case 'array':
      return 'choices';
    case 'string':
      return isChoice ? 'choice' : 'text';
  }
}

function optionsOf(schema: PrimitiveSchemaDefinition): ElicitationField['options'] {
  if ('items' in schema) {
    const { items } = schema;
    return 'enum' in items ? plainOptions(items.enum) : items.anyOf.map(titledOption);
  }
  if ('oneOf' in schema) return schema.oneOf.map(titledOption);
  if (!('enum' in schema)) return undefined;
  const titles = 'enumNames' in schema ? schema.enumNames : undefined;
  return schema.enum.map((value, index) => ({ value, title: clip(titles?.[index] ?? value, MAX_LABEL) }));
}

function plainOptions(values: readonly string[]) {
  return values.map((value) => ({ value, title: clip(value, MAX_LABEL) }));
}

function titledOption(option: { const: string; title: string }) {
  return { value: option.const, title: clip(option.title, MAX_LABEL) };
}

/** The answer with defaults filled in. Throws AppError `bad_input` when it is not what was asked for. */
function resultOf(answer: ElicitationAnswer, question: ElicitationQuestion): ElicitResult {
  if (answer.action !== 'accept' || question.mode === 'url') return { action: answer.action };
  const content: Record<string, AnswerValue> = {};
  for (const field of question.fields) {
    const given = answer.content?.[field.name] ?? field.default;
    if (given !== undefined && fits(field, given)) content[field.name] = given;
    else if (given !== undefined || field.required)
      throw new AppError('bad_input', `The answer to ${field.title} is missing or of another kind.`);
  }
  return { action: 'accept', content };
}

function fits(field: ElicitationField, value: AnswerValue): boolean {
  const isOption = (one: string) => field.options?.some((option) => option.value === one) === true;
  switch (field.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return Number.isInteger(value);
    case 'text':
      return typeof value === 'string';
    case 'choice':
      return typeof value === 'string' && isOption(value);
    case 'choices':
      return Array.isArray(value) && value.every(isOption);
  }
}

function clip(text: string, max: number): string {
  return visibleText(text).slice(0, max);
}
