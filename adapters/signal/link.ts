// Linking a phone's account: a QR code that is renewed before it is too old, until the account is there. For the running gateway and
// for the setup alike.
import type { LoginStep } from '../login.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SignalApi } from './api.ts';
import { ApiError } from './errors.ts';
import { linkPage, listAccounts, requestLink } from './server.ts';

/** Signal's own apps renew such a code after 45 to 90 seconds (provisioning of https://github.com/signalapp/Signal-Desktop, read 2026-11-21). */
const CODE_VALID_MS = 60_000;
/** Each code makes the server wait for a scan; nobody who means to scan one needs more. */
const MAX_CODES = 10;
const LOOK_EVERY_MS = 3_000;
const IDLE_LOOK_EVERY_MS = 60_000;

export interface LinkDeps {
  api: SignalApi;
  /** Address of the server, as people reach it. */
  url: string;
  clock: Clock;
  signal: AbortSignal;
  show(step: LoginStep | undefined): void;
  /** A look that failed; the next one is tried all the same. */
  onProblem(error: unknown): void;
}

const CAPTION =
  'Open Signal on the phone: Settings, Linked devices, Link new device. Scan this code, and let it transfer no history.';

/**
 * Resolves with the accounts once `isThere` accepts them. With `forever` it goes on looking, without a code, when nobody has scanned
 * one; otherwise it resolves with undefined then. Rejects when `signal` is aborted.
 */
export async function linkAccount(
  deps: LinkDeps,
  isThere: (accounts: readonly string[]) => boolean,
  { forever }: { forever: boolean },
): Promise<readonly string[] | undefined> {
  try {
    for (let codes = 0; forever || codes < MAX_CODES; codes++) {
      const isIdle = codes >= MAX_CODES;
      if (isIdle) deps.show(undefined);
      else await showCode(deps);
      const until = deps.clock.now() + CODE_VALID_MS;
      while (deps.clock.now() < until) {
        await deps.clock.sleep(isIdle ? IDLE_LOOK_EVERY_MS : LOOK_EVERY_MS, deps.signal);
        const accounts = await look(deps);
        if (accounts && isThere(accounts)) return accounts;
      }
    }
    return undefined;
  } finally {
    deps.show(undefined);
  }
}

async function showCode(deps: LinkDeps): Promise<void> {
  try {
    const data = await requestLink(deps.api, deps.signal);
    deps.show({ kind: 'qr', data, caption: CAPTION, expiresAt: deps.clock.now() + CODE_VALID_MS });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404)
      deps.show({ kind: 'url', url: linkPage(deps.url), caption: `Open this page to see the code. ${CAPTION}` });
    else deps.onProblem(error);
  }
}

async function look(deps: LinkDeps): Promise<readonly string[] | undefined> {
  try {
    return await listAccounts(deps.api, deps.signal);
  } catch (error) {
    deps.onProblem(error);
    return undefined;
  }
}
