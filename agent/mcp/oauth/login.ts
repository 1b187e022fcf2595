// A person logs in at an MCP server with their browser: the address is shown, the answer comes back to a listener on this machine.
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import type { McpServerConfig } from '../config.ts';
import { openCallback } from './callback.ts';
import { makeProvider, newState } from './provider.ts';
import type { LoginStore } from './store.ts';

/** What the server said when it refused a request. */
export interface Challenge {
  scope: string | undefined;
  resourceMetadataUrl: URL | undefined;
  /** The tokens hold, but give too few rights. */
  isStepUp: boolean;
}

/** Reads the header of a 401 or 403. */
export async function readChallenge(response: Response): Promise<Challenge> {
  const { extractWWWAuthenticateParams } = await import('@modelcontextprotocol/sdk/client/auth.js');
  const { scope, resourceMetadataUrl, error } = extractWWWAuthenticateParams(response);
  return { scope, resourceMetadataUrl, isStepUp: error === 'insufficient_scope' };
}

export interface LoginInput {
  config: McpServerConfig;
  url: string;
  store: LoginStore;
  challenge: Challenge | undefined;
  clock: Clock;
  fetch: FetchLike;
  show(url: string): Promise<void>;
  /** Called before the address is shown, with the way to bring the answer by hand. */
  onWaiting(accept: (address: string) => void): void;
}

/** Resolves when tokens are stored. Rejects with AppError; what was stored before then stays. */
export async function logIn(input: LoginInput, signal: AbortSignal): Promise<void> {
  const { auth } = await import('@modelcontextprotocol/sdk/client/auth.js');
  const { config, store, challenge } = input;
  const callback = await openCallback(config.oauth.redirect_port, input.clock);
  try {
    const state = newState();
    const provider = makeProvider(config.oauth, store, {
      redirectUrl: callback.url,
      state,
      isStepUp: challenge?.isStepUp === true,
      show: (url) => showSafely(url, input),
    });
    const options = {
      serverUrl: input.url,
      fetchFn: input.fetch,
      ...(challenge?.scope === undefined ? {} : { scope: challenge.scope }),
      ...(challenge?.resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl: challenge.resourceMetadataUrl }),
    };
    // Listens before the address is shown: a browser can be fast.
    const stop = new AbortController();
    const stopWaiting = () => stop.abort();
    signal.addEventListener('abort', stopWaiting, { once: true });
    const code = callback.code(state, stop.signal);
    code.catch(() => undefined);
    input.onWaiting((address) => callback.accept(address));
    try {
      if ((await auth(provider, options)) === 'AUTHORIZED') return;
      await auth(provider, { ...options, authorizationCode: await code });
    } finally {
      signal.removeEventListener('abort', stopWaiting);
      stop.abort();
    }
  } catch (error) {
    throw loginError(error);
  } finally {
    callback.close();
  }
}

/** The address comes from the server: nothing but a web page may be opened. */
async function showSafely(url: URL, { show, url: server }: LoginInput): Promise<void> {
  const isPlain = url.protocol === 'http:' && URL.parse(server)?.protocol === 'http:';
  if (url.protocol !== 'https:' && !isPlain)
    throw new AppError('not_allowed', 'The server sent an address for the login that is no safe web page.');
  await show(url.href);
}

function loginError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('tool_unavailable', 'The login did not work. What was stored before is kept; try it again.', {
    cause: error,
  });
}
