// A loopback Bot API server with grammY's client on it, as the tests of the server use them.
import { Api, GrammyError } from 'grammy';
import { afterEach } from 'vitest';
import { startBotApi, type BotApiOptions } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';

export interface ApiRig {
  server: BotApi;
  api: Api;
}

const started: BotApi[] = [];

export function closeServersAfterEach(): void {
  afterEach(async () => {
    for (const server of started.splice(0)) await server.close();
  });
}

export async function startRig(options: BotApiOptions = {}): Promise<ApiRig> {
  const server = await startBotApi(options);
  started.push(server);
  return { server, api: new Api(server.token, { apiRoot: server.url }) };
}

/** Code, description and parameters of the refusal; fails when the call succeeds or fails otherwise. */
export async function refusal(call: Promise<unknown>) {
  const error = await call.then(
    () => new Error('the call was expected to be refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GrammyError)) throw error;
  return { code: error.error_code, description: error.description, parameters: error.parameters };
}
