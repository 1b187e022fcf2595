// `@file:…`, `@folder:…` and `@url:…` in what a person writes: what they name is read before the model is asked and kept as a file of the
// message, so that the conversation reads the same in every later request. What it holds is information, like every file.
import type { Scope } from '../../../data/scope.ts';
import { asAppError } from '../../../shared/errors.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { cleanText, preview } from '../../../shared/text.ts';
import { cutMiddle } from '../cut.ts';
import { estimateTokens } from '../tokens.ts';

const MAX_REFERENCES = 8;
/** Shares of the window: beyond the first it is said, beyond the second the rest is not read. */
const SOFT_SHARE = 0.25;
const HARD_SHARE = 0.5;

export type Reference =
  | { kind: 'file'; as: string; path: string; from?: number | undefined; to?: number | undefined }
  | { kind: 'folder'; as: string; path: string }
  | { kind: 'url'; as: string; url: string };

/** How references are read; gateway/compose wires it of agent/context/files/reference-ports.ts. */
export interface ReferencePorts {
  /** Text of a file (or of a part of it), or the list of a folder. Rejects with AppError for what tools may not read either. */
  readPath(
    reference: { path: string; from?: number | undefined; to?: number | undefined },
    at: { scope: Scope; workspace: string; signal: AbortSignal },
  ): Promise<string>;
  /** Text of a page. Rejects with AppError. */
  readPage(url: string, signal: AbortSignal): Promise<string>;
  /** Keeps a text for as long as the conversation. */
  keep(name: string, text: string): Promise<StoredFile>;
}

const REFERENCE = /(?<![\p{L}\p{N}_@/])@(file|folder|url):(?:"([^"\n]{1,1000})"|([^\s"]{1,2000}))/gu;
const TRAILING = /[.,;:!?)\]}>'*_]+$/;
const RANGE = /^(.+?):(\d{1,7})(?:-(\d{1,7}))?$/;

/** In order, each once, at most eight. */
export function findReferences(text: string): readonly Reference[] {
  const found = new Map<string, Reference>();
  for (const [, kind, quoted, bare] of text.matchAll(REFERENCE)) {
    const target = quoted ?? (bare ?? '').replace(TRAILING, '');
    if (target === '' || found.size >= MAX_REFERENCES) continue;
    const as = `@${kind ?? ''}:${target}`;
    if (kind === 'url') {
      if (/^https?:\/\//i.test(target) && URL.canParse(target)) found.set(as, { kind: 'url', as, url: target });
    } else if (kind === 'folder') found.set(as, { kind: 'folder', as, path: target });
    else found.set(as, fileReference(as, target));
  }
  return [...found.values()];
}

function fileReference(as: string, target: string): Reference {
  const [, path, from, to] = RANGE.exec(target) ?? [];
  if (path === undefined) return { kind: 'file', as, path: target };
  return { kind: 'file', as, path, from: Number(from), to: Number(to ?? from) };
}

export interface ReferenceLimits {
  windowTokens: number;
  /** Longest text of one file that the model sees, in UTF-16 units. */
  maxFileChars: number;
}

/** What the references of `text` hold, as files. Rejects only when `signal` aborts: what cannot be read is said in its place. */
export async function readReferences(
  text: string,
  ports: ReferencePorts,
  at: { scope: Scope; workspace: string; limits: ReferenceLimits; signal: AbortSignal },
): Promise<readonly StoredFile[]> {
  const files: StoredFile[] = [];
  let tokens = 0;
  for (const reference of findReferences(text)) {
    const read = await readOne(reference, ports, at);
    const cut = cutMiddle(read, Math.max(200, at.limits.maxFileChars - 300), 'this');
    const after = tokens + estimateTokens(cut);
    const isTooMuch = after > at.limits.windowTokens * HARD_SHARE;
    if (!isTooMuch) tokens = after;
    const shown = isTooMuch
      ? '[not read: together with the others it would take more than half of what I can read]'
      : cut;
    const share = Math.round((tokens / at.limits.windowTokens) * 100);
    const note =
      tokens > at.limits.windowTokens * SOFT_SHARE ? ` (what is named here takes ${share} % of what I can read)` : '';
    files.push(await ports.keep(nameOf(reference), `${reference.as}${note}\n${shown}`));
  }
  return files;
}

async function readOne(
  reference: Reference,
  ports: ReferencePorts,
  at: { scope: Scope; workspace: string; signal: AbortSignal },
): Promise<string> {
  try {
    const text =
      reference.kind === 'url' ? await ports.readPage(reference.url, at.signal) : await ports.readPath(reference, at);
    return cleanText(text);
  } catch (error) {
    if (at.signal.aborted) throw error;
    return `[could not be read: ${asAppError(error).publicMessage}]`;
  }
}

function nameOf(reference: Reference): string {
  const whole = reference.kind === 'url' ? new URL(reference.url).host : (reference.path.split('/').at(-1) ?? '');
  return `${preview(whole, 60) || reference.kind}.txt`;
}
