// Cheap real calls that tell whether a token works, without the SDK.
import { z } from 'zod';
import { ALL_SCOPES, NEEDED_SCOPES } from './app-manifest.ts';

export type TokenCheck =
  | { ok: true; answer: Identity; scopes: readonly string[] | undefined; serverTime: number | undefined }
  | { ok: false; reason: 'auth' | 'unreachable' | 'scope'; why: string };

const answerSchema = z.looseObject({
  ok: z.boolean(),
  error: z.string().optional(),
  needed: z.string().optional(),
  user: z.string().optional(),
  team: z.string().optional(),
});
type Identity = z.output<typeof answerSchema>;

/** Answers that no other network or later try would change. */
const REFUSED = /^(?:not_authed|invalid_auth|account_inactive|token_revoked|token_expired|not_allowed_token_type)$/;

export interface Asking {
  apiRoot: string;
  fetch: typeof fetch;
  signal: AbortSignal;
}

/** Never rejects; tells no secret. */
export async function checkToken(
  asking: Asking,
  method: 'auth.test' | 'apps.connections.open',
  token: string,
): Promise<TokenCheck> {
  try {
    const response = await asking.fetch(`${asking.apiRoot}/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
      signal: asking.signal,
      redirect: 'error',
    });
    const answer = answerSchema.safeParse(await response.json());
    if (!answer.success) return { ok: false, reason: 'unreachable', why: `it answered with status ${response.status}` };
    if (!answer.data.ok) return explainRefusal(answer.data);
    const scopes = response.headers.get('x-oauth-scopes');
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      ok: true,
      answer: answer.data,
      scopes: scopes
        ?.split(',')
        .map((scope) => scope.trim())
        .filter(Boolean),
      serverTime: Number.isFinite(date) ? date : undefined,
    };
  } catch {
    // The error's text is left out: nobody knows what it holds.
    return { ok: false, reason: 'unreachable', why: 'no answer' };
  }
}

function explainRefusal({ error = 'unknown', needed }: Identity): TokenCheck {
  const name = error.replace(/[^a-z0-9_]/g, '').slice(0, 60);
  if (error === 'missing_scope') {
    const scope = (needed ?? 'unnamed').replace(/[^a-z0-9_:.,|]/g, '').slice(0, 100);
    return { ok: false, reason: 'scope', why: `it lacks the scope ${scope}` };
  }
  return { ok: false, reason: REFUSED.test(error) ? 'auth' : 'unreachable', why: `Slack says ${name}` };
}

/** What the bot token may not do, of what we use. Undefined scopes: Slack did not say. */
export function missingScopes(scopes: readonly string[] | undefined): { all: readonly string[]; isUsable: boolean } {
  if (scopes === undefined) return { all: [], isUsable: true };
  const all = ALL_SCOPES.filter((scope) => !scopes.includes(scope));
  return { all, isUsable: !NEEDED_SCOPES.some((scope) => all.includes(scope)) };
}
