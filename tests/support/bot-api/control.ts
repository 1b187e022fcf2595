// Control routes for a test in another process, JSON in and out:
//   POST /_control/user    {user: {id, name?}, chat?, topic?, call, args?}   a method of UserChat; files as {name, mime, base64}
//   POST /_control/group   {id?, title?, type?, forum?}   → {id}
//   POST /_control/inject  an update as it stands   → {update_id}
//   POST /_control/fault   a fault without `when`;   POST /_control/clear-faults;   POST /_control/redeliver {count?, ids?}
//   POST /_control/reverse {count?};   POST /_control/revoke-token;   POST /_control/disconnect
//   GET  /_control/messages?chat=ID   GET /_control/drafts?chat=ID   GET /_control/calls   GET /_control/dump
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { BotApi } from './types.ts';
import { badRequest, errorAnswer, isRecord, readRequest, sendAnswer, ApiError } from './http.ts';
import type { UserChat } from './people.ts';
import type { ChatEntry } from './world.ts';

const USER_CALLS = [
  'sendText',
  'sendPhoto',
  'sendDocument',
  'sendVoice',
  'sendAudio',
  'sendVideo',
  'sendSticker',
  'sendAlbum',
  'sendOther',
  'editText',
  'deleteMessage',
  'press',
  'react',
] as const satisfies readonly (keyof UserChat)[];

const userCall = z.object({
  user: z.object({ id: z.number(), name: z.string().optional() }),
  chat: z.number().optional(),
  topic: z.number().optional(),
  call: z.enum(USER_CALLS),
  args: z.array(z.unknown()).default([]),
});
const groupCall = z.object({
  id: z.number().optional(),
  title: z.string().optional(),
  type: z.enum(['group', 'supergroup']).optional(),
  forum: z.boolean().optional(),
});
const fault = z.object({
  method: z.string().optional(),
  after: z.number().optional(),
  times: z.number().optional(),
  status: z.number().optional(),
  description: z.string().optional(),
  retryAfter: z.number().optional(),
  migrateTo: z.number().optional(),
  delayMs: z.number().optional(),
  drop: z.enum(['before', 'after']).optional(),
});
const redelivery = z.object({ count: z.number().default(1), ids: z.enum(['same', 'new']).default('same') });
const reversal = z.object({ count: z.number().default(1) });

type Route = (api: BotApi, body: unknown, query: URLSearchParams) => unknown;

const ROUTES: Readonly<Record<string, Route>> = {
  user: (api, body) => runUserCall(api, userCall.parse(body)),
  group: (api, body) => ({ id: api.group(definedOnly(groupCall.parse(body))).id }),
  inject: (api, body) => ({ update_id: api.inject(isRecord(body) ? body : {}) }),
  fault: (api, body) => void api.fail(definedOnly(fault.parse(body))),
  'clear-faults': (api) => api.clearFaults(),
  redeliver(api, body) {
    const { count, ids } = redelivery.parse(body);
    api.redeliver(count, ids);
  },
  reverse: (api, body) => api.reverseNext(reversal.parse(body).count),
  'revoke-token': (api) => api.revokeToken(),
  disconnect: (api) => void setImmediate(() => api.disconnect()),
  messages: (api, _body, query) => api.messages(Number(query.get('chat'))).map(describeEntry),
  drafts: (api, _body, query) => api.drafts(Number(query.get('chat'))),
  calls: (api) => api.calls,
  dump: (api) => ({ calls: api.calls, pending: api.pendingUpdates(), polling: api.isPolling() }),
};

/** Never rejects. */
export async function runControl(api: BotApi, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const request = await readRequest(incoming);
    const route = ROUTES[request.path.slice('/_control/'.length)];
    if (route === undefined) throw new ApiError(404, 'no such control route');
    const result = route(api, request.body, new URLSearchParams(request.query));
    sendAnswer(response, { status: 200, body: result ?? {} });
  } catch (error) {
    const said = error instanceof ApiError ? error : badRequest(String(error));
    sendAnswer(response, errorAnswer(said));
  }
}

function runUserCall(api: BotApi, { user, chat, topic, call, args }: z.infer<typeof userCall>): unknown {
  const person = api.user(user.id, user.name);
  const place = chat === undefined || chat === user.id ? person.dm : person.in(api.group({ id: chat }), topic);
  const method: unknown = place[call];
  if (typeof method !== 'function') throw badRequest(`there is no ${call}`);
  const result: unknown = Reflect.apply(method, place, args.map(readArgument));
  return typeof result === 'string' ? { callback_query_id: result } : result;
}

/** Files come as {name, mime, base64}. */
function readArgument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readArgument);
  if (!isRecord(value) || typeof value['base64'] !== 'string') return value;
  const { base64, ...file } = value;
  return { ...file, bytes: new Uint8Array(Buffer.from(String(base64), 'base64')) };
}

function describeEntry({ message, earlier, reactions, file, parseMode }: ChatEntry) {
  return { message, earlier, reactions, parseMode, file: file ? { name: file.name, bytes: file.bytes.length } : null };
}

/** With exactOptionalPropertyTypes, absent is not undefined. */
function definedOnly<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}
