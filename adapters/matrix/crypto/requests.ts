// What the crypto library wants to tell or ask the homeserver, as calls (https://spec.matrix.org/v1.16/client-server-api/#end-to-end-encryption).
import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm';
import type { Call, MatrixApi } from '../api.ts';
import type { Crypto } from './library.ts';

type Outgoing = Awaited<ReturnType<OlmMachine['outgoingRequests']>>[number];
type Claim = NonNullable<Awaited<ReturnType<OlmMachine['getMissingSessions']>>>;

const V3 = ['client', 'v3'];

/** Rejects as MatrixApi.run does; it is asked again then. */
export async function runRequest(
  deps: { crypto: Crypto; machine: OlmMachine; api: MatrixApi },
  request: Outgoing | Claim,
  signal: AbortSignal,
): Promise<void> {
  const { machine, api, crypto } = deps;
  const answer = await api.run({ ...callOf(crypto, request), body: JSON.parse(request.body), signal });
  const { id } = request;
  if (id !== undefined) await machine.markRequestAsSent(id, request.type, JSON.stringify(answer));
}

function callOf(crypto: Crypto, request: Outgoing | Claim): Pick<Call, 'method' | 'path'> {
  const post = (...path: string[]) => ({ method: 'POST' as const, path: [...V3, 'keys', ...path] });
  if (request instanceof crypto.KeysUploadRequest) return post('upload');
  if (request instanceof crypto.KeysQueryRequest) return post('query');
  if (request instanceof crypto.KeysClaimRequest) return post('claim');
  if (request instanceof crypto.SignatureUploadRequest) return post('signatures', 'upload');
  if (request instanceof crypto.ToDeviceRequest)
    return { method: 'PUT', path: [...V3, 'sendToDevice', request.event_type, request.txn_id] };
  if (request instanceof crypto.RoomMessageRequest)
    return { method: 'PUT', path: [...V3, 'rooms', request.room_id, 'send', request.event_type, request.txn_id] };
  // Backups of room keys are never switched on.
  throw new Error('A request of an unknown kind.');
}
