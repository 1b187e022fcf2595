// A conversation as a file: markdown to read, JSON to work with. Files of messages are named, never their places on this machine.
import type { StoredMessage } from '../../data/messages.ts';
import type { Session } from '../../data/sessions.ts';
import { fenced, plain } from './format.ts';

/** Longer tool results are cut in markdown; the JSON has all. */
const MAX_TOOL_CHARS = 2_000;

/** What was said, oldest first, without what was taken back. */
export function exportMarkdown(session: Session, messages: readonly StoredMessage[], now: number): string {
  const head = `# ${plain(session.title ?? 'Conversation')}\n\nBegun ${stamp(session.createdAt)}, saved ${stamp(now)}.`;
  const parts = messages
    .filter((message) => message.state !== 'undone' && message.role !== 'summary')
    .flatMap(markdownOf);
  return `${[head, ...parts].join('\n\n')}\n`;
}

/** Everything that is stored of the conversation, taken back and summarized messages included, marked as such. */
export function exportJson(session: Session, messages: readonly StoredMessage[], now: number): string {
  const document = {
    session: {
      id: session.id,
      title: session.title ?? null,
      model: session.model ?? null,
      personality: session.personality ?? null,
      createdAt: new Date(session.createdAt).toISOString(),
      updatedAt: new Date(session.updatedAt).toISOString(),
    },
    savedAt: new Date(now).toISOString(),
    messages: messages.map((message) => ({
      id: message.id,
      at: new Date(message.createdAt).toISOString(),
      role: message.role,
      author: message.author,
      text: message.text,
      state: message.state,
      origin: message.origin,
      ...(message.toolName === undefined ? {} : { tool: message.toolName, isError: message.isError ?? false }),
      ...(message.toolCallId === undefined ? {} : { toolCallId: message.toolCallId }),
      ...(message.toolCalls === undefined ? {} : { toolCalls: parseStored(message.toolCalls) }),
      files: (message.files ?? []).map(({ name, mime, bytes }) => ({ name, mime, bytes })),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A file name from the title and the day; letters, digits and hyphens only. */
export function exportName(session: Session, now: number, extension: string): string {
  const title = (session.title ?? 'conversation').normalize('NFKC').toLowerCase();
  const slug = title
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '')
    .toWellFormed();
  return `${slug === '' ? 'conversation' : slug}-${new Date(now).toISOString().slice(0, 10)}.${extension}`;
}

function markdownOf(message: StoredMessage): readonly string[] {
  const files = (message.files ?? []).map((file) => `(file: ${plain(file.name)})`);
  if (message.role === 'tool') {
    const cut = message.text.length > MAX_TOOL_CHARS;
    const text = cut
      ? `${message.text.slice(0, MAX_TOOL_CHARS).toWellFormed()}\n… (cut; /save json has all)`
      : message.text;
    return [`**Tool ${plain(message.toolName ?? '')}${message.isError ? ', failed' : ''}**`, fenced(text)];
  }
  // A reply that only calls tools says nothing by itself.
  if (message.text === '' && files.length === 0) return [];
  const speaker = message.role === 'assistant' ? 'Herald' : plain(message.author === '' ? 'You' : message.author);
  return [`## ${speaker}, ${stamp(message.createdAt)}`, ...(message.text === '' ? [] : [message.text]), ...files];
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function parseStored(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
