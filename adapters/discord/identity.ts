// Who a token belongs to and what its bot may do, asked without the SDK: for setting up and for looking after it.
import { z } from 'zod';
import { VERSION } from '../../shared/installation.ts';

export interface Identity {
  id: string;
  username: string;
  application: string;
  /** The privileged intent without which messages arrive empty, switched on in the developer portal. */
  readsMessages: boolean;
  /** Discord's time of day, ms since the epoch, when its answer said one. */
  serverTime: number | undefined;
}

export type IdentityResult =
  | { ok: true; identity: Identity }
  | { ok: false; reason: 'auth' | 'unreachable'; why: string };

/** GATEWAY_MESSAGE_CONTENT, GATEWAY_MESSAGE_CONTENT_LIMITED: https://docs.discord.com/developers/resources/application, read 2026-11-21. */
const READS_MESSAGES = (1 << 18) | (1 << 19);

const userSchema = z.looseObject({ id: z.string(), username: z.string() });
const applicationSchema = z.looseObject({ id: z.string(), flags: z.number().optional() });

export interface IdentityInput {
  token: string;
  apiRoot: string;
  fetch: typeof fetch;
  signal: AbortSignal;
}

/** GET /users/@me and /applications/@me. Never rejects; `why` holds no secret. */
export async function askIdentity(input: IdentityInput): Promise<IdentityResult> {
  try {
    const me = await get(input, '/users/@me');
    if (me.status === 401) return { ok: false, reason: 'auth', why: 'Discord does not know this token' };
    const user = userSchema.safeParse(me.body);
    if (!user.success) return { ok: false, reason: 'unreachable', why: `it answered with status ${me.status}` };
    const about = await get(input, '/applications/@me');
    const application = applicationSchema.safeParse(about.body);
    if (!application.success)
      return { ok: false, reason: 'unreachable', why: `it answered with status ${about.status}` };
    const { flags = 0 } = application.data;
    return {
      ok: true,
      identity: {
        id: user.data.id,
        username: user.data.username,
        application: application.data.id,
        readsMessages: (flags & READS_MESSAGES) !== 0,
        serverTime: about.serverTime,
      },
    };
  } catch {
    return { ok: false, reason: 'unreachable', why: 'no answer' };
  }
}

async function get({ token, apiRoot, fetch: ask, signal }: IdentityInput, path: string) {
  const headers = { authorization: `Bot ${token}`, 'user-agent': `DiscordBot (https://discord.js.org, ${VERSION})` };
  const response = await ask(`${apiRoot}/v10${path}`, { headers, signal, redirect: 'error' });
  const body: unknown = await response.json().catch(() => undefined);
  const date = Date.parse(response.headers.get('date') ?? '');
  return { status: response.status, body, serverTime: Number.isFinite(date) ? date : undefined };
}
