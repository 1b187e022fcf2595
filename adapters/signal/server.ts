// What is asked of the server beside messages: who it is, whose accounts it has, how a new one is linked.
import { z } from 'zod';
import type { SignalApi } from './api.ts';
import type { ServerMode } from './capabilities.ts';

/** The name under which we show among the linked devices of an account. */
const DEVICE_NAME = 'Herald';

export interface ServerState {
  /** Undefined: an old server, or one of a new kind. */
  mode: ServerMode | undefined;
  /** Numbers of the accounts that are linked or registered there. */
  accounts: readonly string[];
}

const aboutSchema = z.looseObject({ mode: z.string().nullish(), versions: z.array(z.string()) });
const accountsSchema = z.array(z.string());
const linkSchema = z.looseObject({ device_link_uri: z.string().startsWith('sgnl://') });
const identitiesSchema = z.array(z.looseObject({ number: z.string().nullish(), uuid: z.string().nullish() }));

/** Rejects with what `SignalApi.call` rejects with, or when something else answers at that address. */
export async function askServer(api: SignalApi, signal: AbortSignal): Promise<ServerState> {
  const about = aboutSchema.safeParse(await api.call({ path: '/v1/about', signal }));
  if (!about.success) throw new Error('This is no signal-cli-rest-api server.');
  return { mode: readMode(about.data.mode), accounts: await listAccounts(api, signal) };
}

function readMode(mode: string | null | undefined): ServerMode | undefined {
  return (['json-rpc', 'native', 'normal'] as const).find((known) => known === mode);
}

export async function listAccounts(api: SignalApi, signal: AbortSignal): Promise<readonly string[]> {
  return accountsSchema.parse(await api.call({ path: '/v1/accounts', signal }));
}

/** Begins to link a device: what the QR code must hold. Each call begins anew. */
export async function requestLink(api: SignalApi, signal: AbortSignal): Promise<string> {
  const answer = await api.call({ path: '/v1/qrcodelink/raw', query: { device_name: DEVICE_NAME }, signal });
  return linkSchema.parse(answer).device_link_uri;
}

/** A page that shows the QR code, for servers that cannot tell what it holds. */
export function linkPage(url: string): string {
  return `${url}/v1/qrcodelink?${new URLSearchParams({ device_name: DEVICE_NAME }).toString()}`;
}

/** Our own uuid. Undefined: the server does not list us among the identities that it knows. */
export async function findOwnUuid(api: SignalApi, number: string, signal: AbortSignal): Promise<string | undefined> {
  const answer = await api.call({ path: `/v1/identities/${encodeURIComponent(number)}`, signal });
  return identitiesSchema.parse(answer).find((one) => one.number === number)?.uuid ?? undefined;
}

export async function setTrust(api: SignalApi, number: string, trust: string, signal: AbortSignal): Promise<void> {
  const path = `/v1/configuration/${encodeURIComponent(number)}/settings`;
  await api.call({ method: 'POST', path, body: { trust_mode: trust }, signal });
}
