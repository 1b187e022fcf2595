// What the fake Discord knows: the bot, people, servers, channels, messages, interactions; and what happens to them.
import { randomBytes } from 'node:crypto';
import {
  channelObject,
  DM,
  messageObject,
  THREADS,
  userObject,
  type Channel,
  type FileEntry,
  type Guild,
  type Json,
  type Message,
  type MessageContext,
  type User,
} from './objects.ts';

const EPOCH_MS = 1_420_070_400_000;
/** "unique in the past few minutes"; nobody says how many. */
const NONCE_KEPT_MS = 3 * 60_000;

/** An event for the gateway. */
export type Emit = (type: string, data: unknown) => void;

export interface Interaction {
  id: string;
  token: string;
  /** Bodies of the answers to it, in order. */
  callbacks: Json[];
  /** Whether its first answer was taken back. */
  isDeleted: boolean;
}

export interface WorldOptions {
  botId: string;
  username: string;
  /** Address of the server, set once it listens. */
  cdn(): string;
  emit: Emit;
  changed(): void;
}

export interface MessageDraft {
  author: User;
  content?: string | undefined;
  files?: FileEntry[];
  stickers?: Json[];
  components?: Json[];
  flags?: number;
  replyTo?: string | undefined;
  nonce?: string | number | undefined;
  type?: number;
  webhook?: string | undefined;
  extra?: Json;
  /** Default now. */
  atMs?: number | undefined;
  /** Of a post's first message: the id that the post has. */
  id?: string;
}

export class World {
  readonly bot: User;
  readonly application = '900000000000000001';
  readonly users = new Map<string, User>();
  readonly guilds = new Map<string, Guild>();
  readonly channels = new Map<string, Channel>();
  readonly interactions = new Map<string, Interaction>();
  /** Channel and time of each sign of typing. */
  readonly typing: { channel: string; atMs: number }[] = [];
  readonly blocked = new Set<string>();
  readonly stickerFiles = new Map<string, Uint8Array>();
  readonly options: WorldOptions;
  commands: unknown[] = [];
  #sequence = 0n;
  readonly #nonces = new Map<string, { message: string; channel: string; atMs: number }>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.bot = { id: options.botId, username: options.username, globalName: options.username, bot: true };
    this.users.set(this.bot.id, this.bot);
  }

  /** A snowflake of that time, higher than any of the same millisecond. */
  mint(atMs = Date.now()): string {
    this.#sequence = (this.#sequence + 1n) & 0x3fffffn;
    return String((BigInt(atMs - EPOCH_MS) << 22n) | this.#sequence);
  }

  addChannel(channel: Pick<Channel, 'type' | 'name'> & Partial<Channel>): Channel {
    const whole: Channel = {
      id: this.mint(),
      guild: undefined,
      parent: undefined,
      recipient: undefined,
      owner: undefined,
      isArchived: false,
      messages: new Map(),
      lastMessage: undefined,
      ...channel,
    };
    this.channels.set(whole.id, whole);
    return whole;
  }

  dmOf(user: User): Channel {
    const known = [...this.channels.values()].find((channel) => channel.recipient?.id === user.id);
    return known ?? this.addChannel({ type: DM, name: '', recipient: user });
  }

  contextOf(channel: Channel): MessageContext {
    return {
      cdn: this.options.cdn(),
      me: this.bot.id,
      guild: channel.guild?.id,
      find: (id) => channel.messages.get(id),
    };
  }

  /** The message of an earlier send with the same nonce, while it is remembered. */
  findByNonce(nonce: string | number): Message | undefined {
    const known = this.#nonces.get(String(nonce));
    if (!known || Date.now() - known.atMs > NONCE_KEPT_MS) return undefined;
    return this.channels.get(known.channel)?.messages.get(known.message);
  }

  forgetNonces(): void {
    this.#nonces.clear();
  }

  post(channel: Channel, draft: MessageDraft): Message {
    const atMs = draft.atMs ?? Date.now();
    const content = (draft.content ?? '').trim();
    const named = [...content.matchAll(/<@!?(\d+)>/g)].map((match) => this.users.get(match[1] ?? ''));
    // An answer calls the one who is answered.
    const replied = draft.replyTo === undefined ? undefined : channel.messages.get(draft.replyTo);
    const roles = [...content.matchAll(/<@&(\d+)>/g)].map((match) => match[1] ?? '');
    const message: Message = {
      id: draft.id ?? this.mint(atMs),
      channel: channel.id,
      type: draft.type ?? (draft.replyTo === undefined ? 0 : 19),
      author: draft.author,
      content,
      timestamp: isoTime(atMs),
      editedTimestamp: null,
      files: draft.files ?? [],
      stickers: draft.stickers ?? [],
      components: draft.components ?? [],
      flags: draft.flags ?? 0,
      mentions: [...new Set([...named, replied?.author])].filter((user) => user !== undefined),
      mentionRoles: roles,
      replyTo: draft.replyTo,
      nonce: draft.nonce,
      webhook: draft.webhook,
      reactions: new Map(),
      extra: draft.extra ?? {},
    };
    channel.messages.set(message.id, message);
    channel.lastMessage = message.id;
    if (draft.nonce !== undefined)
      this.#nonces.set(String(draft.nonce), { message: message.id, channel: channel.id, atMs });
    if (channel.isArchived) {
      channel.isArchived = false;
      this.options.emit('THREAD_UPDATE', channelObject(channel));
    }
    this.emitMessage('MESSAGE_CREATE', channel, message);
    return message;
  }

  edit(channel: Channel, message: Message, changes: Partial<Message>): void {
    Object.assign(message, changes, { editedTimestamp: isoTime(Date.now()) });
    this.emitMessage('MESSAGE_UPDATE', channel, message);
  }

  remove(channel: Channel, message: Message): void {
    channel.messages.delete(message.id);
    this.options.emit('MESSAGE_DELETE', { id: message.id, channel_id: channel.id, ...guildId(channel) });
    this.options.changed();
  }

  emitMessage(type: string, channel: Channel, message: Message): void {
    const { guild } = channel;
    this.options.emit(type, {
      ...messageObject(message, this.contextOf(channel), true),
      ...guildId(channel),
      channel_type: channel.type,
      ...(guild && { member: memberObject(message.author) }),
    });
    this.options.changed();
  }

  interact(channel: Channel, by: User, content: { type: number; data: Json; message?: Message }): Interaction {
    const interaction: Interaction = {
      id: this.mint(),
      token: randomBytes(48).toString('base64url'),
      callbacks: [],
      isDeleted: false,
    };
    this.interactions.set(interaction.id, interaction);
    const { type, data, message } = content;
    this.options.emit('INTERACTION_CREATE', {
      id: interaction.id,
      application_id: this.application,
      type,
      token: interaction.token,
      version: 1,
      data,
      channel_id: channel.id,
      channel: channelObject(channel),
      attachment_size_limit: 10_485_760,
      authorizing_integration_owners: {},
      entitlements: [],
      app_permissions: '0',
      locale: 'en-US',
      ...(channel.guild
        ? { guild_id: channel.guild.id, member: { ...memberObject(by), user: userObject(by) } }
        : { user: userObject(by) }),
      ...(message && { message: messageObject(message, this.contextOf(channel)) }),
    });
    this.options.changed();
    return interaction;
  }

  /** Threads that are not archived. */
  activeThreads(guild: string): readonly Channel[] {
    return [...this.channels.values()].filter(
      (channel) => channel.guild?.id === guild && THREADS.includes(channel.type) && !channel.isArchived,
    );
  }
}

function memberObject(user: User): Json {
  return {
    nick: user.bot ? null : `${user.globalName}`,
    roles: [],
    joined_at: null,
    deaf: false,
    mute: false,
    flags: 0,
  };
}

function guildId(channel: Channel): Json {
  return channel.guild ? { guild_id: channel.guild.id } : {};
}

let microseconds = 0;

/** As Discord writes it, to the microsecond: two edits within a millisecond differ. */
function isoTime(atMs: number): string {
  microseconds = (microseconds + 1) % 1_000;
  return new Date(atMs).toISOString().replace('Z', `${String(microseconds).padStart(3, '0')}+00:00`);
}
