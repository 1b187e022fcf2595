// Takes one mail: fetched, read, handed to the core, and only then behind us.
import type { ImapFlow } from 'imapflow';
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { REPORT } from '../inbound/bulk.ts';
import { readEnvelope, readMail, type MailContext, type ReadMail } from '../inbound/read-mail.ts';
import type { Threads } from '../threads.ts';
import { threadOf } from '../ids.ts';
import { UnreadableMailError } from '../errors.ts';
import { fetchHeader, fetchMail } from './fetch.ts';
import type { MailPlace } from './files.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export interface TakeDeps {
  host: AdapterHost;
  threads: Threads;
  context: MailContext;
  clock: Clock;
  maxBytes: number;
  signal: AbortSignal;
}

/** True when the core has it now; false when it is none for us. Rejects when the connection fails or we are stopped: then it comes again. */
export async function takeMail(client: ImapFlow, uid: number, place: MailPlace, deps: TakeDeps): Promise<boolean> {
  const { host } = deps;
  const header = await fetchHeader(client, uid);
  if (!header) return expectGone(client, uid);
  const envelope = readEnvelope(header.headers, deps.context.own);
  if (envelope.kind !== 'from') {
    if (envelope.reason === REPORT)
      host.log.warn({ uid }, 'a mail server reports about a mail, perhaps one of ours; see the mailbox');
    else host.log.debug({ uid, reason: envelope.reason }, 'mail ignored');
    return false;
  }
  const raw = await fetchMail(client, header, { place, maxBytes: deps.maxBytes });
  const result = readSafely(() => readMail(raw, deps.context));
  if (result.kind !== 'mail') {
    host.log.info({ uid, reason: result.reason }, 'mail left out');
    return false;
  }
  reportVerdict(result.mail, deps);
  await store(result.mail, deps);
  return true;
}

/** The client library passes over answers that it cannot read, as if there were none. */
async function expectGone(client: ImapFlow, uid: number): Promise<false> {
  const found = await client.search({ uid: String(uid) }, { uid: true });
  if (Array.isArray(found) && found.includes(uid)) throw new UnreadableMailError('the server told nothing of a mail');
  return false;
}

/** A fault of ours in reading one mail must not hold up all that follow it. */
function readSafely<Result>(read: () => Result): Result | { kind: 'malformed'; reason: string } {
  try {
    return read();
  } catch (error) {
    return { kind: 'malformed', reason: `reading it failed (${error instanceof Error ? error.name : 'unknown'})` };
  }
}

function reportVerdict({ verdict }: ReadMail, { host, context }: TakeDeps): void {
  if (verdict.verified || !context.requireAuthentication) return;
  const hint =
    verdict.untrusted === undefined
      ? {}
      : { server: verdict.untrusted, hint: 'if that is your own mail server, add it to trusted_authserv_ids' };
  host.log.warn({ reason: verdict.reason, ...hint }, 'nobody vouches for the sender of a mail; it is not answered');
}

/** Resolves once it is on disk. Tries for as long as we run: nothing behind it may be taken before it. */
async function store(mail: ReadMail, deps: TakeDeps): Promise<void> {
  const { host, clock, signal } = deps;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      await host.receive(await place(mail, deps));
      return;
    } catch (error) {
      // The core's own error: its text is not ours to print.
      const fields = { error: error instanceof Error ? error.name : 'unknown', attempt };
      host.log.error(fields, 'mail could not be stored; it is tried again');
      await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal);
    }
  }
}

/** Nobody without proof of who they are has a say in what a conversation is. */
async function place(mail: ReadMail, { threads }: TakeDeps): Promise<InboundMessage> {
  const { message, id, references, subject } = mail;
  if (message.sender.verified === false) {
    const root = references[0] ?? id;
    return { ...message, thread: root === undefined ? undefined : threadOf(root) };
  }
  const thread = await threads.place(message.chat, { id, references, subject, at: message.sentAt });
  return { ...message, thread };
}
