// Looks whether the homeserver is one, and whether it knows our token. Loads no SDK.
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import type { AccountCheck } from '../../contract.ts';
import { makeMatrixApi } from '../api.ts';
import { codesOf } from '../../transport/failures.ts';
import { isAuthError, MatrixError, NEW_TOKEN } from '../errors.ts';
import { askIdentity } from '../identity.ts';
import type { MatrixSettings } from '../settings.ts';

type Problem = Extract<AccountCheck, { ok: false }>;

/** Never rejects. */
export async function checkAccount(
  { homeserver, access_token: token }: Pick<MatrixSettings, 'homeserver' | 'access_token'>,
  fetchIt: typeof fetch,
  signal: AbortSignal,
): Promise<AccountCheck> {
  const api = makeMatrixApi({ homeserver, token, fetch: fetchIt, clock: systemClock });
  try {
    return { ok: true, name: (await askIdentity(api, signal)).user };
  } catch (error) {
    return explain(homeserver, error);
  }
}

export function explain(homeserver: string, error: unknown): Problem {
  if (isAuthError(error)) return { ok: false, reason: 'auth', message: NEW_TOKEN };
  const isOther = error instanceof z.ZodError || (error instanceof MatrixError && error.status < 500);
  if (isOther)
    return {
      ok: false,
      reason: 'settings',
      message: `${homeserver} answers, but not as a Matrix homeserver. Check homeserver; its address may differ from the name in user ids.`,
    };
  const why = NETWORK.find(([pattern]) => pattern.test(codesOf(error).join(' ')))?.[1] ?? 'no answer';
  return {
    ok: false,
    reason: 'unreachable',
    message: `The homeserver at ${homeserver} could not be reached: ${why}. Check homeserver and the network.`,
  };
}

/** Codes of Node's errors, by what a person can do. */
const NETWORK: readonly [RegExp, string][] = [
  [/ENOTFOUND|EAI_/, 'this machine cannot find that name'],
  [/ECONNREFUSED/, 'nothing listens there'],
  [
    /SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS/,
    'its certificate cannot be trusted (NODE_EXTRA_CA_CERTS tells Node of your own)',
  ],
  [/WRONG_VERSION_NUMBER|EPROTO|ERR_SSL/, 'it does not speak https there'],
];
