// Who the token belongs to: GET /account/whoami, which every homeserver answers (#get_matrixclientv3accountwhoami).
import { z } from 'zod';
import type { MatrixApi } from './api.ts';
import { isUserId } from './ids.ts';

const whoamiSchema = z.looseObject({ user_id: z.string().refine(isUserId) });

/** Our user id. Rejects as MatrixApi.run does, and with ZodError when it is no homeserver that answers. */
export async function askIdentity(api: MatrixApi, signal: AbortSignal): Promise<string> {
  const answer = await api.run({ method: 'GET', path: ['client', 'v3', 'account', 'whoami'], signal });
  return whoamiSchema.parse(answer).user_id;
}
