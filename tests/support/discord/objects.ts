// Discord's objects as its API gives them, with all fields that its specification requires.

export type Json = Record<string, unknown>;

export interface User {
  id: string;
  username: string;
  globalName: string;
  bot: boolean;
}

export function userObject({ id, username, globalName, bot }: User): Json {
  return {
    id,
    username,
    global_name: globalName,
    discriminator: '0',
    avatar: null,
    public_flags: 0,
    flags: 0,
    primary_guild: null,
    ...(bot && { bot: true }),
  };
}

export interface FileEntry {
  id: string;
  name: string;
  type: string;
  bytes: Uint8Array;
  /** Of voice messages. */
  seconds?: number | undefined;
  waveform?: string | undefined;
}

export interface Message {
  id: string;
  channel: string;
  type: number;
  author: User;
  content: string;
  timestamp: string;
  editedTimestamp: string | null;
  files: FileEntry[];
  stickers: Json[];
  components: Json[];
  flags: number;
  mentions: User[];
  mentionRoles: string[];
  /** Id of the message that it answers. */
  replyTo: string | undefined;
  nonce: string | number | undefined;
  webhook: string | undefined;
  /** Emoji with the users who gave it. */
  reactions: Map<string, Set<string>>;
  /** Further fields, whatever they are. */
  extra: Json;
}

export interface MessageContext {
  /** Address of the file server. */
  cdn: string;
  me: string;
  guild: string | undefined;
  find(id: string): Message | undefined;
}

/** `withNonce`: the answer to its sender and the event hold it, history does not. */
export function messageObject(message: Message, context: MessageContext, withNonce = false): Json {
  const replied = message.replyTo === undefined ? undefined : context.find(message.replyTo);
  return {
    id: message.id,
    channel_id: message.channel,
    type: message.type,
    author: userObject(message.author),
    content: message.content,
    timestamp: message.timestamp,
    edited_timestamp: message.editedTimestamp,
    tts: false,
    pinned: false,
    mention_everyone: false,
    mentions: message.mentions.map(userObject),
    mention_roles: message.mentionRoles,
    attachments: message.files.map((file) => attachmentObject(file, message, context)),
    embeds: [],
    components: message.components,
    flags: message.flags,
    ...(message.stickers.length > 0 && { sticker_items: message.stickers }),
    ...(message.webhook !== undefined && { webhook_id: message.webhook }),
    ...(withNonce && message.nonce !== undefined && { nonce: message.nonce }),
    ...(message.replyTo !== undefined && {
      message_reference: {
        type: 0,
        channel_id: message.channel,
        message_id: message.replyTo,
        ...(context.guild !== undefined && { guild_id: context.guild }),
      },
      referenced_message: replied ? messageObject({ ...replied, replyTo: undefined }, context) : null,
    }),
    ...(message.reactions.size > 0 && { reactions: reactionObjects(message, context.me) }),
    ...message.extra,
  };
}

function attachmentObject(file: FileEntry, message: Message, { cdn }: MessageContext): Json {
  const path = `attachments/${message.channel}/${file.id}/${encodeURIComponent(file.name)}`;
  return {
    id: file.id,
    filename: file.name,
    content_type: file.type,
    size: file.bytes.length,
    // Signed for a day; the file server looks at it.
    url: `${cdn}/${path}?ex=${message.id}&is=0&hm=0`,
    proxy_url: `${cdn}/${path}`,
    ...(file.seconds !== undefined && { duration_secs: file.seconds }),
    ...(file.waveform !== undefined && { waveform: file.waveform }),
  };
}

function reactionObjects({ reactions }: Message, me: string): Json[] {
  return [...reactions].map(([name, users]) => ({
    emoji: { id: null, name },
    count: users.size,
    count_details: { burst: 0, normal: users.size },
    burst_colors: [],
    me_burst: false,
    burst_me: false,
    burst_count: 0,
    me: users.has(me),
  }));
}

export interface Guild {
  id: string;
  name: string;
  tier: number;
  /** The role that was made for the bot when it was invited. */
  botRole: string;
  roles: { id: string; name: string; bot: string | undefined }[];
}

export interface Channel {
  id: string;
  type: number;
  name: string;
  guild: Guild | undefined;
  parent: string | undefined;
  /** Of a DM. */
  recipient: User | undefined;
  owner: string | undefined;
  isArchived: boolean;
  messages: Map<string, Message>;
  lastMessage: string | undefined;
}

export const DM = 1;
export const THREADS = [10, 11, 12];
export const FORUM = 15;

export function channelObject(channel: Channel): Json {
  const base = { id: channel.id, type: channel.type, flags: 0, last_message_id: channel.lastMessage ?? null };
  if (channel.recipient) return { ...base, recipients: [userObject(channel.recipient)] };
  const inGuild = { ...base, guild_id: channel.guild?.id, name: channel.name, parent_id: channel.parent ?? null };
  if (!THREADS.includes(channel.type)) return { ...inGuild, position: 0 };
  return {
    ...inGuild,
    owner_id: channel.owner,
    message_count: channel.messages.size,
    member_count: 1,
    total_message_sent: channel.messages.size,
    thread_metadata: {
      archived: channel.isArchived,
      locked: false,
      auto_archive_duration: 1440,
      archive_timestamp: '2026-01-01T00:00:00.000000+00:00',
      create_timestamp: '2026-01-01T00:00:00.000000+00:00',
    },
  };
}

export function guildObject(guild: Guild, channels: readonly Channel[], bot: User): Json {
  const own = channels.filter((channel) => channel.guild === guild);
  const isThread = (channel: Channel) => THREADS.includes(channel.type);
  return {
    id: guild.id,
    name: guild.name,
    premium_tier: guild.tier,
    owner_id: '1',
    roles: guild.roles.map(roleObject),
    emojis: [],
    stickers: [],
    features: [],
    joined_at: '2026-01-01T00:00:00.000000+00:00',
    large: false,
    unavailable: false,
    member_count: 3,
    members: [{ user: userObject(bot), roles: [guild.botRole], joined_at: null, deaf: false, mute: false, flags: 0 }],
    presences: [],
    voice_states: [],
    stage_instances: [],
    guild_scheduled_events: [],
    channels: own.filter((channel) => !isThread(channel)).map(channelObject),
    threads: own.filter((channel) => isThread(channel) && !channel.isArchived).map(channelObject),
  };
}

export function roleObject({ id, name, bot }: Guild['roles'][number]): Json {
  return {
    id,
    name,
    color: 0,
    hoist: false,
    position: 1,
    permissions: '0',
    managed: bot !== undefined,
    mentionable: true,
    flags: 0,
    ...(bot !== undefined && { tags: { bot_id: bot } }),
  };
}
