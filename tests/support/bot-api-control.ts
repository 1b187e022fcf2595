// Control routes of the loopback Bot API server, for tests that run in another process. POST with JSON, answers are JSON.
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { answer, type BotApi } from './bot-api-server.ts';
import { editSaid, press, say } from './bot-api-people.ts';
import type { BotApiRequest } from './bot-api-request.ts';
import { addPrivateChat, type FakeUser } from './bot-api-state.ts';

const chat = z.number().int();
const kind = z.enum(['image', 'audio', 'voice', 'video', 'document', 'sticker']);

const fault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.number(),
    description: z.string(),
    retryAfter: z.number().optional(),
  }),
  z.strictObject({ kind: z.enum(['drop-before', 'drop-after']) }),
  z.strictObject({ kind: z.literal('migrate'), toChat: z.number() }),
  z.strictObject({ kind: z.literal('delay'), ms: z.number() }),
]);

const bodies = {
  /** A person writes; `from` is the id of a user, who is made up when new. `base64` holds the bytes of a file. */
  say: z.strictObject({
    text: z.string().optional(),
    chat: chat.optional(),
    from: chat.optional(),
    replyTo: z.number().optional(),
    thread: z.number().optional(),
    file: z.strictObject({ kind, name: z.string(), mime: z.string(), base64: z.string() }).optional(),
  }),
  edit: z.strictObject({ chat, message: z.number(), text: z.string() }),
  press: z.strictObject({ chat, message: z.number(), data: z.string() }),
  /** Anything as an update; garbage too. */
  inject: z.strictObject({ update: z.record(z.string(), z.unknown()) }),
  sent: z.strictObject({ chat }),
  calls: z.strictObject({}),
  pending: z.strictObject({}),
  fault: z.strictObject({ method: z.string(), times: z.number().default(1), fault }),
  block: z.strictObject({ chat, on: z.boolean() }),
  refuse_html: z.strictObject({ on: z.boolean() }),
  disconnect: z.strictObject({}),
  webhook_proxy: z.strictObject({ from: z.string(), to: z.string() }),
};

/** Runs one control route and answers it. A wrong body is answered with 400 and what is wrong. */
export function runControl(api: BotApi, request: BotApiRequest, response: ServerResponse): void {
  try {
    answer(response, 200, route(api, request.path.slice('/_control/'.length), request.params));
  } catch (error) {
    answer(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
}

function route(api: BotApi, name: string, params: unknown): unknown {
  const { state } = api;
  switch (name) {
    case 'say': {
      const { from, file, ...rest } = bodies.say.parse(params);
      const bytes = file && new Uint8Array(Buffer.from(file.base64, 'base64'));
      const message = say(state, {
        ...rest,
        ...(from !== undefined && { from: findUser(api, from) }),
        ...(file && bytes && { file: { kind: file.kind, name: file.name, mime: file.mime, bytes } }),
      });
      return { message: message.message_id };
    }
    case 'edit': {
      const body = bodies.edit.parse(params);
      editSaid(state, body.chat, body.message, body.text);
      return {};
    }
    case 'press': {
      const body = bodies.press.parse(params);
      return { callback: press(state, body.chat, body.message, body.data) };
    }
    case 'inject':
      return { update: state.enqueueGarbage(bodies.inject.parse(params).update) };
    case 'sent': {
      const body = bodies.sent.parse(params);
      return {
        messages: api.sent(body.chat),
        draft: state.drafts.get(body.chat)?.text,
        action: state.actions.get(body.chat),
      };
    }
    case 'calls':
      return { calls: api.calls };
    case 'pending':
      return { updates: state.queue.length };
    default:
      return change(api, name, params);
  }
}

function change(api: BotApi, name: string, params: unknown): unknown {
  switch (name) {
    case 'fault': {
      const body = bodies.fault.parse(params);
      api.failNext(body.method, body.fault, body.times);
      return {};
    }
    case 'block': {
      const body = bodies.block.parse(params);
      if (body.on) api.state.blocked.add(body.chat);
      else api.state.blocked.delete(body.chat);
      return {};
    }
    case 'refuse_html':
      api.refuseHtml(bodies.refuse_html.parse(params).on);
      return {};
    case 'disconnect':
      setImmediate(() => api.disconnect());
      return {};
    case 'webhook_proxy':
      api.webhooks.proxy = bodies.webhook_proxy.parse(params);
      return {};
    default:
      throw new Error(`there is no control route ${name}`);
  }
}

function findUser(api: BotApi, id: number): FakeUser {
  const known = api.state.chats.get(id);
  const user: FakeUser = {
    id,
    is_bot: false,
    first_name: known?.first_name ?? `User ${id}`,
    ...(known?.username && { username: known.username }),
  };
  if (!known) addPrivateChat(api.state, user);
  return user;
}
