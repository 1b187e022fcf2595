// Results of MCP servers as text for the model and files for the person. Sizes are bounded here, the length of text by the dispatcher.
import { z } from 'zod';
import type { StoredFile } from '../../shared/messages.ts';
import { preview } from '../../shared/text.ts';
import type { ToolResult } from '../tools/tool.ts';
import type { McpPorts } from './ports.ts';
import { resultText } from './scan.ts';

const MAX_BLOCKS = 200;
const MAX_TEXT = 1_000_000;
const MAX_FILES = 8;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Kinds that every platform knows as what they are; anything else stays on the server. */
const SHOWN = /^(image\/(png|jpeg|gif|webp)|audio\/(mpeg|wav|ogg|mp4|webm|aac|flac))$/;

const text = z.object({ type: z.literal('text'), text: z.string() });
const media = z.object({ type: z.enum(['image', 'audio']), data: z.string(), mimeType: z.string() });
const resourceBody = z.object({
  uri: z.string(),
  mimeType: z.string().optional(),
  text: z.string().optional(),
  blob: z.string().optional(),
});
const resource = z.object({ type: z.literal('resource'), resource: resourceBody });
const link = z.object({
  type: z.literal('resource_link'),
  uri: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  mimeType: z.string().optional(),
});
const unknown = z.object({ type: z.string() });
const block = z.union([text, media, resource, link, unknown]);

export const callResultSchema = z.looseObject({
  content: z.array(z.unknown()).default([]),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
  isError: z.boolean().optional(),
});
export const readResultSchema = z.looseObject({ contents: z.array(resourceBody).max(1000) });
export const promptResultSchema = z.looseObject({
  description: z.string().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).max(1000),
});

/** `origin` is foreign, whatever the server says. */
export async function toolResultOf(
  result: z.output<typeof callResultSchema>,
  ports: Pick<McpPorts, 'storeFile'>,
): Promise<ToolResult> {
  const { lines, files } = await render(result.content, ports);
  const hasText = result.content.some((entry) => text.safeParse(entry).success);
  if (result.structuredContent !== undefined && !hasText)
    lines.push(resultText(JSON.stringify(result.structuredContent)));
  const isError = result.isError === true;
  return {
    text: joined(lines) || (isError ? 'The server gave an error without words.' : 'Done; there was no result.'),
    isError,
    origin: 'foreign',
    files,
  };
}

export async function resourceText(result: z.output<typeof readResultSchema>, ports: Pick<McpPorts, 'storeFile'>) {
  const blocks = result.contents.map((body) => ({ type: 'resource', resource: body }));
  const { lines, files } = await render(blocks, ports);
  return { text: joined(lines) || 'The resource is empty.', origin: 'foreign', files } as const;
}

export async function promptText(result: z.output<typeof promptResultSchema>, ports: Pick<McpPorts, 'storeFile'>) {
  const all: string[] = [];
  const files: StoredFile[] = [];
  for (const { role, content } of result.messages) {
    const rendered = await render(Array.isArray(content) ? content : [content], ports);
    all.push(`${preview(resultText(role), 20)}: ${rendered.lines.join('\n')}`);
    files.push(...rendered.files);
  }
  return { text: joined(all) || 'The prompt is empty.', origin: 'foreign', files: files.slice(0, MAX_FILES) } as const;
}

interface Rendered {
  lines: string[];
  files: StoredFile[];
}

async function render(content: readonly unknown[], ports: Pick<McpPorts, 'storeFile'>): Promise<Rendered> {
  const rendered: Rendered = { lines: [], files: [] };
  for (const entry of content.slice(0, MAX_BLOCKS))
    rendered.lines.push(await renderBlock(entry, rendered.files, ports));
  if (content.length > MAX_BLOCKS) rendered.lines.push(`[${content.length - MAX_BLOCKS} more parts were left out]`);
  return rendered;
}

async function renderBlock(entry: unknown, files: StoredFile[], ports: Pick<McpPorts, 'storeFile'>): Promise<string> {
  const parsed = block.safeParse(entry);
  if (!parsed.success) return '[a part that is not understood]';
  const part = parsed.data;
  if ('text' in part) return resultText(part.text);
  if ('data' in part) return renderMedia({ base64: part.data, mime: part.mimeType, name: part.type }, files, ports);
  if ('resource' in part) {
    const { uri, mimeType, text: body, blob } = part.resource;
    const head = `[resource ${preview(resultText(uri), 500)}]`;
    if (body !== undefined) return `${head}\n${resultText(body)}`;
    if (blob === undefined) return head;
    const mime = mimeType ?? 'application/octet-stream';
    return `${head} ${await renderMedia({ base64: blob, mime, name: 'resource' }, files, ports)}`;
  }
  if ('uri' in part) {
    const words = [part.name, part.description].filter((word) => word !== undefined).map((word) => resultText(word));
    return `[resource ${preview(resultText(part.uri), 500)}: ${preview(words.join(', '), 500)}]`;
  }
  return `[a part of the kind ${preview(resultText(part.type), 40)}]`;
}

async function renderMedia(
  media: { base64: string; mime: string; name: string },
  files: StoredFile[],
  ports: Pick<McpPorts, 'storeFile'>,
): Promise<string> {
  const mime = preview(resultText(media.mime), 100).toLowerCase();
  const bytes = Math.floor((media.base64.length * 3) / 4);
  const label = `${mime}, ${bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024)} kB`}`;
  if (!SHOWN.test(mime)) return `[data, ${label}]`;
  if (bytes > MAX_FILE_BYTES || files.length >= MAX_FILES) return `[${label}: too large to be shown]`;
  if (ports.storeFile === undefined) return `[${label}]`;
  const name = `${media.name}-${files.length + 1}.${mime.split('/')[1] ?? 'bin'}`;
  try {
    files.push(await ports.storeFile({ name, mime, bytes: Buffer.from(media.base64, 'base64') }));
  } catch {
    // The call itself has happened: its result counts more than the picture.
    return `[${label}, could not be kept]`;
  }
  return `[${label}, shown to the person]`;
}

/** Far above what the dispatcher lets through; it cuts in the middle, so the end must be there. */
function joined(lines: readonly string[]): string {
  const all = lines.join('\n').trim();
  return all.length <= MAX_TEXT ? all : `${all.slice(0, MAX_TEXT / 2)}\n[…]\n${all.slice(-MAX_TEXT / 2)}`;
}
