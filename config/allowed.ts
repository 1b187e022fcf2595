// What a schema allows, in words: for messages about bad values.
import { z } from 'zod';
import type { ValuePath } from './value-path.ts';

type Schema = z.core.$ZodType;

/** The schema of the value at `path`, without its optional, default and null wrappers; undefined for an unknown key. */
export function schemaAt(root: Schema, path: ValuePath): Schema | undefined {
  let schema: Schema | undefined = unwrap(root);
  for (const key of path) {
    if (schema instanceof z.ZodObject) schema = ownSchema(schema.shape, key);
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else return undefined;
    if (schema === undefined) return undefined;
    schema = unwrap(schema);
  }
  return schema;
}

/** Keys of the section that `schema` describes; empty when it is none or takes any key. */
export function allowedKeys(schema: Schema | undefined): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Words that an enum at `schema` takes; empty when it is none. */
export function allowedWords(schema: Schema | undefined): readonly string[] {
  return schema instanceof z.ZodEnum ? schema.options.map(String) : [];
}

/** One phrase such as "a whole number from 0 to 65535" or "one of queue, steer"; '' when the schema cannot tell. */
export function allowedText(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  const described = looseJson.safeParse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return described.success ? describeJson(described.data) : '';
}

const looseJson = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
  items: z.unknown().optional(),
});

function describeJson(json: z.output<typeof looseJson>): string {
  if (json.enum !== undefined) return `one of ${json.enum.join(', ')}`;
  switch (json.type) {
    case 'integer':
      return `a whole number${describeRange(json)}`;
    case 'number':
      return `a number${describeRange(json)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return `a text${json.maxLength === undefined ? '' : ` of at most ${json.maxLength} characters`}${json.minLength === undefined ? '' : ', not empty'}`;
    case 'array':
      return `a list${describeItems(json.items)}${json.maxItems === undefined ? '' : `, at most ${json.maxItems} entries`}`;
    case 'object':
      return 'a section with keys';
    default:
      return '';
  }
}

function describeRange(json: z.output<typeof looseJson>): string {
  const from = json.minimum !== undefined && json.minimum > Number.MIN_SAFE_INTEGER ? ` from ${json.minimum}` : '';
  const above = json.exclusiveMinimum === undefined ? '' : ` above ${json.exclusiveMinimum}`;
  const to = json.maximum !== undefined && json.maximum < Number.MAX_SAFE_INTEGER ? ` to ${json.maximum}` : '';
  return from === '' && to !== '' && above === ''
    ? ` up${to}`
    : `${from}${above}${above !== '' && to !== '' ? ' up' : ''}${to}`;
}

function describeItems(items: unknown): string {
  const parsed = looseJson.safeParse(items);
  if (!parsed.success) return '';
  return parsed.data.type === 'string'
    ? ' of texts such as [a, b]'
    : parsed.data.type === 'object'
      ? ' of sections'
      : '';
}

function ownSchema(shape: Readonly<Record<string, Schema>>, key: string | number): Schema | undefined {
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}

function unwrap(schema: Schema): Schema {
  let inner = schema;
  for (let depth = 0; depth < 16; depth++) {
    if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodNullable ||
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodPrefault ||
      inner instanceof z.ZodReadonly ||
      inner instanceof z.ZodCatch
    ) {
      inner = inner.def.innerType;
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.def.in;
    } else {
      return inner;
    }
  }
  return inner;
}
