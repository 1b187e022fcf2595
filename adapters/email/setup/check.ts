// Logs in to both servers of a mailbox, without receiving or sending anything.
import type { AccountCheck } from '../../contract.ts';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { authHint, describe, isAuthFailure } from '../errors.ts';
import { withImap } from '../imap.ts';
import { checkSmtp } from '../outbound/smtp.ts';
import { accountOf, type EmailSettings, type MailAccount } from '../settings.ts';

const TIMEOUT_MS = 30_000;

/** Never rejects. */
export async function checkAccount(settings: EmailSettings, signal: AbortSignal): Promise<AccountCheck> {
  return withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, (until) =>
    checkServers(settings, until),
  );
}

async function checkServers(settings: EmailSettings, signal: AbortSignal): Promise<AccountCheck> {
  const account = accountOf(settings);
  const receiving = await check(account, `${account.imap.host}:${account.imap.port}`, () =>
    withImap(account, signal, async (client) => {
      const folders = new Set((await client.list()).map((folder) => folder.path));
      return settings.folders.filter((folder) => !folders.has(folder) && folder.toUpperCase() !== 'INBOX');
    }),
  );
  if ('problem' in receiving) return receiving.problem;
  const [missing] = receiving.value;
  if (missing !== undefined)
    return { ok: false, reason: 'settings', message: `The mailbox has no folder ${missing}. Check folders.` };
  const sending = await check(account, `${account.smtp.host}:${account.smtp.port}`, () => checkSmtp(account, signal));
  return 'problem' in sending ? sending.problem : { ok: true, name: account.address };
}

async function check<Value>(
  account: MailAccount,
  server: string,
  ask: () => Promise<Value>,
): Promise<{ value: Value } | { problem: AccountCheck }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (isAuthFailure(error)) return { problem: { ok: false, reason: 'auth', message: authHint(account) } };
    const { message } = describe(error, makeRedactor([account.password]));
    return {
      problem: {
        ok: false,
        reason: 'unreachable',
        message: `The mail server ${server} could not be asked (${message}). Check the network, and the server's name, port and TLS.`,
      },
    };
  }
}
