// Finds the homeserver of a name as people know it (example.org, from @ann:example.org), and logs in to it.
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { parseJson, readText } from '../../transport/bodies.ts';
import { makeMatrixApi } from '../api.ts';
import { isUserId } from '../ids.ts';

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 64 * 1024;

const wellKnownSchema = z.looseObject({ 'm.homeserver': z.looseObject({ base_url: z.url({ protocol: /^https?$/ }) }) });
const loginSchema = z.looseObject({ access_token: z.string().min(1), user_id: z.string().refine(isUserId) });

export interface Ports {
  fetch: typeof fetch;
  signal: AbortSignal;
}

/**
 * Address for a homeserver's address, a server's name or a user id; names are looked up as
 * https://spec.matrix.org/v1.16/client-server-api/#well-known-uris says. Undefined when it can be none of these. Never rejects.
 */
export async function findHomeserver(text: string, ports: Ports): Promise<string | undefined> {
  const given = text.trim().replace(/\/+$/, '');
  if (/^https?:\/\//i.test(given)) return URL.canParse(given) ? given : undefined;
  const name = given.startsWith('@') ? given.slice(given.indexOf(':') + 1) : given;
  if (!/^[A-Za-z0-9.:[\]-]{1,255}$/.test(name) || !URL.canParse(`https://${name}`)) return undefined;
  return (await askWellKnown(name, ports)) ?? `https://${name}`;
}

async function askWellKnown(name: string, { fetch: fetchIt, signal }: Ports): Promise<string | undefined> {
  try {
    return await withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, async (own) => {
      const answer = await fetchIt(`https://${name}/.well-known/matrix/client`, { signal: own });
      if (!answer.ok) {
        await answer.body?.cancel();
        return undefined;
      }
      const parsed = wellKnownSchema.safeParse(parseJson(await readText(answer, MAX_BYTES)));
      return parsed.data?.['m.homeserver'].base_url.replace(/\/+$/, '');
    });
  } catch {
    return undefined;
  }
}

export interface Credentials {
  homeserver: string;
  /** User id or its first part. */
  user: string;
  password: string;
}

/** A token for a device of our own. The password is only sent, never kept. Rejects as MatrixApi.run does. */
export async function logInWithPassword({ homeserver, user, password }: Credentials, ports: Ports): Promise<string> {
  const api = makeMatrixApi({ homeserver, token: undefined, fetch: ports.fetch, clock: systemClock });
  const body = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password,
    initial_device_display_name: 'Herald',
  };
  const answer = await api.run({ method: 'POST', path: ['client', 'v3', 'login'], body, signal: ports.signal });
  return loginSchema.parse(answer).access_token;
}
