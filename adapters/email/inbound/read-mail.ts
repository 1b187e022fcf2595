// A fetched mail → what the core receives, or the reason why it is left out. Pure; nothing in it throws for what a mail may be.
import { decodeWords } from 'postal-mime';
import type { InboundMessage } from '../../contract.ts';
import { chatId, messageId, userId, type AccountId, type MessageId } from '../../../shared/ids.ts';
import { FORWARD_MARK, type AttachmentRef, type ReplyRef } from '../../../shared/messages.ts';
import { cleanText } from '../../../shared/text.ts';
import { readSender, type Mailbox } from './from-field.ts';
import { firstOf, valuesOf, type HeaderBlock } from '../headers.ts';
import { inboundId, looksOwn, readMessageIds } from '../ids.ts';
import { baseSubject } from '../threads.ts';
import { judgeSender, type Verdict } from '../trust/sender.ts';
import { reasonToIgnore } from './bulk.ts';
import { findForward } from './forwards.ts';
import { splitReply } from './reply-text.ts';

/** What was fetched of a mail. */
export interface RawMail {
  headers: HeaderBlock;
  /** Bytes of the header, for mails without a Message-ID. */
  headerBytes: Uint8Array;
  /** When our server took it, in ms since the epoch. */
  arrivedAt: number;
  /** Its text, pieces joined; HTML already read. */
  text: string;
  /** Lines about what it holds besides: invitations, parts that were left out. */
  notes: readonly string[];
  attachments: readonly AttachmentRef[];
}

export interface MailContext {
  account: AccountId;
  /** Our address. */
  address: string;
  /** All our addresses. */
  own: ReadonlySet<string>;
  trustedServers: readonly string[];
  requireAuthentication: boolean;
  /** Whether a Message-ID is of a mail in a conversation with that person. */
  isKnown(chat: string, id: string): boolean;
}

/** All of a message but the thread that it belongs to. */
export interface ReadMail {
  message: InboundMessage;
  /** Its Message-ID; undefined when it has none. */
  id: string | undefined;
  /** Message-IDs of the conversation, oldest first; the last is what it answers. */
  references: readonly string[];
  subject: string;
  verdict: Verdict;
}

export type MailResult =
  | { kind: 'mail'; mail: ReadMail }
  | { kind: 'ignored'; reason: string }
  /** `reason` holds nothing of the mail. */
  | { kind: 'malformed'; reason: string };

/** A Date further away from when the mail arrived is wrong. */
const MAX_TRANSIT_MS = 7 * 24 * 3_600_000;
const MAX_AHEAD_MS = 10 * 60_000;
const MAX_SUBJECT_CHARS = 300;

/** Who a mail is from and why it is none for us, from its header alone. */
export function readEnvelope(
  headers: HeaderBlock,
  own: ReadonlySet<string>,
): { kind: 'from'; from: Mailbox } | Exclude<MailResult, { kind: 'mail' }> {
  const fields = valuesOf(headers, 'from');
  const [field] = fields;
  if (field === undefined) return { kind: 'malformed', reason: 'no From' };
  if (fields.length > 1) return { kind: 'malformed', reason: 'more than one From' };
  const from = readSender(field);
  if (!from) return { kind: 'malformed', reason: 'a From that names no single address' };
  const refusal = reasonToIgnore(headers, from.address, own);
  return refusal === undefined ? { kind: 'from', from } : { kind: 'ignored', reason: refusal };
}

export function readMail(raw: RawMail, context: MailContext): MailResult {
  const { headers } = raw;
  const envelope = readEnvelope(headers, context.own);
  if (envelope.kind !== 'from') return envelope;
  const { from } = envelope;
  const verdict = judgeSender(headers, from.address, context.trustedServers);
  const isVerified = verdict.verified || !context.requireAuthentication;
  const [id] = readMessageIds(firstOf(headers, 'message-id'));
  const subject = readSubject(firstOf(headers, 'subject'));
  const references = readReferences(headers);
  const target = references.at(-1);
  const words = readWords(raw, { subject, target, from, isVerified }, context);
  const attachments = raw.attachments;
  if (words.text === '' && attachments.length === 0) return { kind: 'ignored', reason: 'an empty mail' };
  return {
    kind: 'mail',
    mail: {
      id,
      references,
      subject,
      verdict,
      message: {
        kind: 'message',
        account: context.account,
        chat: chatId(from.address),
        chatKind: 'dm',
        id: inboundId(id, from.address, raw.headerBytes),
        revision: '',
        sender: {
          id: userId(from.address),
          name: from.name ?? from.address,
          username: from.address,
          bot: false,
          verified: isVerified,
        },
        sentAt: readDate(firstOf(headers, 'date'), raw.arrivedAt),
        text: words.text,
        attachments,
        replyTo: words.replyTo,
        addressed: true,
      },
    },
  };
}

function readReferences(headers: HeaderBlock): readonly string[] {
  const references = readMessageIds(firstOf(headers, 'references'));
  const [answered] = readMessageIds(firstOf(headers, 'in-reply-to'));
  if (answered === undefined) return references;
  return [...references.filter((id) => id !== answered), answered];
}

interface Wrapped {
  subject: string;
  target: string | undefined;
  from: Mailbox;
  isVerified: boolean;
}

/** The words of the sender, with the subject where it says something new, and what they answer. */
function readWords(
  raw: RawMail,
  { subject, target, from, isVerified }: Wrapped,
  context: MailContext,
): { text: string; replyTo: ReplyRef | undefined } {
  const notes = raw.notes.join('\n\n');
  const forward = findForward(raw.text, subject);
  if (forward) {
    const author = cleanName(forward.author);
    return {
      text: joinText([`${FORWARD_MARK}${author}:\n${withSubject(raw.text.trim(), subject)}`, notes]),
      replyTo: undefined,
    };
  }
  const reply = splitReply(raw.text, isVerified);
  const mine = target !== undefined && looksOwn(target, context.address);
  const isOurs = mine || (target !== undefined && context.isKnown(from.address, target));
  if (reply.quoted !== '' && !isOurs) {
    // What is quoted was not said between us, so it is somebody else's.
    const text = `${FORWARD_MARK}${cleanName(reply.quotedAuthor)}:\n${withSubject(raw.text.trim(), subject)}`;
    return { text: joinText([text, notes]), replyTo: undefined };
  }
  const isContinued = target !== undefined && isReply(subject);
  const text = joinText([isContinued ? reply.text : withSubject(reply.text, subject), notes]);
  if (target === undefined) return { text, replyTo: undefined };
  const replied: MessageId = mine ? messageId(target) : inboundId(target, from.address, new Uint8Array());
  const author = mine ? undefined : (from.name ?? from.address);
  return { text, replyTo: { message: replied, text: reply.quoted || undefined, author, mine } };
}

function isReply(subject: string): boolean {
  return baseSubject(subject) !== subject.trim() || subject.trim() === '';
}

/** Many mails say the half of it in their subject. A command must stay the first word, and may be the subject itself. */
function withSubject(text: string, subject: string): string {
  const shown = subject.trim();
  if (shown === '' || /^[/!][a-z]/i.test(text)) return text;
  if (text === '') return shown;
  return `Subject: ${shown}\n\n${text}`;
}

function joinText(parts: readonly string[]): string {
  return parts.filter((part) => part.trim() !== '').join('\n\n');
}

/** Our own words are quoted as those of "you", so nobody else may be called that. */
function cleanName(name: string | undefined): string {
  const clean = cleanText(name ?? '')
    .replace(/[\s:"]+/g, ' ')
    .trim();
  return clean === '' || clean.toLowerCase() === 'you' ? 'somebody' : clean;
}

function readSubject(value: string | undefined): string {
  const decoded = cleanText(decodeWords((value ?? '').slice(0, 5_000)));
  return decoded.replace(/\s+/g, ' ').trim().slice(0, MAX_SUBJECT_CHARS);
}

function readDate(value: string | undefined, arrivedAt: number): number {
  const date = Date.parse((value ?? '').slice(0, 100).replace(/\([^()]*\)/g, ''));
  return date >= arrivedAt - MAX_TRANSIT_MS && date <= arrivedAt + MAX_AHEAD_MS ? date : arrivedAt;
}
