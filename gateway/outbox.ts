// From markdown to outbox rows: cut to the platform's limit once, when written, so that a resumed delivery sends the same parts.
import { ulid } from 'ulid';
import { chunkMarkdown } from '../adapters/chunk.ts';
import type { Capabilities } from '../adapters/capabilities.ts';
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

/** Rows of a letter: one per part, files and buttons with the last. None when there is nothing to say. */
export function makeOutboxRows(letter: Letter, capabilities: Capabilities, ttlMs: number): readonly NewOutboxRow[] {
  const shown = capabilities.buttons === 'full' || capabilities.buttons === 'partial';
  const buttons = shown ? (letter.buttons ?? []) : [];
  const texts = chunkMarkdown(shown ? letter.text : withButtonsAsText(letter), capabilities.text);
  const files = letter.files ?? [];
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

/** Where a platform has no buttons, the person types what a button would have sent. */
function withButtonsAsText(letter: Letter): string {
  const choices = (letter.buttons ?? []).flat();
  if (choices.length === 0) return letter.text;
  return `${letter.text}\n\n${choices.map((choice) => `- ${choice.label}: \`${choice.data}\``).join('\n')}`;
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
}): Poster {
  const rows = (letter: Letter) => makeOutboxRows(letter, input.capabilities(letter.to), input.ttlMs);
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
