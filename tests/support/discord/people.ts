// The other side of the chat: what people do in their apps. Everything happens at once.
import { randomInt } from 'node:crypto';
import {
  channelObject,
  FORUM,
  guildObject,
  type Channel,
  type FileEntry,
  type Guild,
  type Json,
  type Message,
  type User,
} from './objects.ts';
import type { Interaction, World } from './world.ts';

export interface SayOptions {
  /** Id of the message that it answers. */
  replyTo?: string | undefined;
  /** Puts the bot's mention before the text. */
  mention?: boolean | undefined;
  files?: readonly SentFile[] | undefined;
  /** Default now. */
  atMs?: number | undefined;
  /** Further fields of the message, whatever they are. */
  extra?: Json | undefined;
  type?: number | undefined;
}

export interface SentFile {
  name: string;
  mime: string;
  bytes: Uint8Array;
  /** Set: a voice message. */
  seconds?: number | undefined;
}

/** One person in one channel or thread. */
export interface UserChat {
  channel: string;
  say(text: string, options?: SayOptions): Message;
  sendSticker(file: SentFile): Message;
  edit(message: string, text: string): void;
  delete(message: string): void;
  /** Presses the button with this data. Throws when there is none. */
  press(message: string, data: string): Interaction;
  /** Calls one of the bot's commands. */
  command(name: string, text?: string): Interaction;
}

export interface Person {
  user: User;
  dm: UserChat;
  in(channel: Place): UserChat;
  /** Takes no messages of the bot any more. */
  block(isOn: boolean): void;
}

export interface Place {
  id: string;
}

export interface Group extends Place {
  guild: Guild;
  /** A thread in this channel, or a post in this forum with its first message. */
  thread(name: string, by: Person, text?: string): Place;
  archive(thread: Place): void;
}

export interface GroupOptions {
  name?: string;
  forum?: boolean;
  tier?: number;
  /** A channel of the same server as this one. */
  beside?: Group;
}

/** The same person for the same id: a name given later changes nothing. */
export function makePerson(world: World, user: User): Person {
  const known = world.users.get(user.id) ?? user;
  world.users.set(known.id, known);
  return {
    user: known,
    get dm() {
      return makeUserChat(world, world.dmOf(known), known);
    },
    in: (place) => makeUserChat(world, needChannel(world, place.id), known),
    block(isOn) {
      if (isOn) world.blocked.add(known.id);
      else world.blocked.delete(known.id);
    },
  };
}

export function makeGroup(world: World, options: GroupOptions = {}): Group {
  const guild = options.beside?.guild ?? addGuild(world, options.tier ?? 0);
  const channel = world.addChannel({ type: options.forum ? FORUM : 0, name: options.name ?? 'general', guild });
  // A new channel of a server that is known, or all of a new one.
  if (options.beside) world.options.emit('CHANNEL_CREATE', channelObject(channel));
  else world.options.emit('GUILD_CREATE', guildObject(guild, [...world.channels.values()], world.bot));
  return {
    id: channel.id,
    guild,
    thread(name, by, text) {
      const thread = world.addChannel({ type: 11, name, guild, parent: channel.id, owner: by.user.id });
      world.options.emit('THREAD_CREATE', { ...channelObject(thread), newly_created: true });
      if (text !== undefined) world.post(thread, { author: by.user, content: text, id: thread.id });
      return thread;
    },
    archive(thread) {
      const found = needChannel(world, thread.id);
      found.isArchived = true;
      world.options.emit('THREAD_UPDATE', channelObject(found));
    },
  };
}

function addGuild(world: World, tier: number): Guild {
  const id = world.mint();
  const botRole = world.mint();
  const guild: Guild = {
    id,
    name: 'Test server',
    tier,
    botRole,
    roles: [
      { id, name: '@everyone', bot: undefined },
      { id: botRole, name: world.bot.username, bot: world.bot.id },
      { id: world.mint(), name: 'Readers', bot: undefined },
    ],
  };
  world.guilds.set(id, guild);
  return guild;
}

function needChannel(world: World, id: string): Channel {
  const channel = world.channels.get(id);
  if (channel === undefined) throw new Error(`there is no channel ${id}`);
  return channel;
}

function needMessage(channel: Channel, id: string): Message {
  const message = channel.messages.get(id);
  if (message === undefined) throw new Error(`there is no message ${id} in channel ${channel.id}`);
  return message;
}

function makeUserChat(world: World, channel: Channel, user: User): UserChat {
  return {
    channel: channel.id,
    say(text, options = {}) {
      const { replyTo, files = [], mention, atMs, extra, type } = options;
      return world.post(channel, {
        author: user,
        content: mention ? `<@${world.bot.id}> ${text}` : text,
        files: files.map((file) => keepFile(world, file)),
        flags: files.some((file) => file.seconds !== undefined) ? 8_192 : 0,
        replyTo,
        atMs,
        ...(extra && { extra }),
        ...(type !== undefined && { type }),
      });
    },
    sendSticker(file) {
      const id = world.mint();
      world.stickerFiles.set(id, file.bytes);
      return world.post(channel, { author: user, stickers: [{ id, name: file.name, format_type: 1 }] });
    },
    edit: (id, text) => world.edit(channel, needMessage(channel, id), { content: text }),
    delete: (id) => world.remove(channel, needMessage(channel, id)),
    press(id, data) {
      const message = needMessage(channel, id);
      if (!JSON.stringify(message.components).includes(JSON.stringify(data)))
        throw new Error(`message ${id} has no button with the data ${data}`);
      return world.interact(channel, user, { type: 3, data: { component_type: 2, custom_id: data, id: 2 }, message });
    },
    command(name, text) {
      const options = text === undefined ? {} : { options: [{ type: 3, name: 'text', value: text }] };
      return world.interact(channel, user, { type: 2, data: { id: world.mint(), type: 1, name, ...options } });
    },
  };
}

function keepFile(world: World, file: SentFile): FileEntry {
  const voice = file.seconds === undefined ? {} : { seconds: file.seconds, waveform: 'AAAA' };
  return { id: world.mint(), name: file.name, type: file.mime, bytes: file.bytes, ...voice };
}

/** Ids of test people need not look like anything; Discord's do. */
export function personId(number = randomInt(1, 1_000_000)): string {
  return String(200_000_000_000_000_000n + BigInt(number));
}
