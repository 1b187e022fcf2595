// The table of methods, and those that ask and set up: getMe, commands, chats.
import type { BotCommand, User, UserFromGetMe } from 'grammy/types';
import {
  answerCallbackQuery,
  deleteMessage,
  deleteMessages,
  editMessageCaption,
  editMessageReplyMarkup,
  editMessageText,
  setMessageReaction,
} from './edit-methods.ts';
import { badRequest, isRecord, type ApiRequest } from './http.ts';
import { readInteger, readList, readRecord, readText } from './params.ts';
import {
  getFile,
  makeSendMedia,
  sendChatAction,
  sendMediaGroup,
  sendMessage,
  sendMessageDraft,
} from './send-methods.ts';
import { needChat, type ChatState, type World } from './world.ts';

/** Answers a call, or throws an ApiError. */
export type Method = (world: World, request: ApiRequest) => unknown;

/** By their real names; calls may write them in any case. getUpdates and the webhook's belong to the server. */
export const METHODS: Readonly<Record<string, Method>> = {
  getMe,
  sendMessage,
  sendMessageDraft,
  sendChatAction,
  sendPhoto: makeSendMedia('photo'),
  sendDocument: makeSendMedia('document'),
  sendVoice: makeSendMedia('voice'),
  sendAudio: makeSendMedia('audio'),
  sendVideo: makeSendMedia('video'),
  sendSticker: makeSendMedia('sticker'),
  sendMediaGroup,
  getFile,
  editMessageText,
  editMessageCaption,
  editMessageReplyMarkup,
  deleteMessage,
  deleteMessages,
  answerCallbackQuery,
  setMessageReaction,
  setMyCommands,
  getMyCommands,
  deleteMyCommands,
  getChat,
  getChatMember,
  leaveChat,
};

function getMe(world: World): UserFromGetMe {
  return world.me;
}

const MAX_COMMANDS = 100;

function setMyCommands(world: World, request: ApiRequest): true {
  const list = readList(request, 'commands') ?? [];
  if (list.length > MAX_COMMANDS) throw badRequest('BOT_COMMANDS_TOO_MUCH');
  world.commands.set(commandsKey(request), list.map(readCommand));
  world.changed();
  return true;
}

function readCommand(value: unknown): BotCommand {
  if (!isRecord(value)) throw badRequest("can't parse BotCommand: expected an Object");
  const { command, description } = value;
  if (typeof command !== 'string' || !/^\/?[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID');
  if (typeof description !== 'string' || description.length < 1 || description.length > 256)
    throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID');
  return { command: command.replace(/^\//, ''), description };
}

function getMyCommands(world: World, request: ApiRequest): readonly BotCommand[] {
  return world.commands.get(commandsKey(request)) ?? [];
}

function deleteMyCommands(world: World, request: ApiRequest): true {
  world.commands.delete(commandsKey(request));
  world.changed();
  return true;
}

function commandsKey(request: ApiRequest): string {
  const scope = readRecord(request, 'scope') ?? { type: 'default' };
  return `${JSON.stringify(scope)} ${readText(request, 'language_code')}`;
}

function getChat(world: World, request: ApiRequest) {
  const { chat } = needChat(world, readText(request, 'chat_id'));
  return {
    ...chat,
    accent_color_id: 0,
    max_reaction_count: 11,
    accepted_gift_types: {
      unlimited_gifts: false,
      limited_gifts: false,
      unique_gifts: false,
      premium_subscription: false,
      gifts_from_channels: false,
    },
  };
}

function getChatMember(world: World, request: ApiRequest) {
  const state = needChat(world, readText(request, 'chat_id'));
  const id = readInteger(request, 'user_id');
  if (id === world.bot.id) return botMember(world, state);
  const user = id === undefined ? undefined : world.users.get(id);
  if (user === undefined) throw badRequest('invalid user_id specified');
  return { status: 'member', user };
}

/** The bot as member of a chat, in the form of its status. */
export function botMember(world: World, state: ChatState): Record<string, unknown> & { status: string; user: User } {
  const user = world.bot;
  if (state.closed === 'blocked') return { status: 'kicked', user, until_date: 0 };
  if (state.bot === 'kicked') return { status: 'kicked', user, until_date: 0 };
  if (state.bot !== 'administrator') return { status: state.bot, user };
  const may = [
    'can_be_edited',
    'is_anonymous',
    'can_manage_chat',
    'can_delete_messages',
    'can_manage_video_chats',
    'can_restrict_members',
    'can_promote_members',
    'can_change_info',
    'can_invite_users',
    'can_post_stories',
    'can_edit_stories',
    'can_delete_stories',
  ].map((name) => [name, name === 'can_delete_messages' || name === 'can_manage_chat'] as const);
  return { status: 'administrator', user, ...Object.fromEntries(may) };
}

function leaveChat(world: World, request: ApiRequest): true {
  const state = needChat(world, readText(request, 'chat_id'));
  if (state.chat.type === 'private') throw badRequest("chat member status can't be changed in private chats");
  state.bot = 'left';
  world.changed();
  return true;
}
