// Who the token belongs to: GET /account/whoami, which every homeserver answers (#get_matrixclientv3accountwhoami).
import { z } from 'zod';
import type { MatrixApi } from './api.ts';
import { isUserId } from './ids.ts';

const whoamiSchema = z.looseObject({
  user_id: z.string().refine(isUserId),
  device_id: z.string().min(1).optional().catch(undefined),
});

export interface Login {
  user: string;
  /** Undefined: the token is that of an application service. */
  device: string | undefined;
}

/** Who we are. Rejects as MatrixApi.run does, and with ZodError when it is no homeserver that answers. */
export async function askIdentity(api: MatrixApi, signal: AbortSignal): Promise<Login> {
  const answer = await api.run({ method: 'GET', path: ['client', 'v3', 'account', 'whoami'], signal });
  const { user_id: user, device_id: device } = whoamiSchema.parse(answer);
  return { user, device };
}
