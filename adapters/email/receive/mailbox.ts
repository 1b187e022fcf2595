// Keeps a connection to the mailbox, over any failure: IDLE where the server has it, looks at intervals where it has not.
import type { ImapFlow } from 'imapflow';
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { authHint, describe, isAuthFailure } from '../errors.ts';
import { makeImapClient } from '../imap.ts';
import type { MailAccount } from '../settings.ts';
import { lookInto, type LookDeps } from './look.ts';

const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 60_000;
/** A wrong password does not get right by trying it, and services lock accounts for that. */
const AUTH_WAIT_MS = 5 * 60_000;
/** Before IDLE is begun again where it ended. */
const IDLE_PAUSE_MS = 5_000;
export interface MailboxWaits {
  /**
   * Between looks while the server tells of new mail (IDLE): the look shows whether the other side is still there, and begins IDLE anew
   * long before it would end.
   */
  idleMs: number;
  /** Between looks where it does not tell, or not of all folders. */
  pollMs: number;
  /** A command without an answer for so long means that the connection is dead. Default 60 s. */
  commandMs?: number | undefined;
  /** Before the first try after a failure. Default 0.5 s. */
  retryMs?: number | undefined;
}

export interface MailboxDeps {
  account: MailAccount;
  host: AdapterHost;
  /** The first is the one that IDLE listens to. */
  folders: readonly string[];
  look: LookDeps;
  waits: MailboxWaits;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

/** Runs until `signal` is aborted. Never rejects. */
export async function keepMailbox(deps: MailboxDeps): Promise<void> {
  const { host, signal, waits } = deps;
  let failures = 0;
  while (!signal.aborted) {
    const client = makeImapClient(deps.account, { commandTimeoutMs: waits.commandMs });
    const onAbort = () => client.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await client.connect();
      await watch(client, deps, () => {
        failures = 0;
        host.status('online');
      });
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      await pause(deps, reportFailure(deps, error, failures));
    } finally {
      signal.removeEventListener('abort', onAbort);
      client.close();
    }
  }
}

/** Looks, waits, looks again. Rejects when the connection ends. */
async function watch(client: ImapFlow, deps: MailboxDeps, onLook: () => void): Promise<void> {
  const [first = 'INBOX', ...others] = deps.folders;
  const bell = makeBell(client);
  while (!deps.signal.aborted) {
    bell.reset();
    // The first is last, since it stays open to be listened to.
    for (const folder of [...others, first]) await lookInto(client, folder, deps.look);
    onLook();
    await untilNews(client, deps, bell);
    if (!client.usable) throw new Error(client.byeReason ?? 'the connection ended');
  }
}

interface Bell {
  /** Resolves when the server has told of new mail since the last reset, or the connection ended. */
  rung(): Promise<void>;
  reset(): void;
}

/** Listens all the time: the server may tell of new mail while we still look. */
function makeBell(client: ImapFlow): Bell {
  let ring = () => {};
  let rung = Promise.resolve();
  const reset = () => {
    rung = new Promise((resolve) => (ring = resolve));
  };
  reset();
  client.on('exists', () => ring());
  client.on('close', () => ring());
  return { rung: () => rung, reset };
}

/** Resolves when it is time to look. */
async function untilNews(client: ImapFlow, { clock, folders, waits }: MailboxDeps, bell: Bell): Promise<void> {
  const hasIdle = client.capabilities.has('IDLE');
  const waitMs = hasIdle && folders.length === 1 ? waits.idleMs : waits.pollMs;
  const waiting = new AbortController();
  const sleep = (ms: number) => clock.sleep(ms, waiting.signal).catch(() => undefined);
  const due = sleep(waitMs);
  // It ends when the server or the next command ends it. A server that refuses it, or ends it at once, is not asked without pause.
  const idle = hasIdle
    ? client.idle().then(
        () => sleep(Math.min(IDLE_PAUSE_MS, waitMs)),
        () => undefined,
      )
    : due;
  await Promise.race([bell.rung(), due, idle]);
  waiting.abort();
}

/** Says what is wrong, and how long to wait, in ms. */
function reportFailure(deps: MailboxDeps, error: unknown, failures: number): number {
  const { host, account, redactor, waits } = deps;
  const waitMs = backoffMs(failures, { baseMs: waits.retryMs ?? RETRY_BASE_MS, maxMs: RETRY_MAX_MS });
  host.log.warn({ problem: describe(error, redactor).message, failures }, 'the connection to the mailbox ended');
  if (isAuthFailure(error)) {
    host.status('needs-login', authHint(account));
    return AUTH_WAIT_MS;
  }
  if (error instanceof Error && 'mailboxMissing' in error && error.mailboxMissing === true) {
    host.status('offline', `The mailbox has not all of these folders: ${deps.folders.join(', ')}.`);
    return waitMs;
  }
  // Servers end connections now and then; that is nothing to tell people about.
  if (failures > 1)
    host.status('offline', `The mail server ${account.imap.host} cannot be reached; it is tried again by itself.`);
  else host.status('connecting');
  return waitMs;
}

async function pause(deps: MailboxDeps, ms: number): Promise<void> {
  await deps.clock.sleep(ms, deps.signal).catch(() => undefined);
}
