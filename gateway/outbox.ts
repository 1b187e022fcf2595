// From markdown to outbox rows: cut to the platform's limit once, when written, so that a resumed delivery sends the same parts.
import { ulid } from 'ulid';
import { chunkMarkdown } from '../adapters/chunk.ts';
import type { Capabilities, MediaSupport } from '../adapters/capabilities.ts';
import type { ProcessDb } from '../data/db.ts';
import { enqueueOutbox, type NewOutboxRow } from '../data/process/outbox.ts';
import type { OutboxKind } from '../data/schema.ts';
import type { MessageId, PersonId, TurnId } from '../shared/ids.ts';
import type { Address, Button, StoredFile } from '../shared/messages.ts';
import type { Bus } from './bus.ts';
import type { PostOptions } from './actions.ts';

export interface Letter {
  /** Prefix of the parts' idempotency keys; the same letter has the same key after a crash. */
  key: string;
  to: Address;
  kind: OutboxKind;
  text: string;
  turn?: TurnId | undefined;
  person?: PersonId | undefined;
  files?: readonly StoredFile[] | undefined;
  buttons?: readonly (readonly Button[])[] | undefined;
  replyTo?: MessageId | undefined;
  /** A streamed preview that the first part replaces. */
  editOf?: MessageId | undefined;
  silent?: boolean | undefined;
}

/** More messages in a row than this flood a chat: the text then goes out as a file, after its beginning. */
const MAX_PARTS = 20;
/** Parts of the beginning, where a file has the whole. */
const PARTS_BEFORE_FILE = 3;

export interface LetterRules {
  capabilities: Capabilities;
  /** Milliseconds until its parts are no longer worth sending. */
  ttlMs: number;
  /** Keeps a text as a file of ours; the same key gives the same file. Throws AppError. */
  keepWhole(key: string, text: string): StoredFile;
}

/**
 * Rows of a letter: one per part, at most 20, files and buttons with the last. None when there is nothing to say. Throws AppError
 * `disk_full` or `home_unwritable` when a text that is too long for the chat cannot be kept as a file.
 */
export function makeOutboxRows(letter: Letter, rules: LetterRules): readonly NewOutboxRow[] {
  const { capabilities, ttlMs } = rules;
  const buttons = letter.buttons ?? [];
  const { texts, files } = layOut(letter, hasButtons(capabilities) ? letter.text : withNumbers(letter), rules);
  if (texts.length === 0 && files.length === 0) return [];
  const parts = texts.length === 0 ? [''] : texts;
  return parts.map((text, index) => {
    const first = index === 0;
    const last = index === parts.length - 1;
    return {
      key: `${letter.key}.${index + 1}`,
      to: letter.to,
      turn: letter.turn,
      person: letter.person,
      kind: letter.kind,
      part: index + 1,
      parts: parts.length,
      text,
      files: last ? files : [],
      buttons: last ? buttons : [],
      replyTo: first ? letter.replyTo : undefined,
      editOf: first ? letter.editOf : undefined,
      silent: letter.silent,
      ttlMs,
    };
  });
}

/** The texts of the parts, and the files that go with the last. */
function layOut(
  letter: Letter,
  text: string,
  { capabilities, keepWhole }: LetterRules,
): { texts: readonly string[]; files: readonly StoredFile[] } {
  const texts = chunkMarkdown(text, capabilities.text);
  const files = letter.files ?? [];
  if (texts.length <= MAX_PARTS) return { texts, files };
  const beginning = `That was only the beginning: the whole text has ${text.length.toLocaleString('en')} characters, too many for a chat.`;
  if (!takesText(capabilities.media.document, text)) {
    const rest = 'This chat takes no such file; all of it is kept, and `herald sessions export` writes it out.';
    return { texts: [...texts.slice(0, MAX_PARTS - 1), `${beginning} ${rest}`], files };
  }
  const whole = keepWhole(letter.key, text);
  return {
    texts: [...texts.slice(0, PARTS_BEFORE_FILE), `${beginning} This file has all of it.`],
    files: [...files, whole],
  };
}

function takesText({ support, maxBytes, mime }: MediaSupport, text: string): boolean {
  if (support !== 'full' && support !== 'partial') return false;
  const isAccepted = mime.length === 0 || mime.some((type) => type === 'text/markdown' || type === 'text/*');
  return isAccepted && Buffer.byteLength(text) <= maxBytes;
}

/** Whether a chat shows buttons; elsewhere they are numbered lines (chats/choices.ts reads the answers). */
export function hasButtons({ buttons }: Capabilities): boolean {
  return buttons === 'full' || buttons === 'partial';
}

function withNumbers(letter: Letter): string {
  const choices = (letter.buttons ?? []).flat();
  if (choices.length === 0) return letter.text;
  const lines = choices.map((choice, index) => `${index + 1}. ${choice.label}`);
  return `${letter.text}\n\n${lines.join('\n')}\n\nAnswer with the number.`;
}

export interface Poster {
  /** Rows of a letter for a transaction of the caller, who wakes the chat after it. */
  rows(letter: Letter): readonly NewOutboxRow[];
  /** Writes a letter of its own transaction and wakes its chat. */
  post(to: Address, text: string, options?: PostOptions): Promise<string>;
  wake(to: Address): void;
}

export function makePoster(input: {
  db: ProcessDb;
  bus: Bus;
  ttlMs: number;
  capabilities: (at: Address) => Capabilities;
  keepWhole: LetterRules['keepWhole'];
}): Poster {
  const { ttlMs, keepWhole } = input;
  const rows = (letter: Letter) =>
    makeOutboxRows(letter, { capabilities: input.capabilities(letter.to), ttlMs, keepWhole });
  return {
    rows,
    async post(to, text, options = {}) {
      const key = options.key ?? ulid(input.db.clock.now());
      await enqueueOutbox(input.db, rows({ ...options, key, to, text, kind: options.kind ?? 'message' }));
      input.bus.emit('outbox', to);
      return key;
    },
    wake: (to) => input.bus.emit('outbox', to),
  };
}
