// Opens Home Assistant's WebSocket and logs in. Also the guard before the client library, which takes every frame for valid JSON and
// would let a broken one end the process. https://developers.home-assistant.io/docs/api/websocket, read 2026-11-21.
import { z } from 'zod';
import { abortReason, systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../transport/bodies.ts';

/** A socket on which Home Assistant has accepted our token. */
export type HomeSocket = WebSocket & { haVersion: string };

export interface HomeLogin {
  url: string;
  token: string;
}

/** Thrown when Home Assistant refuses the token. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Home Assistant puts several messages in one frame then, as an array. The client library keeps this id free for it. */
const FEATURES = { id: 1, type: 'supported_features', features: { coalesce_messages: 1 } };

const frameSchema = z.looseObject({ type: z.string() });
const framesSchema = z.union([frameSchema, z.array(frameSchema)]);
const loginSchema = z.looseObject({ type: z.string(), ha_version: z.string().optional() });

/**
 * Rejects with TokenRefusedError, with the signal's reason, or with AppError `platform_unreachable` when it is not there, does not answer
 * in 10 s, or speaks something else. No error holds the token.
 */
export function openSocket(at: HomeLogin, signal: AbortSignal): Promise<HomeSocket> {
  return withDeadline({ clock: systemClock, timeoutMs: CONNECT_TIMEOUT_MS, parent: signal }, (deadline) =>
    logIn(at, deadline),
  );
}

function logIn(at: HomeLogin, deadline: AbortSignal): Promise<HomeSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<HomeSocket>();
  const socket = new WebSocket(`${at.url.replace(/^http/, 'ws')}/api/websocket`);
  const fail = (error: Error) => {
    settle();
    socket.close();
    reject(error);
  };
  const onAbort = () => {
    const reason = abortReason(deadline);
    fail(reason.name === 'TimeoutError' ? unreachable('it did not answer in time') : reason);
  };
  const onClose = () => fail(unreachable('the connection was refused or closed'));
  const onMessage = (event: MessageEvent) => {
    const parsed = loginSchema.safeParse(parseJson(event.data));
    if (!parsed.success) return fail(unreachable('it does not speak the protocol of Home Assistant'));
    switch (parsed.data.type) {
      case 'auth_required':
        socket.send(JSON.stringify({ type: 'auth', access_token: at.token }));
        return;
      case 'auth_invalid':
        fail(new TokenRefusedError('Home Assistant refuses the token.'));
        return;
      case 'auth_ok':
        settle();
        socket.addEventListener('message', dropBroken);
        socket.send(JSON.stringify(FEATURES));
        resolve(Object.assign(socket, { haVersion: parsed.data.ha_version ?? '' }));
        return;
      default:
        fail(unreachable('it does not speak the protocol of Home Assistant'));
    }
  };
  function settle() {
    deadline.removeEventListener('abort', onAbort);
    socket.removeEventListener('message', onMessage);
    socket.removeEventListener('close', onClose);
  }
  socket.addEventListener('message', onMessage);
  socket.addEventListener('close', onClose);
  if (deadline.aborted) onAbort();
  else deadline.addEventListener('abort', onAbort, { once: true });
  return promise;
}

/** Listens first, so that what is no message never reaches those who would trip over it. */
function dropBroken(event: MessageEvent): void {
  if (!framesSchema.safeParse(parseJson(event.data)).success) event.stopImmediatePropagation();
}

function unreachable(why: string): AppError {
  return new AppError('platform_unreachable', `Home Assistant could not be reached: ${why}.`, { retryable: true });
}
