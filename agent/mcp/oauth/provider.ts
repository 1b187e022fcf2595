// Herald as an OAuth client, in the form that the SDK asks for: OAuth 2.1 with PKCE, registration by document or on the spot, tokens that
// are refreshed. Only a login that a person began registers anything or opens a browser; everything else gives up and says so.
import { randomBytes } from 'node:crypto';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientInformationMixed, OAuthClientMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import { AppError } from '../../../shared/errors.ts';
import type { McpServerConfig } from '../config.ts';
import type { LoginStore } from './store.ts';

/** A login that a person is doing right now. */
export interface Interaction {
  redirectUrl: string;
  state: string;
  /** Forget the present tokens, because they give too few rights. */
  isStepUp: boolean;
  show(url: URL): Promise<void>;
}

export function makeProvider(
  config: McpServerConfig['oauth'],
  store: LoginStore,
  interaction: Interaction | undefined,
): OAuthClientProvider {
  const isPerson = config.grant === 'authorization_code';
  const redirectUrl = isPerson ? (interaction?.redirectUrl ?? 'http://127.0.0.1/mcp/callback') : undefined;
  let verifier: string | undefined;
  let isFresh = false;
  const configured = clientOf(config);
  const base: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: metadataOf(config, redirectUrl),
    ...(config.client_metadata_url === undefined ? {} : { clientMetadataUrl: config.client_metadata_url }),
    clientInformation: () => configured ?? usableClient(store.read().client, redirectUrl, interaction),
    tokens: () => (interaction?.isStepUp === true && !isFresh ? undefined : store.read().tokens),
    saveTokens(tokens) {
      isFresh = true;
      store.change({ tokens });
    },
    async redirectToAuthorization(url) {
      if (!interaction) throw needsLogin();
      await interaction.show(url);
    },
    saveCodeVerifier(code) {
      verifier = code;
    },
    codeVerifier() {
      if (verifier === undefined) throw needsLogin();
      return verifier;
    },
    invalidateCredentials(scope) {
      if (scope === 'all' || scope === 'client') store.change({ client: undefined, tokens: undefined });
      if (scope === 'tokens') store.change({ tokens: undefined });
      if (scope === 'verifier') verifier = undefined;
    },
  };
  if (!isPerson)
    return {
      ...base,
      ...keyAuthentication(config),
      prepareTokenRequest: (scope) => credentialsRequest(scope ?? config.scope),
    };
  if (!interaction) return base;
  return {
    ...base,
    state: () => interaction.state,
    // What is configured is not stored: it may change.
    saveClientInformation(client) {
      if (!configured) store.change({ client });
    },
  };
}

export function newState(): string {
  return randomBytes(32).toString('base64url');
}

export function needsLogin(): AppError {
  return new AppError('tool_unavailable', 'The MCP server wants a login.');
}

function clientOf(config: McpServerConfig['oauth']): OAuthClientInformationMixed | undefined {
  const { client_id, client_secret, issuer } = config;
  if (client_id === undefined) return undefined;
  return {
    client_id,
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/** A registration holds for its own address to come back to; a login on another port registers anew. */
function usableClient(
  client: OAuthClientInformationMixed | undefined,
  redirectUrl: string | undefined,
  interaction: Interaction | undefined,
): OAuthClientInformationMixed | undefined {
  if (!client || !interaction || !('redirect_uris' in client) || redirectUrl === undefined) return client;
  return client.redirect_uris?.includes(redirectUrl) === true ? client : undefined;
}

function metadataOf(config: McpServerConfig['oauth'], redirectUrl: string | undefined): OAuthClientMetadata {
  const isPerson = redirectUrl !== undefined;
  return {
    client_name: 'Herald',
    redirect_uris: isPerson ? [redirectUrl] : [],
    grant_types: isPerson ? ['authorization_code', 'refresh_token'] : ['client_credentials'],
    response_types: isPerson ? ['code'] : [],
    ...(config.scope === undefined ? {} : { scope: config.scope }),
  };
}

/** Proof by a signed note (RFC 7523) instead of a secret. */
function keyAuthentication(
  config: McpServerConfig['oauth'],
): Pick<OAuthClientProvider, 'addClientAuthentication'> | undefined {
  const { client_id, private_key: privateKey, signing_algorithm: alg } = config;
  if (client_id === undefined || privateKey === undefined) return undefined;
  return {
    async addClientAuthentication(headers, params, url, metadata) {
      const { createPrivateKeyJwtAuth } = await import('@modelcontextprotocol/sdk/client/auth-extensions.js');
      const sign = createPrivateKeyJwtAuth({ issuer: client_id, subject: client_id, privateKey, alg });
      await sign(headers, params, url, metadata);
    },
  };
}

function credentialsRequest(scope: string | undefined): URLSearchParams {
  const request = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) request.set('scope', scope);
  return request;
}
