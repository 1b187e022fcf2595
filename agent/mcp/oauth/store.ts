// What a login at an MCP server left behind: client registration and tokens, one private file per server, bound to its address.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { z } from 'zod';
import { ensureDir, writeFileAtomic } from '../../../data/files.ts';

const clientSchema = z.looseObject({
  client_id: z.string(),
  client_secret: z.string().optional(),
  redirect_uris: z.array(z.string()).optional(),
  token_endpoint_auth_method: z.string().optional(),
  issuer: z.string().optional(),
});
const tokensSchema = z.looseObject({
  access_token: z.string(),
  token_type: z.string(),
  id_token: z.string().optional(),
  expires_in: z.number().optional(),
  scope: z.string().optional(),
  refresh_token: z.string().optional(),
  issuer: z.string().optional(),
});
const storedSchema = z.object({
  url: z.string(),
  client: clientSchema.optional(),
  tokens: tokensSchema.optional(),
});

export interface StoredLogin {
  client?: OAuthClientInformationMixed | undefined;
  tokens?: OAuthTokens | undefined;
}

export interface LoginStore {
  read(): StoredLogin;
  /** Changes what is given; undefined takes away. Written before it returns. Throws AppError of data/files.ts. */
  change(change: StoredLogin): void;
  forget(): void;
}

/** `addSecret` learns every token that is read or written, so that none gets into a log or a prompt. */
export function openLoginStore(
  dir: string,
  at: { server: string; url: string },
  addSecret: (secret: string) => void,
): LoginStore {
  const folder = path.join(dir, 'tokens');
  const file = path.join(folder, `${at.server}.json`);
  const learn = ({ client, tokens }: StoredLogin) => {
    for (const secret of [client?.client_secret, tokens?.access_token, tokens?.refresh_token, tokens?.id_token])
      if (secret !== undefined) addSecret(secret);
  };
  const read = (): StoredLogin => {
    const parsed = storedSchema.safeParse(readJson(file));
    // Tokens of another address would be given to whoever is there now.
    if (!parsed.success || parsed.data.url !== at.url) return {};
    const { client, tokens } = parsed.data;
    const stored: StoredLogin = { client: client && defined(client), tokens: tokens && defined(tokens) };
    learn(stored);
    return stored;
  };
  return {
    read,
    change(change) {
      learn(change);
      ensureDir(folder);
      writeFileAtomic(file, JSON.stringify({ url: at.url, ...read(), ...change }), 0o600);
    },
    forget: () => rmSync(file, { force: true }),
  };
}

type Defined<Value> = { [Key in keyof Value]: Exclude<Value[Key], undefined> };

/** The same without keys that hold nothing, which the SDK's types do not take. */
function defined<Value extends object>(value: Value): Defined<Value>;
function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
