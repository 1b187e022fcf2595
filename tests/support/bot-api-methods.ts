// The methods of the Bot API that the loopback server knows, with the refusals of the real one.
import type { MediaKind } from '../../shared/messages.ts';
import { parseHtml, trimText, type FakeEntity } from './bot-api-html.ts';
import { mediaFields } from './bot-api-media.ts';
import { booleanParam, integerParam, jsonParam, stringParam, type BotApiRequest } from './bot-api-request.ts';
import type { BotApiState, FakeChat, FakeMessage, InlineKeyboard } from './bot-api-state.ts';

/** A refusal as the Bot API words it. */
export class Refusal extends Error {
  readonly status: number;
  readonly parameters: { retry_after?: number; migrate_to_chat_id?: number } | undefined;

  constructor(status: number, description: string, parameters?: Refusal['parameters']) {
    super(description);
    this.status = status;
    this.parameters = parameters;
  }
}

const bad = (description: string) => new Refusal(400, `Bad Request: ${description}`);

export interface MethodInput {
  state: BotApiState;
  request: BotApiRequest;
  /** Set by a test: markup is refused whatever it is. */
  refusesHtml: boolean;
  nowSeconds: number;
}

type Method = (input: MethodInput) => unknown;

const MAX_TEXT = 4096;
const MAX_CAPTION = 1024;
const MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024;

export const METHODS: Record<string, Method> = {
  getme: ({ state }) => ({
    ...state.bot,
    can_join_groups: true,
    can_read_all_group_messages: true,
    supports_inline_queries: false,
  }),
  sendmessage: (input) => {
    const text = readText(input, 'text', MAX_TEXT);
    if (text.text === '') throw bad('message text is empty');
    return post(input, { text: text.text, ...(text.entities.length > 0 && { entities: text.entities }) });
  },
  sendphoto: (input) => sendMedia(input, 'image', 'photo'),
  senddocument: (input) => sendMedia(input, 'document', 'document'),
  sendaudio: (input) => sendMedia(input, 'audio', 'audio'),
  sendvoice: (input) => sendMedia(input, 'voice', 'voice'),
  sendvideo: (input) => sendMedia(input, 'video', 'video'),
  sendsticker: (input) => sendMedia(input, 'sticker', 'sticker'),
  editmessagetext: (input) => {
    const message = findMessage(input, 'message to edit not found');
    if (message.from.id !== input.state.bot.id) throw bad("message can't be edited");
    if (message.text === undefined) throw bad('there is no text in the message to edit');
    const { text, entities } = readText(input, 'text', MAX_TEXT);
    if (text === '') throw bad('message text is empty');
    return edit(input, message, { text, entities });
  },
  editmessagecaption: (input) => {
    const message = findMessage(input, 'message to edit not found');
    const { text, entities } = readText(input, 'caption', MAX_CAPTION);
    return edit(input, message, { caption: text, caption_entities: entities });
  },
  sendmessagedraft: sendDraft,
  sendchataction: (input) => {
    input.state.actions.set(findChat(input).id, stringParam(input.request.params, 'action') ?? '');
    return true;
  },
  setmessagereaction: (input) => {
    const message = findMessage(input, 'message to react not found');
    const reactions = jsonParam(input.request.params, 'reaction');
    const emoji = Array.isArray(reactions) ? reactions.map((one: unknown) => readField(one, 'emoji')) : [];
    if (emoji.some((one) => one === '')) throw bad('REACTION_INVALID');
    input.state.reactions.set(`${message.chat.id}/${message.message_id}`, emoji);
    return true;
  },
  answercallbackquery: ({ state, request }) => {
    const callback = state.callbacks.get(stringParam(request.params, 'callback_query_id') ?? '');
    if (!callback) throw bad('query is too old and response timeout expired or query ID is invalid');
    callback.answered = true;
    return true;
  },
  getfile: ({ state, request }) => {
    const file = state.files.get(stringParam(request.params, 'file_id') ?? '');
    if (!file) throw bad('wrong file_id or the file is temporarily unavailable');
    if (file.bytes.length > MAX_DOWNLOAD_BYTES) throw bad('file is too big');
    return {
      file_id: file.file_id,
      file_unique_id: file.file_unique_id,
      file_size: file.bytes.length,
      file_path: file.path,
    };
  },
  setmycommands: ({ state, request }) => {
    const commands = jsonParam(request.params, 'commands');
    if (!Array.isArray(commands)) throw bad("can't parse commands JSON object");
    if (commands.length > 100) throw bad('BOT_COMMANDS_TOO_MUCH');
    for (const command of commands as readonly unknown[]) {
      if (!/^[a-z0-9_]{1,32}$/.test(readField(command, 'command'))) throw bad('BOT_COMMAND_INVALID');
      if (!/^[\s\S]{1,256}$/.test(readField(command, 'description'))) throw bad('BOT_COMMAND_DESCRIPTION_INVALID');
    }
    state.commands = commands;
    return true;
  },
  setwebhook: setWebhook,
  deletewebhook: ({ state }) => {
    state.webhook = undefined;
    return true;
  },
  getwebhookinfo: ({ state }) => ({
    url: state.webhook?.url ?? '',
    has_custom_certificate: false,
    pending_update_count: state.queue.length,
  }),
};

function readField(value: unknown, name: string): string {
  if (typeof value !== 'object' || value === null) return '';
  const field: unknown = Reflect.get(value, name);
  return typeof field === 'string' ? field : '';
}

function findChat({ state, request }: MethodInput): FakeChat {
  const chat = state.chats.get(integerParam(request.params, 'chat_id') ?? Number.NaN);
  if (!chat) throw bad('chat not found');
  if (state.blocked.has(chat.id)) throw new Refusal(403, 'Forbidden: bot was blocked by the user');
  return chat;
}

function findMessage(input: MethodInput, orElse: string): FakeMessage {
  const chat = findChat(input);
  const message = input.state.messages
    .get(chat.id)
    ?.get(integerParam(input.request.params, 'message_id') ?? Number.NaN);
  if (!message) throw bad(orElse);
  return message;
}

function readText(input: MethodInput, name: 'text' | 'caption', max: number): { text: string; entities: FakeEntity[] } {
  const { params } = input.request;
  const source = stringParam(params, name) ?? '';
  const mode = stringParam(params, 'parse_mode');
  if (mode !== undefined && mode.toLowerCase() !== 'html') throw bad('unsupported parse_mode');
  if (mode !== undefined && input.refusesHtml) throw bad("can't parse entities: Unsupported start tag");
  const parsed = mode === undefined ? trimText(source, []) : parseHtml(source);
  if ('error' in parsed) throw bad(`can't parse entities: ${parsed.error}`);
  if (parsed.text.length > max) throw bad(name === 'text' ? 'message is too long' : 'message caption is too long');
  return parsed;
}

function readKeyboard(params: Record<string, unknown>): InlineKeyboard | undefined {
  const markup = jsonParam(params, 'reply_markup');
  if (typeof markup !== 'object' || markup === null || !('inline_keyboard' in markup)) return undefined;
  const rows = markup.inline_keyboard;
  if (!Array.isArray(rows)) throw bad("can't parse inline keyboard");
  const inline_keyboard = rows.map((row: unknown) => {
    if (!Array.isArray(row)) throw bad("can't parse inline keyboard button");
    return row.map((button: unknown) => {
      const data = readField(button, 'callback_data');
      const text = readField(button, 'text');
      if (text === '') throw bad("can't parse inline keyboard button: text must be non-empty");
      const bytes = Buffer.byteLength(data);
      if (bytes < 1 || bytes > 64) throw bad('BUTTON_DATA_INVALID');
      return { text, callback_data: data };
    });
  });
  return inline_keyboard.length > 0 ? { inline_keyboard } : undefined;
}

/** Adds a message of the bot to its chat. */
function post(input: MethodInput, content: Record<string, unknown>): FakeMessage {
  const { state, request } = input;
  const chat = findChat(input);
  const markup = readKeyboard(request.params);
  const reply = readReply(input, chat);
  const thread = integerParam(request.params, 'message_thread_id');
  if (thread !== undefined && !state.topics.has(`${chat.id}/${thread}`)) throw bad('message thread not found');
  state.drafts.delete(chat.id);
  state.actions.delete(chat.id);
  return state.addMessage({
    message_id: state.nextMessageId(),
    from: state.bot,
    chat,
    date: input.nowSeconds,
    ...(thread !== undefined && { message_thread_id: thread, is_topic_message: true }),
    ...(reply && { reply_to_message: reply }),
    ...content,
    ...(markup && { reply_markup: markup }),
  });
}

function readReply({ state, request }: MethodInput, chat: FakeChat): FakeMessage | undefined {
  const parameters = jsonParam(request.params, 'reply_parameters');
  if (typeof parameters !== 'object' || parameters === null) return undefined;
  const found = state.messages.get(chat.id)?.get(Number(Reflect.get(parameters, 'message_id')));
  if (!found && !booleanParam({ ...parameters }, 'allow_sending_without_reply'))
    throw bad('message to be replied not found');
  if (!found) return undefined;
  // The replied message comes without its own reply (Message.reply_to_message).
  const { reply_to_message: _, ...flat } = found;
  return { ...flat, message_id: found.message_id, date: found.date, chat: found.chat, from: found.from };
}

function sendMedia(input: MethodInput, kind: MediaKind, field: string): FakeMessage {
  const { state, request } = input;
  const reference = stringParam(request.params, field) ?? '';
  const part = request.files.get(reference.startsWith('attach://') ? reference.slice(9) : field);
  const known = state.files.get(reference);
  if (!part && !known) throw bad(`there is no ${field} in the request`);
  if (part && part.bytes.length === 0) throw bad('file must be non-empty');
  if (part && part.bytes.length > (kind === 'image' ? 10 : 50) * 1024 * 1024)
    throw new Refusal(413, 'Request Entity Too Large');
  const file =
    known ??
    state.addFile({
      name: part?.name ?? field,
      mime: part?.type ?? '',
      bytes: part?.bytes ?? new Uint8Array(),
      folder: field,
    });
  const caption = readText(input, 'caption', MAX_CAPTION);
  return post(input, {
    ...mediaFields(kind, file),
    ...(caption.text !== '' && { caption: caption.text }),
    ...(caption.entities.length > 0 && { caption_entities: caption.entities }),
  });
}

function edit(input: MethodInput, message: FakeMessage, content: Partial<FakeMessage>): FakeMessage {
  const markup = readKeyboard(input.request.params);
  const { reply_markup: before, ...rest } = message;
  const same = Object.entries(content).every(
    ([key, value]) => JSON.stringify(message[key] ?? []) === JSON.stringify(value),
  );
  if (same && JSON.stringify(before) === JSON.stringify(markup)) {
    throw bad(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    );
  }
  const filled = Object.fromEntries(
    Object.entries(content).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
  const { message_id, date, chat, from } = message;
  const kept = Object.fromEntries(Object.entries(rest).filter(([key]) => !(key in content)));
  return input.state.addMessage({
    ...kept,
    ...filled,
    message_id,
    date,
    chat,
    from,
    edit_date: input.nowSeconds,
    ...(markup && { reply_markup: markup }),
  });
}

function sendDraft(input: MethodInput): boolean {
  const { state, request } = input;
  const chat = findChat(input);
  if (chat.type !== 'private') throw bad('chat must be a private chat');
  const draft_id = integerParam(request.params, 'draft_id');
  if (!draft_id) throw bad('draft_id must be non-zero');
  const { text } = readText(input, 'text', MAX_TEXT);
  const before = state.drafts.get(chat.id);
  state.drafts.set(chat.id, { draft_id, text, updates: (before?.updates ?? 0) + 1 });
  return true;
}

function setWebhook({ state, request }: MethodInput): boolean {
  const url = stringParam(request.params, 'url') ?? '';
  if (url === '') {
    state.webhook = undefined;
    return true;
  }
  if (!/^https:\/\//.test(url)) throw bad('bad webhook: An HTTPS URL must be provided for webhook');
  const secret = stringParam(request.params, 'secret_token') ?? '';
  if (!/^[A-Za-z0-9_-]{0,256}$/.test(secret)) throw bad('secret token contains illegal characters');
  const allowed = jsonParam(request.params, 'allowed_updates');
  if (Array.isArray(allowed)) state.allowedUpdates = allowed.map(String);
  state.webhook = { url, secret };
  return true;
}
