// Sends one part as one mail, and tells later whether it went out.
import type { OutboundMessage, SendResult } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import { messageId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Address } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { normalizeAddress } from '../addresses.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { describe, explainSmtp } from '../errors.ts';
import { headerIdOf, ownMessageId } from '../ids.ts';
import type { MailAccount } from '../settings.ts';
import type { Threads } from '../threads.ts';
import { composeMail, type Letterhead } from './compose.ts';
import type { Journal } from './journal.ts';
import type { Limiter } from './limiter.ts';
import { isInSent, saveSent } from './sent-folder.ts';
import { transmit, type Progress } from './smtp.ts';

/** A service that saves what it sends has done so within this. */
const SAVED_WITHIN_MS = 60_000;

export interface OutboundDeps {
  account: MailAccount;
  /** Name that recipients see. */
  name: string;
  own: ReadonlySet<string>;
  maxBytes: number;
  /** True when the copy in the Sent folder is ours to put there. */
  keepsCopy: boolean;
  threads: Threads;
  journal: Journal;
  limiter: Limiter;
  redactor: Redactor;
  clock: Clock;
  log: Logger;
  /** Work that goes on after the send itself; ends with the adapter. */
  later(work: (signal: AbortSignal) => Promise<void>): void;
}

export async function sendMail(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const progress: Progress = { mayBeTaken: false };
  const id = ownMessageId(message.key, deps.account.address);
  try {
    signal.throwIfAborted();
    const recipient = readRecipient(to, deps.own);
    const conversation = findConversation(deps.threads, to, message);
    const head: Letterhead = {
      ...conversation,
      from: { name: deps.name, address: deps.account.address },
      to: recipient,
      messageId: id,
      date: new Date(deps.clock.now()),
    };
    const { raw, subject } = await composeMail(message, head, deps.maxBytes);
    deps.limiter.take(recipient);
    const beforeEnd = () => deps.journal.begin(message.key, id);
    const { serverMessageId } = await transmit(deps.account, { to: recipient, raw, beforeEnd }, progress, signal);
    const ids = [...new Set([serverMessageId ?? id, id])];
    await remember(deps, message.key, { ids, chat: recipient, thread: conversation.thread, subject });
    if (deps.keepsCopy) deps.later((stop) => keepCopy(deps, raw, stop));
    return { ok: true, ids: ids.slice(0, 1).map(messageId) };
  } catch (error) {
    const failure = explainSmtp(error, progress.mayBeTaken, deps.redactor);
    // An answer of the server took back what was written down.
    if (progress.mayBeTaken && failure.reached === 'no') await deps.journal.forget(message.key).catch(() => undefined);
    return failure;
  }
}

function readRecipient(to: Address, own: ReadonlySet<string>): string {
  const recipient = normalizeAddress(to.chat);
  if (to.kind !== 'dm' || recipient === undefined) throw new UnsendableError('not_found', 'This is no mail address.');
  if (own.has(recipient)) throw new UnsendableError('bad_request', 'This is our own address.');
  return recipient;
}

type Conversation = Pick<Letterhead, 'subject' | 'inReplyTo' | 'references'> & { thread: string | undefined };

/** Which mail is answered, and what else belongs to the conversation. */
function findConversation(threads: Threads, to: Address, message: OutboundMessage): Conversation {
  const replied = message.replyTo === undefined ? undefined : headerIdOf(message.replyTo);
  const named = to.thread === undefined ? undefined : threads.find(to.chat, to.thread);
  const record = named ?? (replied === undefined ? undefined : threads.withId(to.chat, replied));
  const root = record?.root ?? (to.thread === undefined ? undefined : headerIdOf(to.thread));
  const inReplyTo = replied ?? (record?.last || root);
  const ids = record?.ids ?? (root === undefined ? [] : [root]);
  // The root comes first and what is answered last (RFC 5322 3.6.4); what came after that is no part of the line.
  const answered = ids.indexOf(inReplyTo ?? '');
  const line = answered < 0 ? ids : ids.slice(0, answered);
  return {
    thread: root,
    subject: record?.subject ?? '',
    inReplyTo,
    references: inReplyTo === undefined ? [] : [...line, inReplyTo],
  };
}

/** It is out whatever happens here; what cannot be written down costs a question after a crash, or the thread of a later answer. */
async function remember(
  { journal, threads, clock, log }: OutboundDeps,
  key: string,
  sent: { ids: readonly string[]; chat: string; thread: string | undefined; subject: string },
): Promise<void> {
  const { ids, chat, thread, subject } = sent;
  try {
    await journal.finish(key, ids);
    await threads.addOwn(chat, thread, { ids, subject, at: clock.now() });
  } catch (error) {
    log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'a sent mail could not be written down');
  }
}

async function keepCopy({ account, redactor, log }: OutboundDeps, raw: Buffer, signal: AbortSignal): Promise<void> {
  try {
    if (!(await saveSent(account, raw, signal))) log.info({}, 'the mailbox has no Sent folder; no copy is kept');
  } catch (error) {
    log.warn({ problem: describe(error, redactor).message }, 'no copy of a sent mail could be kept');
  }
}

/** Whether the mail with this key went out: see journal.ts. */
export async function findSent(deps: OutboundDeps, key: string, signal: AbortSignal): Promise<SendResult | undefined> {
  const id = ownMessageId(key, deps.account.address);
  const unknown = (code: 'unreachable' | 'unsupported', cause: Error): SendResult => ({
    ok: false,
    code,
    reached: 'maybe',
    cause,
  });
  try {
    const entry = await deps.journal.find(key);
    if (!entry) return undefined;
    if (entry.state === 'sent') return { ok: true, ids: entry.ids.slice(0, 1).map(messageId) };
    if (await isInSent(deps.account, id, signal)) return { ok: true, ids: [messageId(id)] };
    if (deps.account.provider?.savesSent !== true)
      return unknown('unsupported', new Error('the mail server does not say whether it took the mail'));
    return deps.clock.now() - entry.at < SAVED_WITHIN_MS
      ? unknown('unreachable', new Error('the mail server may still save the mail'))
      : undefined;
  } catch (error) {
    return unknown('unreachable', describe(error, deps.redactor));
  }
}
