// After a platform was set up: the gateway starts anew with it, what it asks for (a QR code to scan) is shown, until it is online.
import { callControl } from '../client.ts';
import type { CliContext } from '../context.ts';
import { printable } from '../output.ts';
import { asAppError } from '../../shared/errors.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';
import { drawStep } from './login-io.ts';

const LOOK_MS = 1_000;
const RESTART_MS = 60_000;
/** A person has to find their phone. */
const LOGIN_MS = 10 * 60_000;

type Account = OperationOutput<'status'>['adapters'][number];

/** Restarts the gateway and waits until it answers again. */
export async function restartGateway(context: CliContext): Promise<void> {
  const before = (await callControl(context.home, 'status', {})).startedAt;
  await callControl(context.home, 'restart', { reason: 'a platform was set up' });
  await until(context, RESTART_MS, async () => {
    const status = await statusOrNothing(context);
    return status !== undefined && status.startedAt !== before;
  });
}

/** Follows a platform's login. Resolves with the account as it is in the end: online, or whatever it stayed. */
export async function followLogin(context: CliContext, platform: string): Promise<Account | undefined> {
  let account: Account | undefined;
  let drawn = '';
  await until(context, LOGIN_MS, async () => {
    const status = await statusOrNothing(context);
    account = status?.adapters.find((one) => one.platform === platform);
    if (account?.login) {
      const lines = await drawStep(account.login);
      if (lines !== drawn) context.out(`\n${lines}\n`);
      drawn = lines;
      return false;
    }
    return account !== undefined && account.state !== 'connecting' && (drawn === '' || account.state === 'online');
  });
  return account;
}

export function describeAccount(account: Account | undefined): string {
  if (account === undefined) return 'It did not start; `herald logs` says why.';
  if (account.state === 'online') return `${account.title} is connected.`;
  return `${account.title}: ${account.state}. ${printable(account.detail ?? 'See `herald status`.')}`;
}

async function statusOrNothing(context: CliContext): Promise<OperationOutput<'status'> | undefined> {
  try {
    return await callControl(context.home, 'status', {});
  } catch (error) {
    if (asAppError(error).code !== 'gateway_not_running') throw error;
    return undefined;
  }
}

async function until(context: CliContext, ms: number, passes: () => Promise<boolean>): Promise<void> {
  const end = context.clock.now() + ms;
  while (!(await passes()) && context.clock.now() < end) await context.clock.sleep(LOOK_MS);
}
