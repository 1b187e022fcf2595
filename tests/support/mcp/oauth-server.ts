// An MCP server that wants a login, with the login server beside it: registration, PKCE, tokens that can be refreshed and taken back.
import { createHash, randomUUID } from 'node:crypto';
import { json, openHttpServer, type HttpServer, type Seen } from './http-server.ts';

export interface OAuthServer extends HttpServer {
  /** What happened, such as "register", "authorize", "token authorization_code". */
  events: string[];
  /** Access tokens that are taken now. */
  valid: Set<string>;
  /** Where the login page is; a test may lead elsewhere. */
  authorizeUrl: string;
  /** What a browser would do with the address: where it is sent back to. */
  visit(address: string): Promise<string>;
}

export async function openOAuthServer(): Promise<OAuthServer> {
  const base = await openHttpServer();
  const codes = new Map<string, { challenge: string; redirect: string }>();
  const refresh = new Set<string>();
  const server: OAuthServer = Object.assign(base, {
    events: [],
    valid: new Set<string>(),
    authorizeUrl: `${base.url}/authorize`,
    async visit(address: string) {
      const answer = await fetch(address, { redirect: 'manual' });
      return answer.headers.get('location') ?? '';
    },
  });
  server.answer = (seen, response) => {
    const url = new URL(seen.path, server.url);
    switch (url.pathname) {
      case '/.well-known/oauth-protected-resource/mcp':
        return json(response, 200, {
          resource: `${server.url}/mcp`,
          authorization_servers: [server.url],
          scopes_supported: ['read'],
        });
      case '/.well-known/oauth-authorization-server':
        return json(response, 200, metadata(server));
      case '/register':
        server.events.push('register');
        return json(response, 201, { ...JSON.parse(seen.body), client_id: randomUUID() });
      case '/authorize': {
        server.events.push('authorize');
        const code = randomUUID();
        const query = url.searchParams;
        const redirect = query.get('redirect_uri') ?? '';
        codes.set(code, { challenge: query.get('code_challenge') ?? '', redirect });
        response.writeHead(302, { location: `${redirect}?code=${code}&state=${query.get('state')}` }).end();
        return true;
      }
      case '/token':
        return json(response, ...token(server, seen, { codes, refresh }));
      case '/mcp':
        return seen.method === 'POST' && !isLoggedIn(server, seen)
          ? json(
              response,
              401,
              {},
              {
                'www-authenticate': `Bearer resource_metadata="${server.url}/.well-known/oauth-protected-resource/mcp"`,
              },
            )
          : false;
      default:
        return json(response, 404, {});
    }
  };
  return server;
}

function metadata(server: OAuthServer) {
  return {
    issuer: server.url,
    authorization_endpoint: server.authorizeUrl,
    token_endpoint: `${server.url}/token`,
    registration_endpoint: `${server.url}/register`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
  };
}

function isLoggedIn(server: OAuthServer, { headers }: Seen): boolean {
  return server.valid.has((headers.authorization ?? '').replace('Bearer ', ''));
}

function token(
  server: OAuthServer,
  { body }: Seen,
  known: { codes: Map<string, { challenge: string; redirect: string }>; refresh: Set<string> },
): [number, unknown] {
  const form = new URLSearchParams(body);
  const grant = form.get('grant_type') ?? '';
  server.events.push(`token ${grant}`);
  if (grant === 'refresh_token') {
    if (!known.refresh.delete(form.get('refresh_token') ?? '')) return [400, { error: 'invalid_grant' }];
  } else {
    const code = known.codes.get(form.get('code') ?? '');
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (code?.challenge !== verifier || code.redirect !== form.get('redirect_uri'))
      return [400, { error: 'invalid_grant' }];
    known.codes.delete(form.get('code') ?? '');
  }
  const access = `access-${randomUUID()}`;
  const next = `refresh-${randomUUID()}`;
  server.valid.add(access);
  known.refresh.add(next);
  return [200, { access_token: access, token_type: 'Bearer', expires_in: 3600, refresh_token: next }];
}
