// What clients send, as far as it matters to an agent: the last thing that the person says, with its files. The rest of the
// conversation is the agent's own memory.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';

const textPart = z.looseObject({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() });
const imagePart = z.looseObject({
  type: z.enum(['image_url', 'input_image']),
  image_url: z.union([z.string(), z.looseObject({ url: z.string() })]),
});
const audioPart = z.looseObject({
  type: z.literal('input_audio'),
  input_audio: z.looseObject({ data: z.string(), format: z.string() }),
});
const filePart = z.looseObject({
  type: z.enum(['file', 'input_file']),
  file: z.looseObject({ filename: z.string().optional(), file_data: z.string().optional() }).optional(),
  filename: z.string().optional(),
  file_data: z.string().optional(),
});
const part = z.union([textPart, imagePart, audioPart, filePart]);
const content = z.union([z.string(), z.array(part), z.null()]);

const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: content.optional(),
});

const common = {
  model: z.string().optional(),
  stream: z.boolean().nullish(),
  /** A client's own tools could not be run: the agent has its own. */
  tools: z.array(z.unknown()).nullish(),
  user: z.string().max(512).nullish(),
};

export const chatRequest = z.looseObject({
  ...common,
  messages: z.array(message).min(1).max(10_000),
  n: z.int().nullish(),
});

export const responsesRequest = z.looseObject({
  ...common,
  input: z.union([z.string(), z.array(z.union([message, z.looseObject({ type: z.string() })])).max(10_000)]),
  instructions: z.string().nullish(),
  previous_response_id: z.string().max(128).nullish(),
});

/** A file of the request, decoded. */
export interface InlineFile {
  name: string;
  mime: string;
  bytes: Buffer;
}

export interface Said {
  /** What the agent is told; the client's instructions come first in a new conversation. */
  text: string;
  files: readonly InlineFile[];
  instructions: string;
  /** Distinguishes conversations whose client resends them whole. */
  opening: string;
  /** True when the client has no answer of ours in what it sends. */
  isNew: boolean;
}

type Message = z.output<typeof message>;

/** Throws AppError `bad_input` when nobody says anything, or a file cannot be taken. */
export function readSaid(messages: readonly Message[], instructions: string): Said {
  const last = messages.findLastIndex((one) => one.role === 'assistant');
  const fresh = messages.slice(last + 1).filter((one) => one.role === 'user');
  const parts = fresh.flatMap((one) => partsOf(one.content));
  const text = parts
    .map((one) => (one.type === 'text' ? one.text : ''))
    .filter((one) => one !== '')
    .join('\n');
  const files = parts.flatMap((one) => (one.type === 'file' ? [one.file] : []));
  if (text.trim() === '' && files.length === 0)
    throw new AppError('bad_input', 'The last message must be one of the user, with text or a file.');
  const system = messages
    .filter((one) => one.role === 'system' || one.role === 'developer')
    .flatMap((one) => partsOf(one.content))
    .map((one) => (one.type === 'text' ? one.text : ''));
  const first = messages.find((one) => one.role === 'user');
  return {
    text,
    files,
    instructions: [instructions, ...system].filter((one) => one.trim() !== '').join('\n\n'),
    opening: JSON.stringify(partsOf(first?.content).map((one) => (one.type === 'text' ? one.text : one.file.name))),
    isNew: last < 0,
  };
}

/** The messages of a Responses request; items that are none (tool calls, reasoning) are left out. */
export function messagesOf(input: z.output<typeof responsesRequest>['input']): readonly Message[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  return input.flatMap((item) => {
    const parsed = message.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}

type Part = { type: 'text'; text: string } | { type: 'file'; file: InlineFile };

function partsOf(given: z.output<typeof content> | undefined): readonly Part[] {
  if (given === undefined || given === null) return [];
  if (typeof given === 'string') return [{ type: 'text', text: given }];
  return given.map((one): Part => {
    switch (one.type) {
      case 'text':
      case 'input_text':
      case 'output_text':
        return { type: 'text', text: one.text };
      case 'image_url':
      case 'input_image':
        return {
          type: 'file',
          file: fromDataUrl(typeof one.image_url === 'string' ? one.image_url : one.image_url.url, 'image'),
        };
      case 'input_audio': {
        const format = /^[a-z0-9]{1,8}$/.test(one.input_audio.format) ? one.input_audio.format : 'wav';
        const file = {
          name: `audio.${format}`,
          mime: `audio/${format}`,
          bytes: Buffer.from(one.input_audio.data, 'base64'),
        };
        return { type: 'file', file };
      }
      case 'file':
      case 'input_file':
        return {
          type: 'file',
          file: fromDataUrl(one.file?.file_data ?? one.file_data ?? '', one.file?.filename ?? one.filename ?? 'file'),
        };
    }
  });
}

/** Addresses of other machines are never fetched for a client. */
function fromDataUrl(url: string, name: string): InlineFile {
  const [, mime, data] = /^data:([a-z0-9.+-]+\/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=\s]+)$/i.exec(url) ?? [];
  if (mime === undefined || data === undefined)
    throw new AppError('bad_input', 'Send files inside the request (data:…;base64,…): addresses are not fetched.');
  const ending = name.includes('.') ? '' : `.${mime.split('/')[1]?.replace(/\W.*/, '') ?? 'bin'}`;
  return { name: name + ending, mime: mime.toLowerCase(), bytes: Buffer.from(data, 'base64') };
}
